"""The training of a single run."""

import numpy as np
import pytest

from kmlp import ConfigError, RunConfig, evaluate, load_dataset, load_study, train
from kmlp.engine import EpochFinished, RunFinished, RunStarted, StudyStarted
from kmlp.model.metrics import LOSS
from kmlp.model.run_data import dataset_of
from kmlp.store import Store
from kmlp.store.studies import list_studies
from kmlp.training.checks import parameters_of
from kmlp.training.target import stopping_epoch

pytestmark = pytest.mark.trains

SMALL = RunConfig(train_size=1024, width=16, depth=1)


def test_train_returns_every_epoch_and_a_trained_model():
    run = train(SMALL, epochs=3)
    assert (run.status, run.epochs, run.parameters) == ("finished", 3, parameters_of(SMALL))
    assert [record.epoch for record in run.history] == [1, 2, 3]
    assert run.history[0].loss > run.history[2].loss
    assert all(len(record.step_losses) == 16 for record in run.history)
    assert 0 < run.seconds == sum(record.seconds for record in run.history)
    test = load_dataset("mnist").test
    evaluation = run.model().evaluate(test.x, test.y, batch_size=1000, verbose=0)
    np.testing.assert_allclose(evaluation, [run.test_loss, run.test_accuracy], rtol=1e-5)


DIPS = RunConfig(train_size=1024, width=16, depth=1, learning_rate=1.0)
"""The third of its first six epochs is the best."""


def right(model, split):
    return evaluate(model, split.x, split.y).right


def test_the_model_of_a_run_classifies_as_many_images_right_as_its_best_epoch(tmp_path):
    run = train(DIPS, epochs=5, runs_dir=tmp_path)
    data = dataset_of(DIPS)
    for judged, epoch in ((run, 3), (run.judged_at("last"), 5)):
        assert judged.outcome.epoch == epoch
        shares = judged.val_accuracy, judged.test_accuracy
        counts = [round(share * 10_000) for share in shares]
        model = judged.model()
        assert [right(model, data.validation), right(model, data.test)] == counts


@pytest.mark.once
def test_a_run_with_a_patience_is_that_without_cut(tmp_path):
    stopped = train(DIPS, epochs=6, patience=2, runs_dir=tmp_path, name="a")
    whole = train(DIPS, epochs=6, runs_dir=tmp_path, name="b")
    assert (stopped.epochs, stopped.outcome.epoch) == (5, 3)
    assert losses(stopped) == losses(whole.stopped(2))
    assert stopped.key == whole.key
    heard = []
    options = {"runs_dir": tmp_path, "observer": heard.append}
    assert losses(train(DIPS, epochs=6, patience=2, **options)) == losses(stopped)
    assert not any(isinstance(event, EpochFinished) for event in heard)
    study = load_study("a", tmp_path)
    assert (study.run.epochs, study.missing) == (5, 0)
    assert study.conclusion.text.endswith("Early stopping ended it after 5 epochs.")
    patient = train(DIPS, epochs=6, patience=4, name="c", **options)
    assert patient.epochs == 6
    assert "Patience 4 was not reached" in load_study("c", tmp_path).conclusion.text
    with Store(tmp_path, writable=False) as store:
        listed = {study.name: study for study in list_studies(store)}
    assert (listed["a"].finished, listed["a"].best_val_accuracy) == (
        1,
        stopped.val_accuracy,
    )


@pytest.mark.jax_first
def test_a_run_continues_from_its_last_epoch(tmp_path):
    train(DIPS, epochs=5, runs_dir=tmp_path)
    continued = train(DIPS, epochs=6, runs_dir=tmp_path)
    whole = train(DIPS, epochs=6)
    assert losses(continued) == losses(whole)
    assert [array.tolist() for array in continued.model().get_weights()] == [
        array.tolist() for array in whole.model().get_weights()
    ]


def losses(run):
    return [record.step_losses.tolist() for record in run.history]


@pytest.mark.once
def test_a_shorter_run_whose_best_epoch_is_not_stored_has_no_model(tmp_path):
    train(DIPS, epochs=5, runs_dir=tmp_path)
    shorter = train(DIPS, epochs=2, runs_dir=tmp_path)
    with pytest.raises(ValueError, match=r"epoch 2 is not stored.*fresh=True"):
        shorter.model()


@pytest.mark.once
def test_the_observer_hears_everything_in_order():
    events = []
    train(SMALL, epochs=2, observer=events.append)
    assert [type(event) for event in events] == [
        StudyStarted, RunStarted, EpochFinished, EpochFinished, RunFinished,
    ]  # fmt: skip


def test_a_diverged_run_is_recorded_and_never_an_exception():
    diverging = RunConfig(train_size=1000, loss="mse", output="linear", learning_rate=1e20)
    run = train(diverging, epochs=5)
    assert (run.status, run.epochs) == ("diverged", 1)
    assert np.isnan(run.val_accuracy)
    assert np.isnan(run.test_accuracy)
    assert run.checkpoint_bytes is None
    with pytest.raises(ValueError, match="diverged"):
        run.model()


@pytest.mark.parametrize(
    ("change", "epochs", "message"),
    [
        ({}, 0, "`epochs` is 0, but must be an integer, `1 <= epochs <= 1000000`"),
        ({}, 1.5, "`epochs` is 1.5"),
        ({}, True, "`epochs` is True"),
        ({"batch_size": 50_001}, 1, "at most the 50000 training images"),
        ({"train_size": 10}, 1, "`batch_size` is 64, but must be at most the 10"),
        ({"train_size": 60_000}, 1, "mnist has 50000 training images"),
        ({"width": 10**6, "depth": 3}, 1, "make 2,000,"),
        ({"width": 10**30}, 1, "parameters, but at most 1,073,741,824 are allowed"),
    ],
)
def test_configurations_that_cannot_be_trained_are_refused_before_training(
    change, epochs, message
):
    events = []
    with pytest.raises(ConfigError) as caught:
        train(RunConfig(**change), epochs=epochs, observer=events.append)
    assert message in str(caught.value)
    assert events == []


@pytest.mark.once
def test_a_run_can_be_stopped_and_judged_by_its_loss(tmp_path):
    options = {"epochs": 6, "runs_dir": tmp_path, "metric": "loss"}
    run = train(DIPS, **options, name="whole")
    losses = [record.val_loss for record in run.history]
    assert run.val_value == min(losses)
    assert right(run.model(), dataset_of(DIPS).validation) == round(
        10_000 * run.outcome.val_accuracy
    )
    stopped = train(DIPS, **options, patience=1, name="stopped")
    assert stopped.epochs == stopping_epoch(losses, 1, LOSS)
    study = load_study("stopped", tmp_path)
    assert (study.metric, study.run.outcome.epoch) == (LOSS, stopped.outcome.epoch)
    assert study.conclusion.text.startswith("Test loss ")
    with pytest.raises(ConfigError, match="stopped early by their validation loss"):
        study.viewed(metric="accuracy")
    [whole] = [it for it in list_studies_of(tmp_path) if it.name == "whole"]
    assert whole.to_dict()["best_val_loss"] == min(losses)


def list_studies_of(folder):
    with Store(folder, writable=False) as store:
        return list_studies(store)
