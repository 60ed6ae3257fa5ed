"""A runs folder of an earlier kmlp: its runs are shown, and not trained again."""

import os
import socket
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from helpers.made_up import made_up_record
from helpers.stores import ENVIRONMENT, RUNS, seal_all, small_store, without_metrics

import kmlp_tuning
from kmlp import ConfigError, KmlpError, RunConfig, ablate, train
from kmlp.engine import RunFinished
from kmlp.errors import StoreError
from kmlp.model.metrics import BALANCED_ACCURACY, LOSS
from kmlp.store import Store, leases
from kmlp.store._migrations import migrate
from kmlp.store._sqlite import connect
from kmlp.store.doctor import examine
from kmlp.store.environments import environments_of
from kmlp.store.listing import list_runs
from kmlp.store.studies import list_studies

pytestmark = pytest.mark.once

ARCHIVE = Path(__file__).parents[2] / "data" / "store-of-an-earlier-kmlp.tar.xz"
BASE = RunConfig(width=4, depth=1, train_size=200, batch_size=100)
RIGHT = {4: [921, 1060], 8: [2332, 2086]}
"""Images that were classified right of 10,000, by width and seed."""


@pytest.fixture
def folder(tmp_path):
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "kmlp_runs"


class Counter:
    """Counts the epochs that are trained now, without those in the store."""

    trained = 0

    def __call__(self, event):
        if isinstance(event, RunFinished):
            self.trained += event.trained


def right(run):
    return round(10_000 * run.val_accuracy)


def test_its_studies_are_all_there(folder):
    with Store(folder, writable=False) as store:
        summaries = list_studies(store)
        assert not store.damaged
    assert {summary.record.name for summary in summaries} == {
        "one",
        "widths",
        "learning-rate-23bc7b",
        "scaling-3a8e83",
        "trials-30dc5b",
        "search",
    }
    assert all(
        summary.finished == sum(map(len, summary.record.runs_by_level))
        for summary in summaries
    )


def test_a_reader_leaves_its_file_as_it_is(folder):
    before = (folder / "kmlp.sqlite").read_bytes()
    with Store(folder, writable=False) as store:
        list_studies(store)
    assert (folder / "kmlp.sqlite").read_bytes() == before


def test_its_runs_are_used_without_training(folder):
    counter = Counter()
    study = ablate(
        "width", [4, 8], base=BASE, epochs=2, seeds=2, runs_dir=folder, observer=counter
    )
    assert {
        level.value: [right(run) for run in level.runs] for level in study.levels
    } == RIGHT
    scalings = ablate(
        "scaling", ["unit", "symmetric"],
        base=BASE, epochs=2, seeds=2, runs_dir=folder, observer=counter,
    )  # fmt: skip
    assert [right(run) for run in scalings.levels[1].runs] == [1195, 1068]
    rates = ablate(
        "learning_rate", [0.1, 1e30],
        base=RunConfig(width=4, depth=1, train_size=200, batch_size=100, momentum=0.9),
        epochs=2, seeds=1, runs_dir=folder, observer=counter,
    )  # fmt: skip
    assert [level.diverged for level in rates.levels] == [0, 1]
    search = kmlp_tuning.tune(
        {"width": [4, 8], "learning_rate": [0.1, 0.2]},
        base=RunConfig(depth=1, train_size=200, batch_size=100),
        max_trials=3, max_epochs=3, replicates=1, at="last",
        runs_dir=folder, observer=counter,
    )  # fmt: skip
    assert right(search.best().run) == 3067
    assert counter.trained == 0


@pytest.mark.trains
def test_its_runs_continue_from_their_checkpoints_and_nothing_is_damaged(folder):
    counter = Counter()
    train(BASE, epochs=3, runs_dir=folder, observer=counter)
    assert counter.trained == 0  # the search has its third epoch
    run = train(BASE, epochs=4, runs_dir=folder, observer=counter)
    assert counter.trained == 1
    fresh = train(BASE, epochs=4, runs_dir=":memory:")
    assert [record.loss for record in run.history] == [
        record.loss for record in fresh.history
    ]
    with Store(folder) as store:
        health = examine(store)
    assert not health.damaged and health.studies == 7


def test_a_store_of_a_later_kmlp_is_refused_and_left_as_it_is(folder):
    with sqlite3.connect(folder / "kmlp.sqlite") as connection:
        connection.execute("PRAGMA user_version = 1000")
    before = (folder / "kmlp.sqlite").read_bytes()
    for use in (lambda: Store(folder), lambda: train(BASE, epochs=2, runs_dir=folder)):
        with pytest.raises(KmlpError, match="newer") as caught:
            use()
        assert not isinstance(caught.value, ConfigError)
    assert (folder / "kmlp.sqlite").read_bytes() == before


@pytest.fixture
def trained(folder, monkeypatch):
    """Leases a run to another process, as a kmlp of the second schema writes it."""
    with monkeypatch.context() as patched, connect(folder / "kmlp.sqlite") as connection:
        patched.setattr("kmlp.store._migrations.VERSION", 2)
        # Checksums are of the newest columns.
        patched.setattr("kmlp.store._migrations._seal_what_is_valid", lambda database: None)
        migrate(connection, 1)
        connection.commit()

    def train_by(**columns):
        names = {
            "key": "k", "owner": "o", "host": "far", "pid": 7, "heartbeat": 1.0, **columns,
        }  # fmt: skip
        with closing(sqlite3.connect(folder / "kmlp.sqlite")) as connection, connection:
            connection.execute(
                f"INSERT INTO claims ({', '.join(names)}) VALUES "
                f"({', '.join('?' * len(names))})",
                tuple(names.values()),
            )

    return train_by


def test_it_is_not_brought_up_to_date_while_a_process_of_this_machine_trains(
    folder, trained
):
    trained(
        host=socket.gethostname(), pid=os.getppid(), started=leases._started(os.getppid())
    )
    before = (folder / "kmlp.sqlite").read_bytes()
    with pytest.raises(StoreError, match=f"process {os.getppid()} on"):
        Store(folder)
    assert (folder / "kmlp.sqlite").read_bytes() == before


@pytest.mark.parametrize("lives", [True, False])
def test_a_process_of_another_machine_is_recognized_by_its_heartbeat(
    folder, trained, lives, monkeypatch
):
    def look(seconds):
        if lives:
            with sqlite3.connect(folder / "kmlp.sqlite") as connection:
                connection.execute("UPDATE claims SET heartbeat = heartbeat + 1")

    trained()
    monkeypatch.setattr("kmlp.store._database.time.sleep", look)
    if lives:
        with pytest.raises(StoreError, match="process 7 on far"):
            Store(folder)
    else:
        with Store(folder) as store:
            assert [
                row["key"] for row in store.connection.execute("SELECT key FROM leases")
            ]


@pytest.mark.parametrize("writable", [True, False])
def test_a_store_of_the_fourth_schema_keeps_its_environments(tmp_path, writable):
    """Rows keep their checksums when a column gets another name."""
    path = small_store(tmp_path) / "kmlp.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE environments RENAME COLUMN description TO facts")
        without_metrics(connection)
        connection.execute("PRAGMA user_version = 4")
    with Store(tmp_path, writable=writable) as store:
        assert environments_of(store, "widths") == [ENVIRONMENT]
        health = examine(store)
    assert (health.whole, health.runs) == (True, 4)


@pytest.fixture
def best_in_the_middle(tmp_path):
    """A store of the fifth schema, whose rows have the accuracies of the last epoch."""
    accuracies = (0.5, 0.9, 0.7)
    records = tuple(
        made_up_record(epoch, value) for epoch, value in enumerate(accuracies, 1)
    )
    with Store(tmp_path) as store:
        store.acquire(RUNS[0])
        store.append(RUNS[0], records, {3: b"model"}, fresh=False)
    with closing(connect(tmp_path / "kmlp.sqlite")) as connection, connection:
        connection.execute("UPDATE runs SET val_accuracy = 0.7, test_accuracy = 0.7")
        seal_all(connection)
        without_metrics(connection)
        connection.execute("PRAGMA user_version = 5")
    return tmp_path


@pytest.mark.parametrize("writable", [True, False])
def test_runs_of_the_fifth_schema_are_listed_at_their_best_epoch(
    best_in_the_middle, writable
):
    with Store(best_in_the_middle, writable=writable) as store:
        assert [run.val_accuracy for run in list_runs(store, {})] == [0.9]
        assert store.run(RUNS[0]).val_accuracy == 0.9
        assert not store.damaged


@pytest.mark.parametrize("writable", [True, False])
def test_runs_of_the_sixth_schema_have_no_further_metrics(tmp_path, writable):
    small_store(tmp_path)
    with closing(connect(tmp_path / "kmlp.sqlite")) as connection, connection:
        without_metrics(connection)
        connection.execute("PRAGMA user_version = 6")
    with Store(tmp_path, writable=writable) as store:
        run = store.run(RUNS[0])
        assert run.measured_by(LOSS).val_value == run.history[-1].val_loss
        with pytest.raises(ConfigError, match="val_balanced_accuracy was not recorded"):
            run.measured_by(BALANCED_ACCURACY)
        assert examine(store).whole


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE epochs SET val_accuracy = 0.95 WHERE epoch = 2",
        "UPDATE runs SET val_accuracy = 0.95",
    ],
)
def test_a_damaged_run_of_the_fifth_schema_is_not_made_valid(best_in_the_middle, damage):
    with closing(connect(best_in_the_middle / "kmlp.sqlite")) as connection, connection:
        connection.execute(damage)
    with Store(best_in_the_middle) as store:
        assert len(examine(store).damaged) == 1
