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
