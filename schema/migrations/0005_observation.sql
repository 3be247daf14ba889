-- What is counted and kept about executions beyond their own record. The daily sums are written with each execution's
-- end, so that usage and analytics cost the same however many executions there were.

CREATE INDEX executions_by_owner ON workflow_executions (created_by, id DESC);
CREATE INDEX executions_by_workflow_owner ON workflow_executions (workflow_id, created_by, id DESC);
CREATE INDEX executions_by_workflow_status ON workflow_executions (workflow_id, status, id DESC);
CREATE INDEX executions_by_owner_status ON workflow_executions (created_by, status, id DESC);

CREATE TABLE usage_daily (
  day           INTEGER NOT NULL,                    -- days since 1970, UTC
  created_by    TEXT NOT NULL,                       -- '' where nobody was signed in
  workflow_id   TEXT NOT NULL,
  status        TEXT NOT NULL,
  executions    INTEGER NOT NULL,
  duration_ms   REAL NOT NULL,
  longest_ms    REAL NOT NULL,
  cpu_us        INTEGER NOT NULL,
  PRIMARY KEY (day, created_by, workflow_id, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE node_data_flow (
  id                    INTEGER PRIMARY KEY,
  workflow_execution_id TEXT NOT NULL REFERENCES workflow_executions (id) ON DELETE CASCADE,
  source_node_id        TEXT NOT NULL,
  target_node_id        TEXT NOT NULL,
  data_type             TEXT NOT NULL CHECK (data_type IN ('json', 'pickle', 'file', 'reference')),
  data_size_bytes       INTEGER,                     -- NULL: the value never left its worker
  serialization_time_ms REAL,
  transfer_time_ms      REAL
) STRICT;
CREATE INDEX data_flow_by_execution ON node_data_flow (workflow_execution_id);

CREATE TABLE performance_metrics (
  id                    INTEGER PRIMARY KEY,
  metric_name           TEXT NOT NULL,
  metric_value          REAL NOT NULL,
  metric_unit           TEXT NOT NULL,
  workflow_execution_id TEXT,
  node_execution_id     TEXT,
  container_id          TEXT,
  recorded_at           INTEGER NOT NULL
) STRICT;
CREATE INDEX metrics_by_time ON performance_metrics (recorded_at);

CREATE TABLE error_logs (
  id                    INTEGER PRIMARY KEY AUTOINCREMENT,
  error_type            TEXT NOT NULL,
  error_message         TEXT NOT NULL,
  stack_trace           TEXT NOT NULL DEFAULT '',
  workflow_execution_id TEXT,
  workflow_id           TEXT,
  node_id               TEXT NOT NULL DEFAULT '',
  severity              TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'error', 'critical')),
  created_by            TEXT NOT NULL DEFAULT '',
  recorded_at           INTEGER NOT NULL
) STRICT;
CREATE INDEX errors_by_owner ON error_logs (created_by, id);
CREATE INDEX errors_by_time ON error_logs (recorded_at);

CREATE TABLE system_health (
  id                INTEGER PRIMARY KEY,
  cpu_percent       REAL NOT NULL,
  memory_percent    REAL NOT NULL,
  disk_percent      REAL NOT NULL,
  active_containers INTEGER NOT NULL,
  active_workflows  INTEGER NOT NULL,
  recorded_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX health_by_time ON system_health (recorded_at);
