"""A regression is evaluated as scikit-learn evaluates it."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from kmlp import ConfigError, build_mlp
from kmlp.inference.regression import RegressionEvaluation, evaluate_regression

pytestmark = pytest.mark.once

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(30, 2)).astype("float32"), RANDOM.normal(50, 9, 30)


def model(**options):
    return build_mlp(
        input_shape=(2,), num_classes=None, depth=0, scaling="none", targets=(50, 9),
        **options,
    )  # fmt: skip


def test_the_metrics_are_those_of_scikit_learn():
    network = model()
    evaluation = evaluate_regression(network, X, Y, target="price", unit="EUR")
    predicted = network.predict(X, verbose=0)[:, 0]
    for value, score in (
        (evaluation.rmse, root_mean_squared_error),
        (evaluation.mae, mean_absolute_error),
        (evaluation.r2, r2_score),
    ):
        assert value == pytest.approx(score(Y, predicted), rel=1e-4)
    residuals = np.abs(evaluation.residuals)
    assert np.argmax(residuals) == evaluation.largest[0]
    assert np.argmin(residuals) == evaluation.largest[-1]
    assert (evaluation.to_dict()["target"], evaluation.to_dict()["unit"]) == (
        "price",
        "EUR",
    )
    assert repr(evaluation).startswith(
        f"RegressionEvaluation of price, 30 examples: RMSE {evaluation.rmse:.2f} EUR, MAE "
    )


def test_the_variance_of_equal_targets_cannot_be_explained():
    ones = np.ones(3)
    evaluation = RegressionEvaluation(true=ones, predicted=np.arange(3.0))
    assert evaluation.r2 is None
    assert "R² undefined" in evaluation.text


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:0], Y[:0], "0 examples"),
        (X, Y[:3], "30 examples and 3 targets"),
        (X, np.append(Y[1:], np.nan), "1 of 30 targets are not finite"),
        (X[:, :1], Y, "takes 2, but these examples are 1"),
        (np.full_like(X, np.nan), Y, "not finite for 30 of 30"),
    ],
)
def test_rows_that_do_not_fit_are_refused(x, y, message):
    with pytest.raises(ConfigError, match=message):
        evaluate_regression(model(), x, y)
