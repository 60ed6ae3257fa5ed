-- Checksums of rows (see kmlp.store.checksums), so that what was changed since is told
-- from what was written.

ALTER TABLE environments ADD COLUMN checksum TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN checksum TEXT NOT NULL DEFAULT '';

-- JSON: see kmlp.settings
ALTER TABLE runs ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
-- The checksum of its epochs
ALTER TABLE runs ADD COLUMN history TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN checksum TEXT NOT NULL DEFAULT '';

CREATE TABLE changes (             -- one row, by which an older copy is told
    count INTEGER NOT NULL         -- of transactions
);

INSERT INTO changes VALUES (0);

-- The boot and the PID namespace in which the pid of a claim means its process
ALTER TABLE claims ADD COLUMN system TEXT NOT NULL DEFAULT '';
-- When that process began, as its system counts; '': unknown
ALTER TABLE claims ADD COLUMN started TEXT NOT NULL DEFAULT '';
-- When it was claimed, by the clock of its host; 0: unknown
ALTER TABLE claims ADD COLUMN since REAL NOT NULL DEFAULT 0;
