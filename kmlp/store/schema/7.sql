-- The metrics of an epoch that have no column of their own, by figure, as a JSON object:
-- {"val_rmse": 1.5}. Of a run: those of its best epoch.
ALTER TABLE epochs ADD COLUMN metrics TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN metrics TEXT NOT NULL DEFAULT '{}';
