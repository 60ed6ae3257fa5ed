"""The chart of a regression's predictions and residuals."""

import numpy as np
import pytest
from helpers.charts import drawn

from kmlp.charts.regression import MOST_POINTS, residuals
from kmlp.inference.regression import RegressionEvaluation

pytestmark = pytest.mark.once

RANDOM = np.random.default_rng(0)


def evaluation(size=30, **options):
    true = RANDOM.normal(150, 40, size)
    predicted = true + RANDOM.normal(0, 20, size)
    return RegressionEvaluation(true=true, predicted=predicted, **options)


def points_of(specification):
    return max(specification["datasets"].values(), key=len)


def test_every_example_is_drawn_with_its_residual_in_the_unit_of_the_target():
    made = evaluation(target="progression", unit="mg/dl")
    specification, svg = drawn(residuals(made))
    points = {it["number"] - 1: it for it in points_of(specification)}
    assert len(points) == 30
    for index, point in points.items():
        expected = (made.true[index], made.predicted[index], made.residuals[index])
        values = (point["true"], point["predicted"], point["residual"])
        assert values == pytest.approx(expected, rel=1e-4)
    for text in (
        "true progression (mg/dl)",
        "predicted progression (mg/dl)",
        "residual: true minus predicted (mg/dl)",
        "30 examples: RMSE",
    ):
        assert text in svg
    assert "are drawn" not in svg


def test_correct_predictions_are_on_the_line():
    specification, _ = drawn(residuals(evaluation()))
    lines = [rows for rows in specification["datasets"].values() if len(rows) == 2]
    assert sorted(all(it["x"] == it["y"] for it in line) for line in lines) == [False, True]
    assert any(all(it["y"] == 0 for it in line) for line in lines)


def test_of_many_examples_a_part_is_drawn_with_the_extremes_and_the_chart_says_so():
    made = evaluation(MOST_POINTS * 3)
    specification, svg = drawn(residuals(made))
    numbers = [it["number"] - 1 for it in points_of(specification)]
    assert len(set(numbers)) == MOST_POINTS
    assert {made.residuals.argmin(), made.residuals.argmax()} <= set(numbers)
    quarters = np.quantile(made.residuals[numbers], [0.25, 0.5, 0.75])
    expected = np.quantile(made.residuals, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(quarters, expected, atol=0.1)
    assert f"{MOST_POINTS:,} of {made.size:,} are drawn" in svg


def test_a_single_example_is_drawn():
    one = RegressionEvaluation(true=np.zeros(1), predicted=np.zeros(1))
    assert "R² undefined" in drawn(residuals(one))[1]
