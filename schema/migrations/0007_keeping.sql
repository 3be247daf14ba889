-- Executions that wait for a place, the document that each one runs, and how much each user keeps.

-- A status more: `queued`. Only the text of the constraint changes, nothing of what is stored, so the table need not be
-- rewritten (sqlite.org/lang_altertable.html, "making other kinds of table schema changes").
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (status IN (''running'', ''completed''',
                                            'CHECK (status IN (''queued'', ''running'', ''completed''')
  WHERE type = 'table' AND name = 'workflow_executions';
PRAGMA writable_schema = RESET;

-- What an execution runs, as it was when it was accepted; equal documents are kept once, by their hash.
CREATE TABLE documents (
  hash       TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  document   TEXT NOT NULL CHECK (json_valid(document))
) STRICT;
ALTER TABLE workflow_executions ADD COLUMN document_hash TEXT;
CREATE INDEX executions_by_document ON workflow_executions (document_hash) WHERE document_hash IS NOT NULL;

-- Bytes of an execution's record, its nodes' included, once it has ended; before that, of its input and of its document
-- if it was the first with that one.
ALTER TABLE workflow_executions ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;

-- What a user's executions, files, workflows and nodes take, in bytes. Kept by triggers, so that no way to write or
-- delete can forget it.
CREATE TABLE storage_use (
  user_id TEXT PRIMARY KEY,          -- '': nobody's
  bytes   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER execution_kept AFTER INSERT ON workflow_executions BEGIN
  INSERT INTO storage_use VALUES (ifnull(new.created_by, ''), new.bytes)
    ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER execution_grown AFTER UPDATE OF bytes, created_by ON workflow_executions BEGIN
  UPDATE storage_use SET bytes = bytes - old.bytes WHERE user_id = ifnull(old.created_by, '');
  INSERT INTO storage_use VALUES (ifnull(new.created_by, ''), new.bytes)
    ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER execution_gone AFTER DELETE ON workflow_executions BEGIN
  UPDATE storage_use SET bytes = bytes - old.bytes WHERE user_id = ifnull(old.created_by, '');
END;

CREATE TRIGGER file_kept AFTER INSERT ON files BEGIN
  INSERT INTO storage_use VALUES (ifnull(new.created_by, ''), new.file_size_bytes)
    ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER file_passed_on AFTER UPDATE OF created_by ON files BEGIN
  UPDATE storage_use SET bytes = bytes - old.file_size_bytes WHERE user_id = ifnull(old.created_by, '');
  INSERT INTO storage_use VALUES (ifnull(new.created_by, ''), new.file_size_bytes)
    ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER file_gone AFTER DELETE ON files BEGIN
  UPDATE storage_use SET bytes = bytes - old.file_size_bytes WHERE user_id = ifnull(old.created_by, '');
END;

-- Workflows and library nodes with their versions. A version belongs to whoever the row belongs to; when the row goes,
-- its versions are counted before they go with it.
-- CAST: length() of a text counts characters, and ends at the first NUL.
ALTER TABLE workflows ADD COLUMN bytes INTEGER NOT NULL
  GENERATED ALWAYS AS (length(CAST(description AS BLOB)) + length(CAST(nodes AS BLOB)) + length(CAST(connections AS BLOB)) + length(CAST(settings AS BLOB)) + length(CAST(extra AS BLOB))) VIRTUAL;
ALTER TABLE workflow_versions ADD COLUMN bytes INTEGER NOT NULL
  GENERATED ALWAYS AS (length(CAST(nodes AS BLOB)) + length(CAST(connections AS BLOB)) + length(CAST(settings AS BLOB))) VIRTUAL;
ALTER TABLE python_nodes ADD COLUMN bytes INTEGER NOT NULL
  GENERATED ALWAYS AS (length(CAST(code AS BLOB)) + length(CAST(dependencies AS BLOB)) + length(CAST(input_types AS BLOB)) + length(CAST(output_types AS BLOB))) VIRTUAL;
ALTER TABLE python_node_versions ADD COLUMN bytes INTEGER NOT NULL
  GENERATED ALWAYS AS (length(CAST(code AS BLOB)) + length(CAST(dependencies AS BLOB)) + length(CAST(input_types AS BLOB)) + length(CAST(output_types AS BLOB))) VIRTUAL;

CREATE TRIGGER workflow_kept AFTER INSERT ON workflows BEGIN
  INSERT INTO storage_use VALUES (ifnull(new.created_by, ''), new.bytes)
    ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER workflow_changed AFTER UPDATE OF description, nodes, connections, settings, extra ON workflows BEGIN
  UPDATE storage_use SET bytes = bytes - old.bytes + new.bytes WHERE user_id = ifnull(old.created_by, '');
END;
CREATE TRIGGER workflow_passed_on AFTER UPDATE OF created_by ON workflows BEGIN
  UPDATE storage_use SET bytes = bytes - old.bytes -
      (SELECT ifnull(sum(v.bytes), 0) FROM workflow_versions v WHERE v.workflow_id = old.id)
    WHERE user_id = ifnull(old.created_by, '');
  INSERT INTO storage_use
    SELECT ifnull(new.created_by, ''), new.bytes + (SELECT ifnull(sum(v.bytes), 0) FROM workflow_versions v WHERE v.workflow_id = new.id)
    WHERE true ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER workflow_going BEFORE DELETE ON workflows BEGIN
  UPDATE storage_use SET bytes = bytes - old.bytes -
      (SELECT ifnull(sum(v.bytes), 0) FROM workflow_versions v WHERE v.workflow_id = old.id)
    WHERE user_id = ifnull(old.created_by, '');
END;
CREATE TRIGGER workflow_version_kept AFTER INSERT ON workflow_versions BEGIN
  INSERT INTO storage_use
    SELECT ifnull((SELECT created_by FROM workflows WHERE id = new.workflow_id), ''), new.bytes
    WHERE true ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER workflow_version_gone AFTER DELETE ON workflow_versions
  WHEN EXISTS (SELECT 1 FROM workflows WHERE id = old.workflow_id) BEGIN
  UPDATE storage_use SET bytes = bytes - old.bytes
    WHERE user_id = ifnull((SELECT created_by FROM workflows WHERE id = old.workflow_id), '');
END;

CREATE TRIGGER node_kept AFTER INSERT ON python_nodes BEGIN
  INSERT INTO storage_use VALUES (ifnull(new.created_by, ''), new.bytes)
    ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER node_changed AFTER UPDATE OF code, dependencies, input_types, output_types ON python_nodes BEGIN
  UPDATE storage_use SET bytes = bytes - old.bytes + new.bytes WHERE user_id = ifnull(old.created_by, '');
END;
CREATE TRIGGER node_passed_on AFTER UPDATE OF created_by ON python_nodes BEGIN
  UPDATE storage_use SET bytes = bytes - old.bytes -
      (SELECT ifnull(sum(v.bytes), 0) FROM python_node_versions v WHERE v.node_id = old.id)
    WHERE user_id = ifnull(old.created_by, '');
  INSERT INTO storage_use
    SELECT ifnull(new.created_by, ''), new.bytes + (SELECT ifnull(sum(v.bytes), 0) FROM python_node_versions v WHERE v.node_id = new.id)
    WHERE true ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER node_going BEFORE DELETE ON python_nodes BEGIN
  UPDATE storage_use SET bytes = bytes - old.bytes -
      (SELECT ifnull(sum(v.bytes), 0) FROM python_node_versions v WHERE v.node_id = old.id)
    WHERE user_id = ifnull(old.created_by, '');
END;
CREATE TRIGGER node_version_kept AFTER INSERT ON python_node_versions BEGIN
  INSERT INTO storage_use
    SELECT ifnull((SELECT created_by FROM python_nodes WHERE id = new.node_id), ''), new.bytes
    WHERE true ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER node_version_gone AFTER DELETE ON python_node_versions
  WHEN EXISTS (SELECT 1 FROM python_nodes WHERE id = old.node_id) BEGIN
  UPDATE storage_use SET bytes = bytes - old.bytes
    WHERE user_id = ifnull((SELECT created_by FROM python_nodes WHERE id = old.node_id), '');
END;

-- What is there already.
INSERT INTO storage_use
  SELECT user_id, sum(bytes) FROM (
    SELECT ifnull(created_by, '') AS user_id, file_size_bytes AS bytes FROM files
    UNION ALL SELECT ifnull(created_by, ''), bytes FROM workflows
    UNION ALL SELECT ifnull((SELECT created_by FROM workflows WHERE id = v.workflow_id), ''), v.bytes FROM workflow_versions v
    UNION ALL SELECT ifnull(created_by, ''), bytes FROM python_nodes
    UNION ALL SELECT ifnull((SELECT created_by FROM python_nodes WHERE id = v.node_id), ''), v.bytes FROM python_node_versions v)
  GROUP BY user_id;
UPDATE workflow_executions SET bytes = ifnull(length(input_data), 0) + ifnull(length(output_data), 0) +
  ifnull((SELECT sum(ifnull(length(n.output_data), 0) + length(n.stdout) + length(n.stderr)) FROM node_executions n
          WHERE n.workflow_execution_id = workflow_executions.id), 0);
