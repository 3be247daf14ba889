-- Steps that run more than once, and steps that are not taken.

ALTER TABLE node_executions ADD COLUMN run INTEGER NOT NULL DEFAULT 0;      -- how often the node had run before
ALTER TABLE node_executions ADD COLUMN loop_index TEXT
  CHECK (loop_index IS NULL OR json_valid(loop_index));                     -- [outer round, inner round, ...]
ALTER TABLE node_executions ADD COLUMN live TEXT
  CHECK (live IS NULL OR json_valid(live));                                 -- of a node of flow: outputs with a value
ALTER TABLE workflow_executions ADD COLUMN retry_of TEXT;                   -- the execution that this one repeats
ALTER TABLE node_executions ADD COLUMN reason TEXT NOT NULL DEFAULT '';     -- why it was skipped
