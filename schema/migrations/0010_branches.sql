-- Steps that ran beside others.

ALTER TABLE node_executions ADD COLUMN branch INTEGER NOT NULL DEFAULT 0;   -- the number of its branch; 0: the worker's own
