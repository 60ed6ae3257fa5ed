"""Runs as values: the epoch at which they are judged, on made-up records."""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.made_up import made_up_record

from kmlp import ConfigError, RunConfig
from kmlp.model.metrics import ACCURACY, LOSS, RMSE
from kmlp.training.run import Run, noun_of, recorded

pytestmark = pytest.mark.once


def made_up_run(*accuracies, **fields):
    """A run with these validation accuracies by epoch; nan: it diverged.

    Test accuracies are lower by 0.01, losses are 1 minus the accuracy.
    """
    records = [made_up_record(epoch, value) for epoch, value in enumerate(accuracies, 1)]
    return Run(
        config=RunConfig(),
        backend="none",
        fused=True,
        parameters=10,
        history=tuple(
            replace(record, test_accuracy=record.val_accuracy - 0.01) for record in records
        ),
        **fields,
    )


def test_a_run_is_judged_at_its_epoch_with_the_highest_validation_accuracy():
    run = made_up_run(0.5, 0.9, 0.7)
    assert (run.at, run.outcome.epoch) == ("best", 2)
    assert run.val_accuracy == 0.9
    assert run.test_accuracy == pytest.approx(0.89)
    assert run.val_loss == run.test_loss == pytest.approx(0.1)


def test_the_first_of_equally_good_epochs_is_the_best():
    assert made_up_run(0.5, 0.9, 0.9).outcome.epoch == 2


def test_a_run_can_be_judged_at_its_last_epoch():
    last = made_up_run(0.5, 0.9, 0.7).judged_at("last")
    assert (last.outcome.epoch, last.val_accuracy) == (3, 0.7)
    assert last.test_accuracy == pytest.approx(0.69)
    assert last.judged_at("best").outcome.epoch == 2


@pytest.mark.parametrize(("at", "gap"), [("best", 0.07), ("last", 0.29)])
def test_the_gap_is_that_of_the_epoch_at_which_the_run_is_judged(at, gap):
    run = made_up_run(0.5, 0.9, 0.7)
    trained = [
        replace(record, accuracy=accuracy)
        for record, accuracy in zip(run.history, (0.6, 0.97, 0.99), strict=True)
    ]
    assert replace(run, history=tuple(trained), at=at).gap == pytest.approx(gap)


@pytest.mark.parametrize(("at", "epoch"), [("best", 1), ("last", 2)])
def test_a_truncated_run_is_judged_within_its_epochs(at, epoch):
    run = made_up_run(0.6, 0.5, 0.9).judged_at(at)
    assert run.truncated(2).outcome.epoch == epoch
    assert run.truncated(2).at == at


@pytest.mark.parametrize("at", ["best", "last"])
def test_a_truncated_run_keeps_the_models_of_its_epochs(at):
    models = {epoch: lambda epoch=epoch: bytes([epoch]) for epoch in (1, 2, 3)}
    run = made_up_run(0.6, 0.5, 0.9, checkpoints=models).judged_at(at)
    shorter = run.truncated(2).with_model_loaded()
    assert sorted(shorter.checkpoints) == [1, 2]
    assert shorter.checkpoint_bytes() == bytes([1 if at == "best" else 2])


@pytest.mark.parametrize(
    ("epochs", "remedies"),
    [(3, ["judged_at", "fresh=True"]), (2, ["fresh=True"])],
)
def test_a_model_that_is_not_stored_is_an_error_with_the_remedies(epochs, remedies):
    run = made_up_run(0.6, 0.5, 0.4, checkpoints={3: lambda: b"model"}).truncated(epochs)
    with pytest.raises(ValueError, match="that of epoch 1 is not stored") as caught:
        run.model()
    found = [word for word in ("judged_at", "fresh=True") if word in str(caught.value)]
    assert found == remedies


@pytest.mark.parametrize("at", ["best", "last"])
def test_a_run_that_diverged_has_no_accuracy(at):
    run = made_up_run(0.5, 0.9, math.nan).judged_at(at)
    assert (run.status, run.outcome.epoch) == ("diverged", 3)
    assert math.isnan(run.val_accuracy) and math.isnan(run.test_accuracy)


def test_a_run_that_failed_has_no_accuracy():
    run = made_up_run(0.5, 0.9, failure="out of memory")
    assert math.isnan(run.val_accuracy) and math.isnan(run.val_loss)


def test_a_run_that_failed_in_its_first_epoch_has_no_outcome():
    run = made_up_run(failure="out of memory")
    assert math.isnan(run.val_accuracy)
    with pytest.raises(ValueError, match="failed in the first"):
        assert run.outcome


def test_the_learning_rate_of_an_epoch_follows_from_the_schedule():
    run = made_up_run(0.5, 0.9, math.nan)
    assert run.learning_rates == (0.1, 0.1, 0.1)
    scheduled = replace(run, config=RunConfig(schedule="linear:2", learning_rate=0.4))
    assert scheduled.learning_rates == (0.4, 0.2, 0)
    lost = replace(made_up_run(math.nan), config=scheduled.config)
    assert [math.isnan(rate) for rate in lost.learning_rates] == [True]


def with_losses(run, *losses):
    """The run with these validation losses."""
    history = [
        replace(record, val_loss=loss)
        for record, loss in zip(run.history, losses, strict=True)
    ]
    return replace(run, history=tuple(history))


def test_the_best_epoch_by_loss_is_the_first_with_the_lowest():
    run = with_losses(made_up_run(0.5, 0.9, 0.7), 0.3, 0.4, 0.3).measured_by(LOSS)
    assert (run.outcome.epoch, run.val_value, run.val_accuracy) == (1, 0.3, 0.5)
    assert "val_loss=0.3" in repr(run)
    assert run.stopped(patience=1).epochs == 2
    assert run.gap == pytest.approx(0.3 - run.outcome.loss)


def test_a_metric_that_was_not_recorded_is_absent_and_refused():
    run = made_up_run(0.5, 0.9)
    assert math.isnan(run.history[0].value(RMSE))
    with pytest.raises(ConfigError, match=r"rmse.*accuracy, loss"):
        run.measured_by(RMSE)


def test_a_run_can_have_metrics_of_its_own_and_no_accuracy():
    history = tuple(
        recorded(
            {"loss": 1.0, "val_loss": 1.0, "test_loss": 1.0, "val_rmse": rmse},
            epoch=epoch,
            seconds=1.0,
            step_losses=np.ones(1, "float32"),
        )
        for epoch, rmse in enumerate([3.0, 2.0, 2.5], start=1)
    )
    run = replace(made_up_run(0.5), history=history).measured_by(RMSE)
    assert (run.outcome.epoch, run.val_value) == (2, 2.0)
    assert math.isnan(run.val_accuracy)
    with pytest.raises(ConfigError, match="accuracy"):
        run.measured_by(ACCURACY)


ABSENT = "eurosat"
"""A dataset that is not on this machine, like images or a table that were removed."""


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path))


def on_dataset(name, metrics=None):
    run = made_up_run(0.5)
    records = [made_up_record(1, 0.5, metrics=metrics)]
    return replace(run, config=RunConfig(dataset=name), history=tuple(records))


def test_the_examples_have_the_word_of_their_dataset_even_if_it_was_removed():
    further = {"val_macro_f1": 0.5}
    assert on_dataset("mnist", further).noun == on_dataset("cifar10").noun == "images"
    assert on_dataset("wine", further).noun == "rows"
    assert on_dataset(ABSENT, {"val_rmse": 1}).noun == "rows"
    assert on_dataset(ABSENT, further).noun == "examples"


def test_runs_on_images_and_on_rows_are_of_examples():
    row, image = on_dataset(ABSENT, {"val_rmse": 1}), on_dataset("mnist")
    failed = replace(row, history=())
    assert noun_of([failed, row, failed]) == "rows"
    assert noun_of([image, image]) == "images"
    assert noun_of([image, row]) == "examples"
