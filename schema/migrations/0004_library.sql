-- Workflows with their past, folders and tags; the node library; credentials; webhooks; types; environments; files.

CREATE TABLE projects (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  type       TEXT NOT NULL DEFAULT 'personal',
  user_id    TEXT NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE folders (
  id               TEXT PRIMARY KEY,
  project_id       TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  name             TEXT NOT NULL,
  parent_folder_id TEXT REFERENCES folders (id) ON DELETE CASCADE,
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX folders_by_parent ON folders (project_id, parent_folder_id, name);
CREATE INDEX folders_below ON folders (parent_folder_id);

ALTER TABLE workflows ADD COLUMN folder_id TEXT REFERENCES folders (id) ON DELETE SET NULL;
ALTER TABLE workflows ADD COLUMN is_archived INTEGER NOT NULL DEFAULT 0;
CREATE INDEX workflows_by_owner ON workflows (created_by, updated_at DESC, id);
CREATE INDEX workflows_by_folder ON workflows (folder_id) WHERE folder_id IS NOT NULL;
CREATE INDEX workflows_active ON workflows (id) WHERE is_active = 1;
CREATE INDEX workflows_templates ON workflows (id) WHERE is_template = 1;

CREATE TABLE workflow_versions (
  workflow_id TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
  version     INTEGER NOT NULL,
  name        TEXT NOT NULL,
  nodes       TEXT NOT NULL CHECK (json_valid(nodes)),
  connections TEXT NOT NULL CHECK (json_valid(connections)),
  settings    TEXT NOT NULL CHECK (json_valid(settings)),
  created_by  TEXT,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (workflow_id, version)
) STRICT;

CREATE TABLE workflow_tags (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE COLLATE NOCASE,
  description TEXT NOT NULL DEFAULT '',
  color       TEXT NOT NULL DEFAULT '',
  created_by  TEXT,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;
CREATE TABLE workflow_tag_relations (
  workflow_id TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
  tag_id      TEXT NOT NULL REFERENCES workflow_tags (id) ON DELETE CASCADE,
  PRIMARY KEY (workflow_id, tag_id)
) STRICT;
CREATE INDEX workflows_by_tag ON workflow_tag_relations (tag_id);

CREATE TABLE python_nodes (
  id             TEXT PRIMARY KEY,
  name           TEXT NOT NULL,
  description    TEXT NOT NULL DEFAULT '',
  code           TEXT NOT NULL,
  main_function  TEXT NOT NULL DEFAULT '',
  python_version TEXT NOT NULL DEFAULT '',
  dependencies   TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(dependencies)),
  input_types    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(input_types)),
  output_types   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(output_types)),
  is_template    INTEGER NOT NULL DEFAULT 0,
  is_public      INTEGER NOT NULL DEFAULT 0,
  created_by     TEXT,
  version        INTEGER NOT NULL DEFAULT 1,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX nodes_by_owner ON python_nodes (created_by, name);
CREATE INDEX nodes_public ON python_nodes (name) WHERE is_public = 1;
CREATE TABLE python_node_versions (
  node_id       TEXT NOT NULL REFERENCES python_nodes (id) ON DELETE CASCADE,
  version       INTEGER NOT NULL,
  code          TEXT NOT NULL,
  main_function TEXT NOT NULL,
  input_types   TEXT NOT NULL,
  output_types  TEXT NOT NULL,
  dependencies  TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  PRIMARY KEY (node_id, version)
) STRICT;
CREATE TABLE python_node_tags (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE COLLATE NOCASE,
  description TEXT NOT NULL DEFAULT '',
  color       TEXT NOT NULL DEFAULT '',
  created_by  TEXT,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;
CREATE TABLE python_node_tag_relations (
  node_id TEXT NOT NULL REFERENCES python_nodes (id) ON DELETE CASCADE,
  tag_id  TEXT NOT NULL REFERENCES python_node_tags (id) ON DELETE CASCADE,
  PRIMARY KEY (node_id, tag_id)
) STRICT;
CREATE INDEX nodes_by_tag ON python_node_tag_relations (tag_id);

CREATE TABLE credentials (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  type       TEXT NOT NULL,
  data       TEXT NOT NULL,                          -- XChaCha20-Poly1305, base64; the key is not in here
  folder_id  TEXT REFERENCES folders (id) ON DELETE SET NULL,
  created_by TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX credentials_by_owner ON credentials (created_by, name);

CREATE TABLE webhooks (
  id          TEXT PRIMARY KEY,
  workflow_id TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
  path        TEXT NOT NULL,
  method      TEXT NOT NULL,
  node        TEXT NOT NULL DEFAULT '',
  response    TEXT NOT NULL DEFAULT 'accepted' CHECK (response IN ('accepted', 'result')),
  created_by  TEXT,
  created_at  INTEGER NOT NULL,
  UNIQUE (path, method)
) STRICT;
CREATE INDEX webhooks_by_workflow ON webhooks (workflow_id);

CREATE TABLE custom_types (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  category    TEXT NOT NULL DEFAULT 'custom',
  python_type TEXT NOT NULL DEFAULT 'object',
  description TEXT NOT NULL DEFAULT '',
  definition  TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(definition)),
  created_by  TEXT,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE containers (
  id                    TEXT PRIMARY KEY,
  python_version        TEXT NOT NULL,
  status                TEXT NOT NULL CHECK (status IN ('creating', 'running', 'stopped', 'error', 'installing')),
  workflow_execution_id TEXT,
  error                 TEXT NOT NULL DEFAULT '',
  resource_limits       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(resource_limits)),
  created_by            TEXT,
  created_at            INTEGER NOT NULL,
  started_at            INTEGER,
  stopped_at            INTEGER
) STRICT;
CREATE INDEX containers_by_owner ON containers (created_by);
CREATE TABLE container_logs (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  container_id TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
  at           INTEGER NOT NULL,
  level        TEXT NOT NULL,
  message      TEXT NOT NULL
) STRICT;
CREATE INDEX logs_by_container ON container_logs (container_id, id);
CREATE TABLE container_dependencies (
  container_id         TEXT NOT NULL REFERENCES containers (id) ON DELETE CASCADE,
  package_name         TEXT NOT NULL,
  version              TEXT NOT NULL DEFAULT '',
  installation_status  TEXT NOT NULL CHECK (installation_status IN ('pending', 'installing', 'completed', 'failed')),
  installation_time_ms REAL,
  PRIMARY KEY (container_id, package_name)
) STRICT;

ALTER TABLE files ADD COLUMN original_filename TEXT NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN is_temporary INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN expires_at INTEGER;
ALTER TABLE files ADD COLUMN created_by TEXT;
CREATE INDEX files_by_owner ON files (created_by, id DESC);
CREATE INDEX files_by_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE file_access_logs (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  file_id     TEXT NOT NULL,                         -- outlives the file: a deletion is logged too
  access_type TEXT NOT NULL CHECK (access_type IN ('read', 'write', 'delete')),
  accessed_by TEXT NOT NULL,
  accessed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX access_by_file ON file_access_logs (file_id, id);
CREATE INDEX access_by_time ON file_access_logs (accessed_at);
