"""Stores that others changed: damage is reported, and no other file is harmed."""

import errno
import json
import os
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from helpers.made_up import made_up_record
from helpers.stores import (
    ENVIRONMENT,
    RUNS,
    WIDTHS,
    answers,
    fill,
    seal_all,
    small_store,
)

import kmlp.store
from kmlp.errors import DamagedError, StoreError, StoreWriteError
from kmlp.model.metrics import ACCURACY
from kmlp.store import Store
from kmlp.store._migrations import VERSION
from kmlp.store._rebuild import rebuild
from kmlp.store.doctor import Health, examine, examine_folder, repair, repair_folder
from kmlp.store.listing import list_runs
from kmlp.store.studies import get_study, list_studies, put_study
from kmlp.store.study_removal import remove_study
from kmlp.store.validity import study_problem
from kmlp.training.run import RunState

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("small") / "runs")


@pytest.fixture
def folder(small, tmp_path):
    return shutil.copytree(small, tmp_path / "a" / "b" / "runs")


FIRST_WIDTHS = [
    {"backend": "jax", "fused": True, "axis": "width", "base": WIDTHS.identity["base"]},
    {"values": [8, 16], "seeds": [0, 1], "chance_limits": [0.1, 0.1]},
    3,
    WIDTHS.runs_by_level,
]
"""What the first version of the schema has of `WIDTHS`."""


NEWER_NAMES = {"question": "spec", "facts": "description"}
"""The columns that later steps of the schema renamed."""


@pytest.fixture
def older(folder):
    """The same store, as a kmlp of the first version of the schema wrote it."""
    path = folder / "kmlp.sqlite"
    aside = path.rename(path.with_name("newer"))
    schema = Path(kmlp.store.__file__).with_name("schema") / "1.sql"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(schema.read_text(encoding="utf-8"))
        connection.execute("PRAGMA user_version = 1")
        connection.execute("ATTACH ? AS newer", (str(aside),))
        names = connection.execute(
            "SELECT name FROM main.sqlite_master WHERE type = 'table'"
        )
        for [table] in names.fetchall():
            info = connection.execute(f"PRAGMA table_info({table})")
            columns = [column[1] for column in info]
            now = [NEWER_NAMES.get(column, column) for column in columns]
            connection.execute(
                f"INSERT INTO main.{table} ({', '.join(columns)}) "
                f"SELECT {', '.join(now)} "
                f"FROM newer.{'leases' if table == 'claims' else table}"
            )
        connection.execute("UPDATE studies SET question = ?", (json.dumps(FIRST_WIDTHS),))
    aside.unlink()
    return folder


def change(folder, *statements):
    with closing(sqlite3.connect(folder / "kmlp.sqlite")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


CHANGES = {
    "an accuracy": "UPDATE epochs SET val_accuracy = 7 WHERE run = 1",
    "a loss": "UPDATE epochs SET loss = 0.123 WHERE run = 1 AND epoch = 2",
    "the name of a field": "UPDATE runs SET config = replace(config, '\"width\"', '\"widti\"') WHERE id = 1",
    "the value of a field": "UPDATE runs SET config = replace(config, '\"width\": 8', '\"width\": 9') WHERE id = 1",
    "no configuration": "UPDATE runs SET config = '[' WHERE id = 1",
    "a time": "UPDATE runs SET updated = 9e999 WHERE id = 1",
    "losses of half a length": "UPDATE step_losses SET losses = x'0011' WHERE run = 1",
    "losses that are gone": "DELETE FROM step_losses WHERE run = 1 AND epoch = 2",
    "epochs that are gone": "DELETE FROM epochs WHERE run = 1 AND epoch < 3",
    "epochs that are shifted": "UPDATE epochs SET epoch = epoch + 5 WHERE run = 1",
    "another status": "UPDATE runs SET status = 'diverged' WHERE id = 1",
    "no status": "UPDATE runs SET status = 'evil' WHERE id = 1",
    "a type": "UPDATE runs SET epochs = 'three' WHERE id = 1",
    "text that is none": "UPDATE runs SET backend = CAST(x'ff' AS TEXT) WHERE id = 1",
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("version", ["folder", "older"])
def test_a_changed_run_is_named_and_left_out_and_trained_again(request, version, what):
    folder = request.getfixturevalue(version)
    # Without a checksum, nothing tells a loss from another that could have been, too.
    what = "an accuracy" if (version, what) == ("older", "a loss") else what
    change(folder, CHANGES[what])
    said, named = answers(folder)
    assert named
    assert all(RUNS[0].key[:12] in problem for problem in named)
    one, other = json.loads(said["ablation"])["levels"]
    assert [len(summary["runs"]) for summary in (one, other)] == [1, 2]
    with Store(folder) as store:
        assert store.state(RUNS[0]) == RunState()
        assert store.acquire(RUNS[0])
        state = store.resume(RUNS[0])
        assert (state.epochs, state.checkpoint_bytes) == (0, None)
        assert "is damaged" in state.damaged[0]
        assert store.state(RUNS[1]).values(ACCURACY) == (0.2, 0.3, 0.4)


def test_an_older_store_is_read_as_it_is_and_brought_up_to_date_when_written_to(
    older, small
):
    before = (older / "kmlp.sqlite").read_bytes()
    assert answers(older) == answers(small)
    assert (older / "kmlp.sqlite").read_bytes() == before
    with Store(older) as store:
        assert store.connection.execute("PRAGMA user_version").fetchone()[0] == VERSION
    assert answers(older) == answers(small)
    with Store(older) as store:
        assert examine(store).whole


def test_an_older_store_in_use_is_not_changed(older):
    now = time.time()
    change(older, f"INSERT INTO claims VALUES ('k', 'o', 'a host', 7, {now})")
    with pytest.raises(StoreError, match=r"older .*\(process 7 on a host\)"):
        Store(older)
    assert answers(older)[1] == []
    change(older, "UPDATE claims SET heartbeat = 'damaged'")
    with Store(older) as store:
        assert examine(store).whole


STUDIES = {
    "question": "UPDATE studies SET spec = '{}'",
    "part of a question": "UPDATE studies SET spec = replace(spec, '\"seeds\"', '\"s\"')",
    "kind": "UPDATE studies SET kind = 'evil'",
    "time": "UPDATE studies SET updated = 9e999",
    "key": f"UPDATE study_runs SET key = '../../**/*' WHERE key = '{RUNS[0].key}'",
    "key that is no text": f"UPDATE study_runs SET key = CAST(x'ff' AS TEXT) WHERE key = '{RUNS[0].key}'",
    "another key": f"UPDATE study_runs SET key = '{'0' * 64}' WHERE key = '{RUNS[0].key}'",
}


@pytest.mark.parametrize(
    ("facts", "intact"),
    [
        ({"validation_images": [1, 10], "classes": [2, 10]}, True),
        ({"validation_images": 10_000, "classes": 10, "chance_limit": 0.1}, True),
        ({"validation_images": [0, 10]}, False),
        ({"validation_images": [10]}, False),
        ({"validation_images": 10}, False),
        ({"classes": [10, 1]}, False),
        ({"classes": ["10", 10]}, False),
        ({"classes": 1, "chance_limit": 0.1}, False),
    ],
)
def test_facts_about_the_dataset_that_cannot_be_are_refused(folder, facts, intact):
    with closing(sqlite3.connect(folder / "kmlp.sqlite")) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute(
            "UPDATE studies SET spec = json_patch(spec, ?)",
            (json.dumps({"progress": facts}),),
        )
        [row] = connection.execute("SELECT * FROM studies").fetchall()
        assert (study_problem(connection, row) is None) == intact


@pytest.mark.parametrize("what", STUDIES)
@pytest.mark.parametrize("version", ["folder", "older"])
def test_a_changed_study_is_named_and_removed_or_put_again(request, version, what):
    folder = request.getfixturevalue(version)
    with Store(folder) as store:
        put_study(store, replace(WIDTHS, name="another"))
    change(
        folder,
        f"{STUDIES[what]} {'AND' if 'WHERE' in STUDIES[what] else 'WHERE'} "
        + ("study = 1" if "key" in what else "id = 1"),
    )
    with Store(folder) as store:
        assert [summary.record.name for summary in list_studies(store)] == ["another"]
        [error] = store.damaged.values()
        assert 'study "widths"' in str(error)
        with pytest.raises(DamagedError, match=r"kmlp.delete_study\('widths'\)"):
            get_study(store, "widths")
        put_study(store, WIDTHS)
        assert get_study(store, "widths").runs_by_level == WIDTHS.runs_by_level
    change(folder, "UPDATE studies SET spec = '{}' WHERE id = 1")
    with Store(folder) as store:
        remove_study(store, "widths")
        assert len(list_studies(store)) == 1
        assert store.run(RUNS[0]).epochs == 3


def test_the_runs_of_a_study_that_has_the_name_of_another_are_not_listed(folder):
    with Store(folder) as store:
        put_study(store, replace(WIDTHS, name="another"))
    change(
        folder,
        "UPDATE studies SET name = 'x' WHERE name = 'another'",
        "UPDATE studies SET name = 'another' WHERE name = 'widths'",
        "UPDATE studies SET name = 'widths' WHERE name = 'x'",
    )
    with Store(folder) as store, pytest.raises(DamagedError, match='study "widths"'):
        list_runs(store, {}, study="widths")


def test_a_study_with_a_damaged_name_is_removed_by_the_shown_name(folder):
    change(folder, "UPDATE studies SET name = CAST(x'ff1b' AS TEXT)")
    with Store(folder) as store:
        assert list_studies(store) == []
        [error] = store.damaged.values()
        assert r"kmlp.delete_study('\\xff\\x1b')" in str(error)
        remove_study(store, r"\xff\x1b")
        assert examine(store) == Health()


def test_a_run_whose_epochs_are_gone_is_not_listed(folder):
    change(folder, "DELETE FROM epochs WHERE run = 1 AND epoch = 2")
    with Store(folder) as store:
        assert {run.key for run in list_runs(store, {})} == {run.key for run in RUNS[1:]}
        assert list_studies(store)[0].finished == 3
        assert list(store.damaged) == [RUNS[0].key]


def test_a_model_that_cannot_be_read_now_is_not_damaged(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with Store(folder) as store:
        monkeypatch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(StoreError, match="Permission denied") as raised:
            repair(store)
        assert not isinstance(raised.value, DamagedError)
        with pytest.raises(StoreError, match="Permission denied"):
            store.run(RUNS[0]).checkpoint_bytes()
        assert store.acquire(RUNS[0])
        with pytest.raises(StoreError, match="Permission denied"):
            store.resume(RUNS[0])
        monkeypatch.undo()
        assert examine(store).whole
        assert store.run(RUNS[0]).epochs == 3


def test_a_damaged_environment_is_named(folder):
    change(folder, "UPDATE environments SET description = '[]'")
    said, [named] = answers(folder)
    assert json.loads(said["environments"]) == []
    assert "environment" in named
    with Store(folder) as store:
        repair(store)
    assert answers(folder)[1] == []
    change(folder, "DELETE FROM environments")
    with Store(folder) as store:
        assert "environment" in examine(store).damaged[0]
        assert repair(store) == []
        assert examine(store).whole
    assert answers(folder)[1] == []
    change(folder, """UPDATE environments SET description = '{"command": "kmlp ''"}'""")
    assert len(answers(folder)[1]) == 1


def test_tables_with_an_additional_column_are_written_to(folder, tmp_path):
    for table in ("environments", "runs", "epochs", "checkpoints", "studies", "leases"):
        change(folder, f"ALTER TABLE {table} ADD COLUMN mine TEXT")
    with Store(folder, environment={**ENVIRONMENT, "host": "b"}) as store:
        remove_study(store, "widths")
        fill(store)
    with Store(folder) as store:
        assert examine(store).whole


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("ALTER TABLE runs RENAME COLUMN config TO other", "lacks columns"),
        ("ALTER TABLE runs RENAME TO other", "lacks columns"),
        ("CREATE TRIGGER t AFTER DELETE ON runs BEGIN SELECT 1; END", "has a trigger"),
        ("CREATE VIEW v AS SELECT 1", "has a view"),
        ("DELETE FROM changes", "`changes` has no count"),
        ("UPDATE changes SET count = x'00'", "`changes` has no count"),
        (f"UPDATE changes SET count = {2**63 - 1}", "`changes` has no count"),
        ("INSERT INTO changes VALUES (1)", "`changes` has no count"),
        ("PRAGMA user_version = 0", "its schema has no number"),
        ("PRAGMA user_version = -1", "schema has the number -1"),
    ],
)
def test_a_database_that_is_built_in_another_way_is_not_opened(folder, statement, message):
    change(folder, statement)
    for writable in (True, False):
        with pytest.raises(DamagedError, match=message):
            Store(folder, writable=writable)


EVIL_KEY = "../../**/*"


@pytest.mark.parametrize("sealed", [False, True])
def test_no_file_outside_of_the_folder_is_opened_or_removed(folder, tmp_path, sealed):
    """Nor a file whose name fits a pattern, even if the checksums were forged."""
    outside = [
        tmp_path / "a" / "precious-1",
        tmp_path / "b-c",
        folder / "d-e",
        folder / "checkpoints" / "f-g",
    ]
    for file in outside:
        file.write_text("precious")
    change(
        folder,
        f"UPDATE runs SET key = '{EVIL_KEY}' WHERE id = 1",
        f"UPDATE study_runs SET key = '{EVIL_KEY}' WHERE key = '{RUNS[0].key}'",
        f"UPDATE studies SET spec = replace(spec, '{RUNS[0].key}', '{EVIL_KEY}')",
        "UPDATE checkpoints SET file = '../../precious-1'",
    )
    if sealed:
        with closing(sqlite3.connect(folder / "kmlp.sqlite")) as connection, connection:
            seal_all(connection)
    assert answers(folder)[1]
    with Store(folder) as store:
        examine(store)
        with pytest.raises(DamagedError, match=r"model.*name"):
            store.run(RUNS[1]).checkpoint_bytes()
        remove_study(store, "widths")
        repair(store)
    assert [path.read_text() for path in outside] == ["precious"] * 4
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["f-g"]


def test_links_are_not_followed(folder, tmp_path):
    elsewhere = shutil.move(folder / "checkpoints", tmp_path / "elsewhere")
    (folder / "checkpoints").symlink_to(elsewhere)
    files = sorted(path.name for path in elsewhere.iterdir())
    with (
        Store(folder, writable=False) as store,
        pytest.raises(DamagedError, match="checkpoint"),
    ):
        store.run(RUNS[0]).checkpoint_bytes()
    with pytest.raises(StoreError, match="a link"):
        Store(folder)
    assert sorted(path.name for path in elsewhere.iterdir()) == files
    other = tmp_path / "other"
    other.mkdir()
    for file in ("kmlp.sqlite", "kmlp.sqlite-journal"):
        (other / file).symlink_to(tmp_path / "target")
        for writable in (True, False):
            with pytest.raises(StoreError, match=r"a link|no runs"):
                Store(other, writable=writable)
        (other / file).unlink()
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("name", ["kmlp.sqlite", "kmlp.sqlite-journal", "kmlp.sqlite-wal"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_regular_files_are_opened(folder, name, make):
    """SQLite would wait for a pipe."""
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    for writable in (True, False):
        with pytest.raises(StoreError, match=f"{name} .*file"):
            Store(folder, writable=writable)


@pytest.mark.parametrize("make", [os.mkfifo, Path.touch, lambda path: path.symlink_to("x")])
def test_no_run_is_cut_without_a_folder_for_checkpoints(folder, make):
    models = folder / "checkpoints"
    models.rename(folder / "x")
    make(models)
    with pytest.raises(StoreError, match=r"checkpoints .*link"):
        Store(folder)
    models.unlink()
    (folder / "x").rename(models)
    assert answers(folder)[1] == []


def test_a_journal_that_would_make_sqlite_delete_another_file_is_refused(folder, tmp_path):
    """One that names a super-journal: https://sqlite.org/fileformat.html, section 3."""
    journal = folder / "kmlp.sqlite-journal"
    journal.write_bytes(
        b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
        + bytes(600)
        + b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
    )
    for writable in (True, False):
        with pytest.raises(StoreError, match="another file"):
            Store(folder, writable=writable)


def test_an_index_that_lacks_a_run_is_named(folder):
    """With that index, the run would seem never to have been trained."""
    path = folder / "kmlp.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        [page] = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_runs_1'"
        ).fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    data = path.read_bytes()
    start = (page - 1) * size
    index = data[start : start + size].replace(RUNS[0].key.encode(), b"f" * 64)
    path.write_bytes(data[:start] + index + data[start + size :])
    for writable in (True, False):
        with pytest.raises(DamagedError, match="index"):
            Store(folder, writable=writable)


def test_an_empty_database_beside_checkpoints_is_damaged(folder):
    (folder / "kmlp.sqlite").write_bytes(b"")
    for writable in (True, False):
        with pytest.raises(DamagedError, match="8 checkpoint files"):
            Store(folder, writable=writable)
    (folder / "kmlp.sqlite").unlink()
    with pytest.raises(DamagedError, match=r"kmlp.sqlite.*missing"):
        Store(folder)


def test_an_older_copy_of_the_database_is_noticed(folder):
    """The content changes in place, as with a sync client. A new file would have another number."""
    path = folder / "kmlp.sqlite"
    older = path.read_bytes()
    with Store(folder) as store:
        assert store.acquire(RUNS[0])
        path.write_bytes(older)
        with pytest.raises(StoreWriteError, match="older copy"):
            store.acquire(RUNS[1])


def test_new_epochs_must_follow_the_stored_ones(folder):
    with Store(folder) as store:
        assert store.acquire(RUNS[0])
        with pytest.raises(StoreWriteError, match="epoch 5 "):
            store.append(RUNS[0], (made_up_record(5, 0.5),), {5: b"model"}, fresh=False)
        assert store.run(RUNS[0]).epochs == 3


def test_the_doctor_counts_intact_items_and_repairs_damaged_ones(folder):
    models = folder / "checkpoints"
    with Store(folder) as store:
        health = examine(store)
        assert (health.studies, health.runs, health.epochs, health.models) == (1, 4, 12, 8)
        assert health.whole
    change(
        folder,
        "UPDATE epochs SET val_accuracy = 7 WHERE run = 1",
        "INSERT INTO study_runs VALUES (99, 'x')",
        "DELETE FROM step_losses WHERE run = 4",
    )
    next(models.glob(f"{RUNS[1].key[:24]}-3-*")).write_bytes(b"other")
    next(models.glob(f"{RUNS[2].key[:24]}-2-*")).unlink()
    (models / f"{'0' * 24}-1-{'0' * 8}.keras").write_bytes(b"left")
    (models / "mine.keras").write_bytes(b"mine")
    with Store(folder) as store:
        health = examine(store)
        assert (health.studies, health.runs, len(health.damaged)) == (1, 2, 4)
        assert health.leftovers == ("1 row of `study_runs`", f"1 file in {models}")
        lost = repair(store)
        assert {(run.key, run.target.epochs) for run in lost} == {
            (RUNS[n].key, 3) for n in (0, 1, 3)
        }
        assert [store.state(run).epochs for run in RUNS] == [0, 2, 3, 0]
        assert examine(store).whole
    assert (models / "mine.keras").exists()


def test_the_doctor_has_a_run_trained_again_whose_best_model_is_damaged(tmp_path):
    run = RUNS[0]
    tasks = [[(1, 0.4), (2, 0.9), (3, 0.5)], [(4, 0.6)], [(5, 0.7)]]
    with Store(tmp_path) as store:
        put_study(store, WIDTHS)
        store.acquire(run)
        for task in tasks:
            records = [made_up_record(*epoch) for epoch in task]
            models = {epoch: bytes([epoch]) for epoch, _ in task[1:] or task}
            store.append(run, records, models, fresh=False)
        files = {path.name.split("-")[1]: path for path in models_of(tmp_path, run)}
        assert sorted(files) == ["2", "4", "5"]
        files["2"].write_bytes(b"other")
        assert len(examine(store).damaged) == 1
        assert [lost.key for lost in repair(store)] == [run.key]
        assert store.run(run) is None
        assert examine(store).whole


def models_of(folder, run):
    return (folder / "checkpoints").glob(f"{run.key[:24]}-*")


def test_the_doctor_does_not_touch_runs_that_another_process_trains(folder):
    change(folder, "UPDATE epochs SET val_accuracy = 7 WHERE run = 1")
    file = folder / "checkpoints" / f".{RUNS[0].key[:24]}-4-{'0' * 8}.keras.123"
    file.write_bytes(b"half")
    with Store(folder) as training, Store(folder) as other:
        assert training.acquire(RUNS[0])
        assert repair(other) == []
        assert file.exists()
        training.release(RUNS[0])
    with Store(folder) as store:
        assert [run.key for run in repair(store)] == [RUNS[0].key]
    assert not file.exists()


def test_a_run_whose_key_is_not_a_text_is_removed(folder):
    change(folder, "UPDATE runs SET key = CAST(x'ff' AS TEXT) WHERE id = 1")
    with Store(folder) as store:
        assert not examine(store).whole
        repair(store)
        health = examine(store)
        assert (health.runs, health.whole) == (3, True)


@pytest.mark.parametrize("cell", ["CAST(x'ff' AS TEXT)", "x'ff'", "NULL"])
def test_rebuilding_keeps_cells_that_are_not_text(folder, cell):
    change(folder, f"UPDATE runs SET failure = {cell} WHERE id = 1")
    before = answers(folder)
    rebuild(folder)
    assert answers(folder) == before


def test_a_damaged_file_is_rebuilt_from_its_readable_rows(folder):
    path = folder / "kmlp.sqlite"
    data = path.read_bytes()
    middle = len(data) // 2 // 4096 * 4096
    path.write_bytes(data[:middle] + b"\xff" * 4096 + data[middle + 4096 :])
    with (
        pytest.raises(StoreError, match=r"kmlp\.store\.doctor\.repair"),
        Store(folder) as store,
    ):
        examine(store)
    assert not examine_folder(partial(Store, folder, writable=False)).whole
    damaged = repair_folder(folder, partial(Store, folder)).damaged_database
    assert len(damaged.read_bytes()) == len(data)
    health = examine_folder(partial(Store, folder, writable=False))
    assert health.runs >= 1 or health.studies >= 1
    assert all("study" in problem for problem in health.damaged)
    assert not health.leftovers
