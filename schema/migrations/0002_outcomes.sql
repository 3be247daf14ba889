-- How nodes and executions ended, by name; what the sandbox refused; what they used and were allowed.

ALTER TABLE workflow_executions ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
ALTER TABLE workflow_executions ADD COLUMN isolation_missing TEXT NOT NULL DEFAULT '[]'
  CHECK (json_valid(isolation_missing));                           -- names of mechanisms that this host did not give
ALTER TABLE workflow_executions ADD COLUMN sandbox TEXT
  CHECK (sandbox IS NULL OR json_valid(sandbox));                  -- what its nodes were allowed

ALTER TABLE node_executions ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
ALTER TABLE node_executions ADD COLUMN denied TEXT
  CHECK (denied IS NULL OR json_valid(denied));                    -- [{act, reason, setting}]
ALTER TABLE node_executions ADD COLUMN resource_usage TEXT
  CHECK (resource_usage IS NULL OR json_valid(resource_usage));
