"""Leasing runs, and resuming them from their checkpoints. Nothing is trained."""

import math

import pytest
from helpers.stores import A, made_up_task

from kmlp.errors import StoreError
from kmlp.model.metrics import ACCURACY
from kmlp.store import Store

pytestmark = pytest.mark.once


def test_a_diverged_run_has_no_model_and_is_nan():
    with Store(None) as store:
        store.acquire(A)
        store.append(A, *made_up_task(1, accuracy=math.nan), fresh=False)
        run = store.run(A)
        assert (run.status, run.checkpoint_bytes) == ("diverged", None)
        assert math.isnan(run.history[0].val_loss)
        state = store.resume(A)
        assert state.diverged and math.isnan(*state.values(ACCURACY))


def damage(store, epoch):
    [path] = (store.folder / "checkpoints").glob(f"*-{epoch}-*.keras")
    path.write_bytes(b"something else")
    return path


def test_a_damaged_checkpoint_takes_the_run_back_to_the_one_before(store):
    for epoch in (1, 2, 3):
        store.append(
            A, *made_up_task(epoch, checkpoint_bytes=f"after {epoch}".encode()), fresh=False
        )
    path = damage(store, 3)
    with pytest.raises(StoreError, match="damaged"):
        store.run(A).checkpoint_bytes()
    state = store.resume(A)
    assert (state.epochs, state.checkpoint_bytes) == (2, b"after 2")
    [said] = state.damaged
    assert str(path) in said
    assert store.run(A).epochs == 2
    assert store.append(A, *made_up_task(3), fresh=False)


def test_a_run_that_is_cut_back_keeps_the_checkpoint_of_its_best_epoch(store):
    for epoch, accuracy in ((1, 0.9), (2, 0.5), (3, 0.6), (4, 0.7)):
        checkpoint_bytes = f"after {epoch}".encode()
        task = made_up_task(epoch, accuracy=accuracy, checkpoint_bytes=checkpoint_bytes)
        store.append(A, *task, fresh=False)
    damage(store, 4)
    assert store.resume(A).checkpoint_bytes == b"after 3"
    assert store.run(A).checkpoint_bytes() == b"after 1"
    damage(store, 3)
    state = store.resume(A)
    assert (state.epochs, state.checkpoint_bytes) == (1, b"after 1")


def test_without_any_good_checkpoint_the_run_begins_anew(store):
    store.append(A, *made_up_task(1), fresh=False)
    damage(store, 1).unlink()
    state = store.resume(A)
    assert (state.epochs, state.checkpoint_bytes, len(state.damaged)) == (0, None, 1)
    assert store.run(A) is None
    assert store.append(A, *made_up_task(1), fresh=False)


def test_a_run_is_leased_to_one_process_at_a_time(store):
    with Store(store.folder) as other:
        assert not other.acquire(A)
        assert store.acquire(A)
        assert not other.append(A, *made_up_task(1), fresh=False)
        assert other.run(A) is None
        store.release(A)
        assert other.acquire(A)
        assert not store.append(A, *made_up_task(1), fresh=False)
        assert not list((store.folder / "checkpoints").glob("*"))
