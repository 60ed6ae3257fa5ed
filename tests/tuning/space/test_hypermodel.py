"""Keras Tuner's own tuners with our space, and with our oracle."""

import keras
import keras_tuner
import numpy as np
import pytest
from helpers.made_up_data import table_examples

from kmlp import ConfigError, RunConfig, evaluate, load_dataset
from kmlp.data._dataset import make_dataset
from kmlp.training import Session
from kmlp_tuning import AshaOracle, HyperbandOracle, MLPHyperModel

pytestmark = pytest.mark.trains

SPACE = {"learning_rate": "1e-2:1:log", "batch_size": [20, 50], "depth": [0, 1]}


@pytest.fixture(scope="module")
def data():
    dataset = load_dataset("mnist").with_train_size(500)
    validation = dataset.validation
    return dataset.train.x, dataset.train.y, (validation.x[:200], validation.y[:200])


@pytest.fixture(scope="module")
def few(data):
    """Enough where no accuracy matters."""
    x, y, (validation_x, validation_y) = data
    return x[:100], y[:100], (validation_x[:50], validation_y[:50])


@pytest.fixture
def model():
    return MLPHyperModel(SPACE, base=RunConfig(width=8))


def run(tuner, data, **options):
    x, y, validation = data
    tuner.search(x, y, validation_data=validation, verbose=0, **options)
    return tuner


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("tuner", "options", "search"),
    [
        pytest.param(keras_tuner.RandomSearch, {"max_trials": 3}, {"epochs": 2}, marks=pytest.mark.slow),
        pytest.param(
            keras_tuner.BayesianOptimization, {"max_trials": 4, "num_initial_points": 2}, {"epochs": 1},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            keras_tuner.Hyperband, {"max_epochs": 2, "factor": 2}, {}, marks=pytest.mark.jax_first
        ),
    ],
    ids=["random", "bayesian", "hyperband"],
)  # fmt: skip
def test_stock_tuners(tuner, options, search, data, tmp_path):
    space = {"learning_rate": "1e-2:1:log", "batch_size": [20, 50]}
    model = MLPHyperModel(space, base=RunConfig(width=8, depth=0))
    done = run(
        tuner(model, "val_accuracy", directory=tmp_path, seed=1, **options), data, **search
    )
    trials = done.oracle.trials.values()
    assert {it.status for it in trials} == {"COMPLETED"}
    sizes = [it.hyperparameters.get("batch_size") for it in trials]
    assert set(sizes) <= {20, 50}
    [best] = done.get_best_models()
    x, y = data[2]
    assert np.mean(best.predict(x, verbose=0).argmax(-1) == y) > 0.3


def test_it_trains_for_the_epochs_of_the_oracle_with_the_batch_size_of_the_space(
    model, data
):
    x, y, validation = data
    hp = keras_tuner.HyperParameters()
    model.build(hp)
    hp.values |= {"batch_size": 50, "tuner/epochs": 3, "tuner/initial_epoch": 1}
    anew = model.fit(hp, model.build(hp), x, y, epochs=99)
    assert anew.epoch == [0, 1, 2]  # with new weights; a tuner that loads them says so:
    history = model.fit(
        hp, model.build(hp), x, y, validation_data=validation, epochs=3, initial_epoch=1
    )
    assert history.epoch == [1, 2]
    assert history.step_losses[0].shape == (10,)
    assert "val_accuracy" in history.history


def test_a_loss_on_one_hot_targets(data):
    x, y, validation = data
    model = MLPHyperModel(SPACE, base=RunConfig(width=8, loss="mse"))
    hp = keras_tuner.HyperParameters()
    history = model.fit(hp, model.build(hp), x, y, validation_data=validation, epochs=1)
    assert 0 < history.history["val_loss"][0] < 1


@pytest.mark.parametrize(
    "kind", [HyperbandOracle, pytest.param(AshaOracle, marks=pytest.mark.slow)]
)
@pytest.mark.once
def test_our_oracles_in_a_stock_tuner_with_any_hypermodel(kind, few, tmp_path):
    def build(hp):
        model = keras.Sequential(
            [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Rescaling(1 / 255),
             keras.layers.Dense(10, activation="softmax")]
        )  # fmt: skip
        rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
        model.compile(
            keras.optimizers.SGD(rate),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model

    oracle = kind("val_accuracy", max_trials=5, max_epochs=3, seed=0)
    tuner = run(keras_tuner.Tuner(oracle, build, directory=tmp_path), few, epochs=1)
    rungs = [it.hyperparameters.get("tuner/round") for it in oracle.trials.values()]
    assert rungs.count(0) == 5
    assert rungs.count(1) >= 1
    assert len(tuner.get_best_models()) == 1


@pytest.mark.once
def test_a_stock_tuner_goes_on_where_it_was_cut(few, tmp_path):
    model = MLPHyperModel({"learning_rate": "1e-2:1:log"}, base=RunConfig(width=8, depth=0))

    def begin(ends_after):
        oracle = HyperbandOracle("val_accuracy", max_trials=5, max_epochs=3, seed=0)

        class Cut(keras_tuner.Tuner):
            left = ends_after

            def on_trial_begin(self, trial):
                self.left -= 1
                if self.left < 0:
                    raise KeyboardInterrupt
                super().on_trial_begin(trial)

        return Cut(oracle, model, directory=tmp_path)

    with pytest.raises(KeyboardInterrupt):
        run(begin(3), few)
    tuner = run(begin(99), few)
    values = [it.hyperparameters.values for it in tuner.oracle.trials.values()]
    assert len([it for it in values if it["tuner/round"] == 0]) == 5
    assert len({it["learning_rate"] for it in values}) == 5
    assert {it.status for it in tuner.oracle.trials.values()} == {"COMPLETED"}


def test_the_model_is_ours(model):
    hp = keras_tuner.HyperParameters()
    model.build(hp)
    hp.values |= {"depth": 1, "learning_rate": 0.25}
    built = model.build(hp)
    assert built.optimizer.learning_rate == 0.25
    assert built.count_params() == 784 * 8 + 8 + 8 * 10 + 10


@pytest.mark.once
def test_what_would_have_no_effect_is_refused(model, data):
    x, y, _ = data
    with pytest.raises(ConfigError, match=r"`train_size`.*searched"):
        MLPHyperModel({"train_size": [100, 200]})
    with pytest.raises(ConfigError, match=r"`label_noise`.*`search`"):
        MLPHyperModel({"depth": [1, 2]}, base=RunConfig(label_noise=0.1))
    hp = keras_tuner.HyperParameters()
    with pytest.raises(ConfigError, match="`batch_size`"):
        model.fit(hp, model.build(hp), x, y, batch_size=7)


@pytest.fixture(scope="module")
def numbers():
    """A regression with missing values."""
    examples = table_examples(80, task="regression")
    return make_dataset("diabetes", examples, validation_fraction=0.25)


ONE = RunConfig(dataset="diabetes", width=4, depth=1, batch_size=20)


@pytest.mark.jax_first
def test_a_stock_tuner_searches_a_regression_of_raw_rows(numbers, tmp_path):
    model = MLPHyperModel({"learning_rate": [0.05, 0.1]}, dataset=numbers, base=ONE)
    objective = keras_tuner.Objective("val_rmse", "min")
    tuner = keras_tuner.RandomSearch(
        model, objective, max_trials=1, directory=tmp_path, seed=1
    )
    rows = numbers.validation
    run(tuner, (numbers.train.x, numbers.train.y, (rows.x, rows.y)), epochs=1)
    [trial] = tuner.oracle.trials.values()
    [best] = tuner.get_best_models()
    evaluation = evaluate(best, rows.x, rows.y)
    assert trial.score == pytest.approx(evaluation.rmse, rel=1e-4)
    assert evaluation.unit == numbers.schema.unit


def test_a_regression_is_trained_as_a_run_of_the_same_configuration(numbers):
    session = Session(ONE, numbers)
    session.train_epoch()
    model = MLPHyperModel({"depth": [1, 2]}, dataset=numbers, base=ONE)
    hp = keras_tuner.HyperParameters()
    built = model.build(hp)
    model.fit(hp, built, numbers.train.x, numbers.train.y, epochs=1)
    for ours, theirs in zip(built.get_weights(), session.checkpoint().weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.once
def test_what_contradicts_the_dataset_is_refused(numbers):
    with pytest.raises(ConfigError) as refusal:
        MLPHyperModel(SPACE, dataset=numbers, base=RunConfig(), num_classes=10)
    assert len(refusal.value.problems) == 2
