-- What is known of nodes' code, so that nothing is introspected twice; nodes that convert.

-- `key`: hash of the code, its Python, its environment and whatever else decided on the description. The JSON is that of
-- schema/description.hpp.
CREATE TABLE node_descriptions (
  key            TEXT PRIMARY KEY,
  python_version TEXT NOT NULL,
  description    TEXT NOT NULL CHECK (json_valid(description)),
  created_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX node_descriptions_by_age ON node_descriptions (created_at);

-- What a node was warned of: values that are not quite what is declared, inputs that were ignored.
ALTER TABLE node_executions ADD COLUMN warnings TEXT CHECK (warnings IS NULL OR json_valid(warnings));

-- A converter takes one value and returns it as another type; suggestions name it where a connection does not fit.
ALTER TABLE python_nodes ADD COLUMN is_converter INTEGER NOT NULL DEFAULT 0;
CREATE INDEX nodes_converters ON python_nodes (created_by) WHERE is_converter = 1;
