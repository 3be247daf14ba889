-- Steps that ran beside others; executions that wait, and the values that they kept for it.

ALTER TABLE node_executions ADD COLUMN branch INTEGER NOT NULL DEFAULT 0;   -- the number of its branch; 0: the worker's own

-- A status more: `waiting`. Only the text of the constraint changes (0007_keeping.sql).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (status IN (''queued'', ''running''',
                                            'CHECK (status IN (''queued'', ''waiting'', ''running''')
  WHERE type = 'table' AND name = 'workflow_executions';
PRAGMA writable_schema = RESET;

ALTER TABLE workflow_executions ADD COLUMN wait_till INTEGER;    -- microseconds; NULL while it waits: until it is resumed
ALTER TABLE workflow_executions ADD COLUMN waited_at TEXT;       -- the node that it waited at; '': none. NULL: it begins at its start
ALTER TABLE workflow_executions ADD COLUMN resume_data TEXT      -- what came with the call that resumed it
  CHECK (resume_data IS NULL OR json_valid(resume_data));
ALTER TABLE workflow_executions ADD COLUMN after_crash INTEGER NOT NULL DEFAULT 0;  -- it goes on since its process ended
CREATE INDEX executions_waiting ON workflow_executions (wait_till) WHERE status = 'waiting';

-- Values that outlive their worker, where the record does not have them whole as JSON. Opaque to the daemon.
CREATE TABLE kept_values (
  workflow_execution_id TEXT NOT NULL REFERENCES workflow_executions(id) ON DELETE CASCADE,
  node_id     TEXT NOT NULL,
  encoding    TEXT NOT NULL CHECK (encoding IN ('json', 'pickle')),
  hash_sha256 TEXT NOT NULL,         -- of the blob
  size        INTEGER NOT NULL,
  keep_ms     REAL NOT NULL,
  kept_at     INTEGER NOT NULL,
  PRIMARY KEY (workflow_execution_id, node_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_values_by_hash ON kept_values (hash_sha256);
CREATE TRIGGER value_kept AFTER INSERT ON kept_values BEGIN
  UPDATE workflow_executions SET bytes = bytes + new.size WHERE id = new.workflow_execution_id;
END;
CREATE TRIGGER value_gone AFTER DELETE ON kept_values BEGIN
  UPDATE workflow_executions SET bytes = bytes - old.size WHERE id = old.workflow_execution_id;
END;
