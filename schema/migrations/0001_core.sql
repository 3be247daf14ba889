-- Workflows, their executions, the nodes of these, and the files that nodes hand over.
-- Times are microseconds since 1970 UTC; ids are UUIDv7 text, so they sort by time.

CREATE TABLE workflows (
  id             TEXT PRIMARY KEY,
  name           TEXT NOT NULL,
  description    TEXT NOT NULL DEFAULT '',
  nodes          TEXT NOT NULL CHECK (json_valid(nodes)),        -- as it was received
  connections    TEXT NOT NULL CHECK (json_valid(connections)),  -- as it was received
  settings       TEXT NOT NULL CHECK (json_valid(settings)),
  extra          TEXT NOT NULL CHECK (json_valid(extra)),        -- members that are none of ours: pinData, meta, ...
  python_version TEXT NOT NULL DEFAULT '',                       -- empty: the installation's default
  is_active      INTEGER NOT NULL DEFAULT 0,
  is_template    INTEGER NOT NULL DEFAULT 0,
  created_by     TEXT,
  version        INTEGER NOT NULL DEFAULT 1,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX workflows_by_update ON workflows (updated_at DESC, id);
CREATE INDEX workflows_by_name ON workflows (name, id);

CREATE TABLE workflow_executions (
  id                TEXT PRIMARY KEY,
  workflow_id       TEXT,           -- the record outlives its workflow
  workflow_name     TEXT NOT NULL,
  status            TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'cancelled', 'crashed')),
  mode              TEXT NOT NULL,  -- manual, cli
  started_at        INTEGER NOT NULL,
  completed_at      INTEGER,
  duration_ms       REAL,
  input_data        TEXT CHECK (input_data IS NULL OR json_valid(input_data)),
  output_data       TEXT CHECK (output_data IS NULL OR json_valid(output_data)),
  error_message     TEXT,
  error_stack_trace TEXT,
  error_node        TEXT,
  container_id      TEXT,
  python_version    TEXT NOT NULL DEFAULT '',
  isolation_level   INTEGER NOT NULL,
  resource_usage    TEXT CHECK (resource_usage IS NULL OR json_valid(resource_usage)),
  created_by        TEXT,
  owner             TEXT NOT NULL   -- the process that runs it: pid and start time, to tell a crash from a neighbour
) STRICT;
CREATE INDEX executions_by_workflow ON workflow_executions (workflow_id, id DESC);
CREATE INDEX executions_by_status ON workflow_executions (status, id DESC);

CREATE TABLE node_executions (
  id                    INTEGER PRIMARY KEY,
  workflow_execution_id TEXT NOT NULL REFERENCES workflow_executions (id) ON DELETE CASCADE,
  node_id               TEXT NOT NULL,
  node_name             TEXT NOT NULL,
  node_type             TEXT NOT NULL,
  status                TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped', 'cancelled')),
  started_at            INTEGER,
  completed_at          INTEGER,
  duration_ms           REAL,
  input_data            TEXT CHECK (input_data IS NULL OR json_valid(input_data)),  -- where each argument came from
  output_data           TEXT CHECK (output_data IS NULL OR json_valid(output_data)),
  output_type           TEXT,
  output_exact          INTEGER,
  output_truncated      INTEGER,
  stdout                TEXT NOT NULL DEFAULT '',
  stderr                TEXT NOT NULL DEFAULT '',
  output_dropped        INTEGER NOT NULL DEFAULT 0,  -- bytes of stdout and stderr beyond the limit
  error_type            TEXT,
  error_message         TEXT,
  error_stack_trace     TEXT,
  error_line            INTEGER,
  execution_order       INTEGER NOT NULL,
  retry_count           INTEGER NOT NULL DEFAULT 0,
  max_retries           INTEGER NOT NULL DEFAULT 3
) STRICT;
CREATE UNIQUE INDEX nodes_by_execution ON node_executions (workflow_execution_id, execution_order);

CREATE TABLE files (
  id                    TEXT PRIMARY KEY,
  filename              TEXT NOT NULL,  -- of our making
  file_size_bytes       INTEGER NOT NULL,
  mime_type             TEXT NOT NULL,
  hash_sha256           TEXT NOT NULL,  -- and with it the place in the blob directory
  workflow_execution_id TEXT REFERENCES workflow_executions (id) ON DELETE CASCADE,
  node_id               TEXT,
  created_at            INTEGER NOT NULL
) STRICT;
CREATE INDEX files_by_execution ON files (workflow_execution_id);
CREATE INDEX files_by_hash ON files (hash_sha256);
