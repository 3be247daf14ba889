-- What nodes tell by `import qflow`; the state that a workflow keeps; which executions are counted together, and which run others.

ALTER TABLE node_executions ADD COLUMN told TEXT      -- {log?: [{at, level, text, fields}], display?: [{data, left_out?}], state?: {set, removed}}
  CHECK (told IS NULL OR json_valid(told));

-- Of a workflow by its id, or of a file on the command line by "file:NAME".
CREATE TABLE workflow_states (
  workflow     TEXT PRIMARY KEY,
  state        TEXT NOT NULL CHECK (json_valid(state)),
  changed_at   INTEGER NOT NULL,    -- microseconds
  execution_id TEXT                 -- that changed it last; NULL: somebody did
) STRICT, WITHOUT ROWID;
CREATE TRIGGER workflow_state_gone AFTER DELETE ON workflows BEGIN
  DELETE FROM workflow_states WHERE workflow = old.id;
END;

ALTER TABLE workflow_executions ADD COLUMN concurrency_key TEXT;  -- the value of settings.concurrency.key, as JSON; NULL: none
ALTER TABLE workflow_executions ADD COLUMN parent_execution_id TEXT;  -- the execution that runs it as a part of itself
