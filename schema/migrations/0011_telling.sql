-- What nodes tell by `import qflow`; the state that a workflow keeps; which executions are counted together, and which run others.

ALTER TABLE node_executions ADD COLUMN told TEXT      -- {log?: [{at, level, text, fields}], display?: [{data, left_out?}], state?: {set, removed}}
  CHECK (told IS NULL OR json_valid(told));

-- Of a workflow by its id, or of a file on the command line by "file:PATH".
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

-- Values of nodes that are used again (a node's `cache`), each user's own. Opaque to the daemon, as kept_values are.
CREATE TABLE cached_values (
  user_id     TEXT NOT NULL,         -- '': nobody's, of the command line
  key         TEXT NOT NULL,         -- fingerprint of code, modules, environment, grants and inputs
  encoding    TEXT NOT NULL CHECK (encoding IN ('json', 'pickle')),
  hash_sha256 TEXT NOT NULL,         -- of the blob
  size        INTEGER NOT NULL,
  type        TEXT NOT NULL,
  preview     TEXT NOT NULL CHECK (json_valid(preview)),
  exact       INTEGER NOT NULL,
  truncated   INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  used_at     INTEGER NOT NULL,
  expires_at  INTEGER,
  PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX cached_values_by_hash ON cached_values (hash_sha256);
CREATE INDEX cached_values_by_use ON cached_values (user_id, used_at);
CREATE TRIGGER cached_values_gone AFTER DELETE ON users BEGIN
  DELETE FROM cached_values WHERE user_id = old.id;
END;
ALTER TABLE workflow_executions ADD COLUMN state_changes TEXT         -- what it had changed of the state, and what is not in its rows: [{set, removed}]
  CHECK (state_changes IS NULL OR json_valid(state_changes));
