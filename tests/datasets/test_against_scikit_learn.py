"""Tables give the results of scikit-learn's networks and of least squares."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.metrics import root_mean_squared_error
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from kmlp import RunConfig, ablate, train
from kmlp.model.run_data import dataset_of, split_for

pytestmark = [pytest.mark.slow, pytest.mark.once]

FOLDS = 5
EPOCHS = {"wine": 20, "breast_cancer": 20, "digits": 10}


def options_of(config, epochs, rate):
    """The options of scikit-learn's network with the same layers and steps."""
    return {
        "hidden_layer_sizes": (config.width,) * config.depth,
        "solver": "sgd",
        "alpha": 0,
        "momentum": 0,
        "nesterovs_momentum": False,
        "learning_rate_init": rate,
        "batch_size": config.batch_size,
        "max_iter": epochs,
        "n_iter_no_change": epochs,
        "tol": 0,
        "random_state": config.seed,
    }


def fitted(model, x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y)


def accuracy_of_scikit_learn(config, epochs):
    """The validation accuracy of scikit-learn's classifier."""
    data = split_for(config, dataset_of(config))
    scaler = StandardScaler().fit(data.train.x)
    model = MLPClassifier(**options_of(config, epochs, config.learning_rate))
    fitted(model, scaler.transform(data.train.x), data.train.y)
    return model.score(scaler.transform(data.validation.x), data.validation.y)


def error_of_scikit_learn(config, epochs):
    """The validation RMSE of scikit-learn's regressor, which halves the squared errors."""
    data = split_for(config, dataset_of(config))
    scaler = StandardScaler().fit(data.train.x)
    mean, sd = data.train.y.mean(), data.train.y.std()
    model = MLPRegressor(**options_of(config, epochs, 2 * config.learning_rate))
    fitted(model, scaler.transform(data.train.x), (data.train.y - mean) / sd)
    predicted = model.predict(scaler.transform(data.validation.x)) * sd + mean
    return root_mean_squared_error(data.validation.y, predicted)


@pytest.mark.parametrize("name", EPOCHS)
def test_folds_have_the_accuracy_of_scikit_learns_classifier(name):
    """Three seeds on five folds. The means differ by less than the spread of the seeds."""
    base = RunConfig(dataset=name, depth=1, learning_rate=0.05, batch_size=16, folds=FOLDS)
    study = ablate(
        "width", [32], base=base, seeds=3, epochs=EPOCHS[name], at="last", jobs=1
    )
    [level] = study.levels
    ours = np.array([run.val_accuracy for run in level.runs])
    theirs = np.array(
        [accuracy_of_scikit_learn(run.config, EPOCHS[name]) for run in level.runs]
    )
    by_seed = np.array([it.reshape(3, FOLDS).mean(1) for it in (ours, theirs)])
    spread = max(by_seed.std(1, ddof=1).max(), 0.003)
    assert abs(ours.mean() - theirs.mean()) < spread
    assert ours.mean() > 0.9


def test_folds_have_the_error_of_scikit_learns_regressor():
    base = RunConfig(
        dataset="diabetes", depth=1, learning_rate=0.01, batch_size=16, folds=FOLDS
    )
    study = ablate("width", [32], base=base, seeds=3, epochs=10, at="last", jobs=1)
    [level] = study.levels
    ours = np.array([run.val_value for run in level.runs])
    theirs = np.array([error_of_scikit_learn(run.config, 10) for run in level.runs])
    by_seed = np.array([it.reshape(3, FOLDS).mean(1) for it in (ours, theirs)])
    assert abs(ours.mean() - theirs.mean()) < max(by_seed.std(1, ddof=1).max(), 0.5)
    assert ours.mean() < 60  # that of the mean of all targets is 77


def test_a_network_without_hidden_layers_is_least_squares():
    """With all rows in a batch, until it no longer changes."""
    rows = RunConfig(dataset="diabetes", validation_fraction=None)
    data = split_for(rows, dataset_of(rows))
    config = rows.with_fields(depth=0, learning_rate=0.02, batch_size=len(data.train))
    run = train(config, epochs=400, at="last")
    squares = LinearRegression().fit(data.train.x, data.train.y)
    expected = root_mean_squared_error(data.test.y, squares.predict(data.test.x))
    assert run.test_value == pytest.approx(expected, rel=0.01)
