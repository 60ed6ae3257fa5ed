-- Runs and studies. Times are seconds since 1970, in UTC; numbers that are not
-- finite are NULL.

CREATE TABLE environments (
    id INTEGER PRIMARY KEY,
    created REAL NOT NULL,
    facts TEXT NOT NULL            -- JSON: versions, device, threads, command line, ...
);

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,             -- see kmlp.training.run.run_key
    fresh INTEGER NOT NULL,        -- 1: is to take the place of the run with fresh = 0
    config TEXT NOT NULL,          -- JSON: the fields of RunConfig
    backend TEXT NOT NULL,
    fused INTEGER NOT NULL,
    parameters INTEGER NOT NULL,
    epochs INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'finished',
    failure TEXT,
    val_accuracy REAL,             -- after the last epoch
    test_accuracy REAL,
    seconds REAL NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    environment INTEGER NOT NULL REFERENCES environments,
    UNIQUE (key, fresh)
);

CREATE TABLE epochs (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    epoch INTEGER NOT NULL,        -- from 1
    loss REAL,
    accuracy REAL,
    val_loss REAL,
    val_accuracy REAL,
    test_loss REAL,
    test_accuracy REAL,
    seconds REAL NOT NULL,
    environment INTEGER NOT NULL REFERENCES environments,
    PRIMARY KEY (run, epoch)
) WITHOUT ROWID;

CREATE TABLE step_losses (
    run INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    losses BLOB NOT NULL,          -- float32, little-endian, in the order of the steps
    PRIMARY KEY (run, epoch),
    FOREIGN KEY (run, epoch) REFERENCES epochs ON DELETE CASCADE
);

CREATE TABLE checkpoints (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    epochs INTEGER NOT NULL,
    file TEXT NOT NULL,            -- its name in the folder `checkpoints`
    sha256 TEXT NOT NULL,
    PRIMARY KEY (run, epochs)
) WITHOUT ROWID;

CREATE TABLE claims (              -- who trains a run now
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    heartbeat REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE studies (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,            -- ablation, search, train, trials
    question TEXT NOT NULL,        -- JSON: see kmlp.store.studies
    created REAL NOT NULL,
    updated REAL NOT NULL,
    environment INTEGER NOT NULL REFERENCES environments
);

CREATE TABLE study_runs (          -- what a study asks for, or did before
    study INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE,
    key TEXT NOT NULL,             -- of a run, which need not be there yet
    PRIMARY KEY (study, key)
) WITHOUT ROWID;

CREATE INDEX study_runs_by_key ON study_runs (key);
