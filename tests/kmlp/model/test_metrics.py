"""Metrics: formats, directions and units."""

import math

import numpy as np
import pytest

from kmlp import ConfigError
from kmlp.model.metrics import (
    ACCURACY,
    LOSS,
    MAE,
    METRICS,
    R2,
    RMSE,
    check_metric,
    default_metric,
    get_metric,
)

pytestmark = pytest.mark.once


def test_the_first_metric_of_a_task_is_its_default():
    assert [default_metric(task) for task in METRICS] == [ACCURACY, RMSE]


def test_a_metric_that_no_run_records_is_refused_with_those_that_are():
    with pytest.raises(ConfigError, match=r"rmse.*accuracy, .*loss"):
        check_metric("rmse")
    with pytest.raises(ConfigError, match="test_loss"):
        get_metric("test_loss")


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        (ACCURACY, 0.97714, "97.71 %"),
        (LOSS, 0.081234, "0.08123"),
        (LOSS, 12.3456, "12.35"),
        (RMSE.with_unit("mg/dl"), 53123.456, "53123 mg/dl"),
        (MAE.with_unit(""), 0.0, "0.000"),
        (R2.with_unit("mg/dl"), -0.25, "-0.2500"),
        (RMSE, 1.25e-9, "1.250e-09"),
    ],
)
def test_a_value_has_its_unit_and_four_digits(metric, value, text):
    assert metric.text(value) == text


def test_a_difference_of_shares_is_in_points():
    assert ACCURACY.difference_text(0.002) == "0.2 points"
    assert RMSE.with_unit("cm").difference_text(0.5) == "0.5 cm"


@pytest.mark.parametrize(("metric", "best"), [(ACCURACY, 2), (LOSS, 0), (R2, 2), (MAE, 0)])
def test_the_best_value_is_the_highest_or_the_lowest(metric, best):
    values = [0.1, 0.2, 0.3, 0.3]
    assert metric.best_place(values) == best
    assert metric.best(values) == values[best]
    assert metric.is_better(values[best], values[1])
    assert not metric.is_better(math.nan, values[1])


def test_a_model_that_overfits_has_a_positive_gap_by_any_metric():
    assert ACCURACY.gap(0.99, 0.95) == pytest.approx(0.04)
    assert LOSS.gap(0.1, 0.3) == pytest.approx(0.2)


def test_a_scale_changes_no_digit_of_a_value():
    values = np.array([53123.456, 0.1, -7e4])
    scale = RMSE.scale(values)
    assert scale <= 7e4 < 2 * scale
    assert (values / scale * scale == values).all()
    assert ACCURACY.scale([0.01]) == 1
    assert RMSE.scale([0.0, math.nan]) == 1
