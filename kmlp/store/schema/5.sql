-- The environment of a training: what `describe_environment` returned, as JSON.
ALTER TABLE environments RENAME COLUMN facts TO description;
