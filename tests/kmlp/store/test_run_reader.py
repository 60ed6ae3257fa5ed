"""Reading made-up runs. Nothing is trained."""

import numpy as np
import pytest
from helpers.stores import A, B, made_up_task

from kmlp.model.metrics import ACCURACY
from kmlp.store import Store, _checksums
from kmlp.training.run import RunState

pytestmark = pytest.mark.once


def test_appended_epochs_are_there_when_the_folder_is_opened_again(store):
    assert store.append(
        A, *made_up_task(1, 2, accuracy=0.75, checkpoint_bytes=b"two"), fresh=False
    )
    with Store(store.folder) as other:
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
        assert other.state(A).values(ACCURACY) == (0.51, 0.75)
        assert other.state(B) == RunState()
        assert other.run(B) is None


def test_a_run_in_memory_is_like_any_other():
    with Store(None) as store:
        assert store.acquire(A)
        assert store.append(A, *made_up_task(1), fresh=False)
        run = store.run(A).with_model_loaded()
    assert run.checkpoint_bytes() == b"model"


def test_a_run_stored_before_a_field_existed_can_be_read(store):
    store.append(A, *made_up_task(1), fresh=False)
    store.connection.execute("UPDATE runs SET config = json_remove(config, '$.momentum')")
    _checksums.seal(store.connection, "runs", 1)
    assert store.run(A).config == A.config


def test_a_run_with_a_custom_function_can_be_read_without_the_function(store):
    store.append(A, *made_up_task(1), fresh=False)
    store.connection.execute(
        "UPDATE runs SET config = json_set(config, '$.activation', 'no_module:f')"
    )
    _checksums.seal(store.connection, "runs", 1)
    assert store.run(A).config.activation == "no_module:f"
