"""The store with made-up runs: nothing is trained."""

import errno
import math
from contextlib import closing

import numpy as np
import pytest
from helpers.made_up import made_up_record

from kmlp import RunConfig
from kmlp.errors import StoreError, StoreWriteError
from kmlp.store import Store, checkpoints, checksums
from kmlp.store.database import open_database
from kmlp.store.listing import list_runs
from kmlp.store.migrations import VERSION
from kmlp.training.run import RunIdentity, RunState

pytestmark = pytest.mark.once


def identity(seed):
    return RunIdentity(str(seed) * 64, RunConfig(seed=seed), "none", True, 10)


A, B = identity(1), identity(2)


def result(*epochs, accuracy=0.5, checkpoint_bytes=b"model"):
    """What a task that trained these epochs came to; nan: it diverged in the last."""
    *before, last = [made_up_record(epoch, 0.5) for epoch in epochs]
    last = made_up_record(last.epoch, accuracy)
    return (
        (*before, last),
        None if math.isnan(accuracy) else checkpoint_bytes,
    )


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "runs") as opened:
        assert opened.acquire(A)
        yield opened


def again(store):
    return Store(store.folder)


def test_what_was_appended_is_there_when_the_folder_is_opened_again(store):
    assert store.append(
        A, *result(1, 2, accuracy=0.75, checkpoint_bytes=b"two"), fresh=False
    )
    with again(store) as other:
        run = other.run(A)
        assert (run.config, run.backend, run.fused, run.parameters) == (
            A.config,
            "none",
            True,
            10,
        )
        assert [record.epoch for record in run.history] == [1, 2]
        assert (run.val_accuracy, run.status, run.checkpoint_bytes()) == (
            0.75,
            "finished",
            b"two",
        )
        assert run.history[0].step_losses.dtype == np.float32
        assert run.history[0].step_losses.tolist() == [1.0]
        assert other.state(A) == RunState(2)
        assert other.state(B) == RunState()
        assert other.run(B) is None


def test_a_run_in_memory_is_like_any_other():
    with Store(None) as store:
        assert store.acquire(A)
        assert store.append(A, *result(1), fresh=False)
        run = store.run(A).with_model_loaded()
    assert run.checkpoint_bytes() == b"model"


def test_a_diverged_run_has_no_model_and_is_nan():
    with Store(None) as store:
        store.acquire(A)
        store.append(A, *result(1, accuracy=math.nan), fresh=False)
        run = store.run(A)
        assert (run.status, run.checkpoint_bytes) == ("diverged", None)
        assert math.isnan(run.history[0].val_loss)
        assert store.resume(A) == RunState(1, True)


def test_the_last_two_checkpoints_are_kept(store):
    for epoch in (1, 2, 3):
        store.append(
            A, *result(epoch, checkpoint_bytes=f"after {epoch}".encode()), fresh=False
        )
    files = sorted((store.folder / "checkpoints").iterdir())
    assert [path.read_text() for path in files] == ["after 2", "after 3"]
    assert store.resume(A) == RunState(3, False, b"after 3")


def damage(store, epoch):
    [path] = (store.folder / "checkpoints").glob(f"*-{epoch}-*.keras")
    path.write_bytes(b"something else")
    return path


def test_a_damaged_checkpoint_takes_the_run_back_to_the_one_before(store):
    for epoch in (1, 2, 3):
        store.append(
            A, *result(epoch, checkpoint_bytes=f"after {epoch}".encode()), fresh=False
        )
    path = damage(store, 3)
    with pytest.raises(StoreError, match="damaged"):
        store.run(A).checkpoint_bytes()
    state = store.resume(A)
    assert (state.epochs, state.checkpoint_bytes) == (2, b"after 2")
    [said] = state.damaged
    assert str(path) in said
    assert store.run(A).epochs == 2
    assert store.append(A, *result(3), fresh=False)


def test_without_any_good_checkpoint_the_run_begins_anew(store):
    store.append(A, *result(1), fresh=False)
    damage(store, 1).unlink()
    state = store.resume(A)
    assert (state.epochs, state.checkpoint_bytes, len(state.damaged)) == (0, None, 1)
    assert store.run(A) is None
    assert store.append(A, *result(1), fresh=False)


def test_a_task_is_kept_whole_or_not_at_all(store):
    store.append(A, *result(1), fresh=False)
    with pytest.raises(StoreWriteError):
        store.append(A, *result(2, 1), fresh=False)  # epoch 1 is there already
    with again(store) as other:
        assert other.run(A).epochs == 1
        assert other.resume(A) == RunState(1, False, b"model")


def test_a_full_disk_keeps_what_was_stored(store, monkeypatch):
    store.append(A, *result(1), fresh=False)

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "write", full)
        with pytest.raises(StoreWriteError, match=r"kmlp\.sqlite.*disk is full"):
            store.append(A, *result(2), fresh=False)
    assert store.run(A).epochs == 1
    assert store.append(A, *result(2), fresh=False)


def test_a_half_written_file_of_a_killed_process_is_removed(store):
    store.append(A, *result(1), fresh=False)
    folder = store.folder / "checkpoints"
    prefix = next(folder.iterdir()).name.partition("-")[0]
    for name in (f".{prefix}-2-abcdef12.keras.123", f"{prefix}-2-abcdef12.keras"):
        (folder / name).write_bytes(b"half")
    (folder / "of another run-1.keras").write_bytes(b"whole")
    store.append(A, *result(2), fresh=False)
    assert sorted(path.name.split("-")[1] for path in folder.glob(f"{prefix}*")) == [
        "1",
        "2",
    ]
    assert not list(folder.glob(".*"))
    assert (folder / "of another run-1.keras").exists()


def test_a_fresh_run_takes_the_place_of_the_old_one_when_it_is_there(store):
    store.append(A, *result(1, 2, accuracy=0.5, checkpoint_bytes=b"old"), fresh=False)
    store.begin_anew(A)
    store.append(A, *result(1, accuracy=0.25, checkpoint_bytes=b"new"), fresh=True)
    assert (store.run(A).epochs, store.run(A).checkpoint_bytes()) == (2, b"old")
    store.replace(A)
    assert (store.run(A).epochs, store.run(A).checkpoint_bytes()) == (1, b"new")
    assert [path.read_bytes() for path in (store.folder / "checkpoints").iterdir()] == [
        b"new"
    ]
    store.append(A, *result(2), fresh=False)
    store.begin_anew(A)
    assert store.run(A).checkpoint_bytes() == b"model"


def test_a_failure_is_noted_until_the_run_gets_further(store):
    store.fail(A, "out of luck", fresh=False)
    run = store.run(A)
    assert (run.status, run.failure, run.epochs) == ("failed", "out of luck", 0)
    assert math.isnan(run.val_accuracy)
    assert store.state(A) == RunState()
    store.append(A, *result(1), fresh=False)
    assert (store.run(A).status, store.run(A).failure) == ("finished", None)


def test_a_run_is_claimed_by_one_process_at_a_time(store):
    with again(store) as other:
        assert not other.acquire(A)
        assert store.acquire(A)
        assert not other.append(A, *result(1), fresh=False)
        assert other.run(A) is None
        store.release(A)
        assert other.acquire(A)
        assert not store.append(A, *result(1), fresh=False)
        assert not list((store.folder / "checkpoints").glob("*"))


def test_nothing_is_written_to_a_run_that_another_process_has_leased(store):
    store.append(A, *result(1), fresh=False)
    store.append(A, *result(1), fresh=True)
    with again(store) as other:
        other.connection.execute("UPDATE leases SET pid = 4194304")
        assert other.acquire(A)
        assert not store.replace(A)
        assert not store.fail(A, "out of luck", fresh=False)
        store.begin_anew(A)
        assert other.run(A).status == "finished"
        assert other.run(A, fresh=True) is not None


def test_an_old_store_without_a_field_of_the_configuration_can_be_read(store):
    store.append(A, *result(1), fresh=False)
    store.connection.execute("UPDATE runs SET config = json_remove(config, '$.momentum')")
    checksums.seal(store.connection, "runs", 1)
    assert store.run(A).config == A.config


def test_an_own_function_need_not_be_at_hand_to_read_a_run(store):
    store.append(A, *result(1), fresh=False)
    store.connection.execute(
        "UPDATE runs SET config = json_set(config, '$.activation', 'no_module:f')"
    )
    checksums.seal(store.connection, "runs", 1)
    assert store.run(A).config.activation == "no_module:f"


def test_the_environment_is_noted_once(tmp_path):
    with Store(tmp_path, facts={"threads": 1}) as store:
        store.acquire(A)
        store.append(A, *result(1, 2), fresh=False)
        rows = store.connection.execute("SELECT facts FROM environments").fetchall()
    assert [row["facts"] for row in rows] == ['{"threads": 1}']


def test_opening_to_read_makes_nothing(tmp_path):
    with pytest.raises(StoreError, match="no runs"):
        Store(tmp_path / "runs", writable=False)
    assert not list(tmp_path.iterdir())


def test_a_database_without_tables_has_no_runs(tmp_path):
    """As when the command that made it was killed at once."""
    (tmp_path / "kmlp.sqlite").touch()
    with pytest.raises(StoreError, match="no runs"):
        Store(tmp_path, writable=False)


def test_a_damaged_database_is_told_whoever_reads(store):
    store.append(A, *result(1), fresh=False)
    path = store.folder / "kmlp.sqlite"
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with (
        pytest.raises(StoreError, match="damaged"),
        Store(store.folder, writable=False) as other,
    ):
        list_runs(other, {})


def test_the_database_is_one_file_with_a_version(store):
    with closing(open_database(store.folder)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
        assert connection.execute("PRAGMA user_version").fetchone()[0] == VERSION
