"""Writing made-up runs. Nothing is trained."""

import errno
import math
from dataclasses import replace

import pytest
from helpers.made_up import made_up_record
from helpers.stores import A, made_up_task

from kmlp.errors import DamagedError, StoreWriteError
from kmlp.model.metrics import ACCURACY, LOSS, RMSE
from kmlp.store import Store, _checkpoint_files
from kmlp.training.run import RunState

pytestmark = pytest.mark.once


def test_the_last_two_checkpoints_are_kept(store):
    for epoch in (1, 2, 3):
        store.append(
            A, *made_up_task(epoch, checkpoint_bytes=f"after {epoch}".encode()), fresh=False
        )
    files = sorted((store.folder / "checkpoints").iterdir())
    assert [path.read_text() for path in files] == ["after 2", "after 3"]
    assert resumed(store) == ((0.51, 0.52, 0.53), False, b"after 3")


def append_epochs(store, accuracies, kept, *, fresh=False, first=1):
    """Append a task of epochs with these validation accuracies and kept checkpoints."""
    records = [made_up_record(e, value) for e, value in enumerate(accuracies, first)]
    models = {epoch: f"after {epoch}".encode() for epoch in kept}
    assert store.append(A, records, models, fresh=fresh)


def resumed(store):
    """Return the accuracies of the run that is resumed, if it diverged, and its model."""
    state = store.resume(A)
    return state.values(ACCURACY), state.diverged, state.checkpoint_bytes


def files_of(store):
    return sorted(p.read_text() for p in (store.folder / "checkpoints").iterdir())


def test_the_checkpoint_of_the_best_epoch_is_kept_besides_the_last_two(store):
    append_epochs(store, [0.5, 0.9, 0.7], [2, 3])
    for epoch in (4, 5, 6):
        append_epochs(store, [0.9], [epoch], first=epoch)  # equal: the first is the best
    assert files_of(store) == ["after 2", "after 5", "after 6"]
    run = store.run(A)
    assert (run.outcome.epoch, run.checkpoint_bytes()) == (2, b"after 2")
    assert run.judged_at("last").checkpoint_bytes() == b"after 6"
    assert resumed(store) == ((0.5, 0.9, 0.7, 0.9, 0.9, 0.9), False, b"after 6")
    append_epochs(store, [0.95, 0.94], [7, 8], first=7)
    assert files_of(store) == ["after 7", "after 8"]


def test_the_best_epoch_of_a_fresh_run_does_not_replace_that_of_the_stored_one(store):
    append_epochs(store, [0.9, 0.7], [1, 2])
    store.begin_anew(A)
    append_epochs(store, [0.6, 0.8, 0.7], [2, 3], fresh=True)
    assert store.run(A).checkpoint_bytes() == b"after 1"
    store.replace(A)
    assert store.run(A).checkpoint_bytes() == b"after 2"
    assert files_of(store) == ["after 2", "after 3"]


def test_a_run_that_diverged_later_keeps_no_checkpoint_of_an_early_epoch(store):
    append_epochs(store, [0.9, 0.7], [1, 2])
    append_epochs(store, [0.8], [3], first=3)
    append_epochs(store, [math.nan], [], first=4)
    assert store.run(A).checkpoint_bytes is None
    assert files_of(store) == ["after 2", "after 3"]


def test_a_task_is_stored_whole_or_not_at_all(store):
    store.append(A, *made_up_task(1), fresh=False)
    with pytest.raises(StoreWriteError):
        store.append(A, *made_up_task(2, 1), fresh=False)  # epoch 1 is there already
    with Store(store.folder) as other:
        assert other.run(A).epochs == 1
        assert resumed(other) == ((0.51,), False, b"model")


def test_a_full_disk_keeps_what_was_stored(store, monkeypatch):
    store.append(A, *made_up_task(1), fresh=False)

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(_checkpoint_files, "write", full)
        with pytest.raises(StoreWriteError, match=r"kmlp\.sqlite.*full"):
            store.append(A, *made_up_task(2), fresh=False)
    assert store.run(A).epochs == 1
    assert store.append(A, *made_up_task(2), fresh=False)


def test_a_half_written_file_of_a_killed_process_is_removed(store):
    store.append(A, *made_up_task(1), fresh=False)
    folder = store.folder / "checkpoints"
    prefix = next(folder.iterdir()).name.partition("-")[0]
    for name in (f".{prefix}-2-abcdef12.keras.123", f"{prefix}-2-abcdef12.keras"):
        (folder / name).write_bytes(b"half")
    (folder / "of another run-1.keras").write_bytes(b"whole")
    store.append(A, *made_up_task(2), fresh=False)
    assert sorted(path.name.split("-")[1] for path in folder.glob(f"{prefix}*")) == [
        "1",
        "2",
    ]
    assert not list(folder.glob(".*"))
    assert (folder / "of another run-1.keras").exists()


def test_a_fresh_run_replaces_the_stored_one_when_it_is_complete(store):
    store.append(A, *made_up_task(1, 2, checkpoint_bytes=b"old"), fresh=False)
    store.begin_anew(A)
    store.append(A, *made_up_task(1, accuracy=0.25, checkpoint_bytes=b"new"), fresh=True)
    assert (store.run(A).epochs, store.run(A).checkpoint_bytes()) == (2, b"old")
    store.replace(A)
    assert (store.run(A).epochs, store.run(A).checkpoint_bytes()) == (1, b"new")
    assert [path.read_bytes() for path in (store.folder / "checkpoints").iterdir()] == [
        b"new"
    ]
    store.append(A, *made_up_task(2), fresh=False)
    store.begin_anew(A)
    assert store.run(A).checkpoint_bytes() == b"model"


def test_a_failure_is_stored_until_the_run_gets_further(store):
    store.fail(A, "out of luck", fresh=False)
    run = store.run(A)
    assert (run.status, run.failure, run.epochs) == ("failed", "out of luck", 0)
    assert math.isnan(run.val_accuracy)
    assert store.state(A) == RunState()
    store.append(A, *made_up_task(1), fresh=False)
    assert (store.run(A).status, store.run(A).failure) == ("finished", None)


def test_nothing_is_written_to_a_run_that_another_process_has_leased(store):
    store.append(A, *made_up_task(1), fresh=False)
    store.append(A, *made_up_task(1), fresh=True)
    with Store(store.folder) as other:
        other.connection.execute("UPDATE leases SET pid = 4194304")
        assert other.acquire(A)
        assert not store.replace(A)
        assert not store.fail(A, "out of luck", fresh=False)
        store.begin_anew(A)
        assert other.run(A).status == "finished"
        assert other.run(A, fresh=True) is not None


def test_the_checkpoint_of_the_epoch_with_the_lowest_loss_is_kept_if_it_is_asked_for(store):
    losses = [0.3, 0.1, 0.4, 0.5, 0.6]
    records = [
        made_up_record(epoch, epoch / 10, loss) for epoch, loss in enumerate(losses, 1)
    ]
    models = {record.epoch: f"after {record.epoch}".encode() for record in records}
    store.append(A, records, models, metric=LOSS, fresh=False)
    assert files_of(store) == ["after 2", "after 4", "after 5"]


def test_further_metrics_are_stored_and_their_damage_is_noticed(store):
    records = [
        replace(
            made_up_record(epoch, math.nan, loss=1.0),
            metrics={"val_rmse": rmse, "rmse": 1.0},
        )
        for epoch, rmse in enumerate([2.5, 1.5, 2.0], 1)
    ]
    store.append(A, records, {3: b"model"}, metric=RMSE, fresh=False)
    run = store.run(A).measured_by(RMSE)
    assert (run.outcome.epoch, run.val_value, run.status) == (2, 1.5, "finished")
    assert store.state(A).values(RMSE) == (2.5, 1.5, 2.0)
    assert math.isnan(run.val_accuracy)
    with store.writing():
        store.connection.execute(
            "UPDATE epochs SET metrics = ? WHERE epoch = 2", ('{"val_rmse": 0.5}',)
        )
    with pytest.raises(DamagedError):
        store.run(A)
