-- Outputs of a workflow that are too large for the record of their node: a file has them whole, as JSON.
ALTER TABLE files ADD COLUMN is_output INTEGER NOT NULL DEFAULT 0;
