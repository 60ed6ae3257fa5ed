"""A small store with made-up runs, and functions for stores that tests damage."""

import json
import shutil
import sqlite3

from helpers.made_up import made_up_record
from kmlp import RunConfig
from kmlp.errors import KmlpError
from kmlp.model.run_data import dataset_of
from kmlp.store import Store, StudyRecord, _checksums, validity
from kmlp.store.environments import environments_of
from kmlp.store.listing import list_runs
from kmlp.store.studies import list_studies, put_study
from kmlp.studies.kinds import spec_problem
from kmlp.studies.library import load_from
from kmlp.training.identity import RunIdentity, run_key

ENVIRONMENT = {
    "command": "kmlp ablate",
    "device": "cpu",
    "host": "a",
    "platform": "Linux",
    "revision": None,
    "threads": 1,
    "versions": {"keras": "3"},
}
CONFIGS = [RunConfig(width=width, seed=seed) for width in (8, 16) for seed in (0, 1)]
KEYS = [
    run_key(config, dataset_of(config).fingerprint, "jax", fused=True) for config in CONFIGS
]
RUNS = [
    RunIdentity(key, config, "jax", True, 10)
    for key, config in zip(KEYS, CONFIGS, strict=True)
]
WIDTHS = StudyRecord(
    name="widths",
    kind="ablation",
    identity={
        "backend": "jax",
        "fused": True,
        "param": "width",
        "base": RUNS[0].config.to_dict(),
    },
    extent={"values": [8, 16], "seeds": [0, 1]},
    progress={"chance_limits": [0.1, 0.1]},
    epochs=3,
    runs_by_level=((RUNS[0].key, RUNS[1].key), (RUNS[2].key, RUNS[3].key)),
)

A, B = (
    RunIdentity(str(number) * 64, RunConfig(seed=number), "none", True, 10)
    for number in (1, 2)
)
"""Two runs of no study."""


def made_up_task(*epochs, accuracy=None, checkpoint_bytes=b"model"):
    """Return the records and the checkpoints of a task.

    Each epoch is better than the one before.

    Args:
        epochs: The epochs of the task.
        accuracy: That of the last epoch; nan: the epoch diverged. Defaults to None: a better
            one than before.
        checkpoint_bytes: The model after the last epoch.
    """
    *before, last = [made_up_record(epoch, 0.5 + epoch / 100) for epoch in epochs]
    if accuracy is not None:
        last = made_up_record(last.epoch, accuracy)
    return (*before, last), {last.epoch: checkpoint_bytes} if last.finite else {}


def fill(store):
    """Store `WIDTHS` with its runs: two widths with two seeds, of three epochs each."""
    for place, run in enumerate(RUNS):
        assert store.acquire(run)
        for first, last in ((1, 2), (3, 3)):
            epochs = range(first, last + 1)
            records = tuple(made_up_record(epoch, (epoch + place) / 10) for epoch in epochs)
            assert store.append(run, records, {last: bytes([place])}, fresh=False)
        store.release(run)
    put_study(store, WIDTHS)


def small_store(folder):
    """Create the store of `fill` in a folder."""
    with Store(folder, environment=ENVIRONMENT) as store:
        fill(store)
    return folder


def take_away(folder):
    """Remove a folder that others write to, at once.

    To delete its files one by one would fail where one is written in between.
    """
    shutil.rmtree(folder.rename(folder.with_name("gone")))


def answers(folder):
    """Return what a store lists, by question, and the damage that it reports."""
    named = []
    listed = {}

    def ask(name, question):
        try:
            with Store(folder, writable=False, check_study=spec_problem) as store:
                listed[name] = json.dumps(question(store))
                named.extend(map(str, store.damaged.values()))
        except KmlpError as error:
            named.append(str(error))

    def ablation(store):
        return load_from(store, "widths").to_dict()

    ask("studies", lambda store: [study.to_dict() for study in list_studies(store)])
    ask("runs", lambda store: [run.to_dict() for run in list_runs(store, {})])
    ask("ablation", ablation)
    ask("environments", lambda store: environments_of(store, "widths"))
    return listed, list(dict.fromkeys(named))


def without_metrics(connection):
    """Remove the columns that the seventh schema has added."""
    for table in ("runs", "epochs"):
        connection.execute(f"ALTER TABLE {table} DROP COLUMN metrics")


def seal_all(connection):
    """Give every row the checksum of what it has now."""
    connection.row_factory = sqlite3.Row
    for row in connection.execute("SELECT id, key FROM runs").fetchall():
        history = _checksums.of_epochs(
            row["key"], validity.epochs_of(connection, row["id"])
        )
        connection.execute("UPDATE runs SET history = ? WHERE id = ?", (history, row["id"]))
    for table in _checksums.COLUMNS:
        for row in connection.execute(f"SELECT id FROM {table}").fetchall():
            _checksums.seal(connection, table, row["id"])
