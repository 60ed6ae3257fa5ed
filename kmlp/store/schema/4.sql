-- What a study asks, with named keys: see `StudyRecord` in kmlp.store.studies.
ALTER TABLE studies RENAME COLUMN question TO spec;
