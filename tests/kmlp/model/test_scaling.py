"""The columns of a table are scaled as scikit-learn scales them, text as it is."""

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from kmlp import ConfigError
from kmlp.data import Column, Schema
from kmlp.model.scaling import column_scaling, column_statistics

pytestmark = pytest.mark.once

SCHEMA = Schema(
    columns=(Column("a"), Column("text", ("x", "y")), Column("b"), Column("constant")),
    target="t",
)
RANDOM = np.random.default_rng(0)
ROWS = np.column_stack(
    [
        RANDOM.normal(5000, 30, 40),
        np.eye(2)[RANDOM.integers(0, 2, 40)],
        RANDOM.exponential(1e-3, 40),
        np.full(40, 0.1),
    ]
).astype("float32")
NUMBERS = [0, 3, 4]
"""The columns of numbers."""


@pytest.mark.parametrize(
    ("scaling", "scaler"),
    [
        ("standard", StandardScaler()),
        ("unit", MinMaxScaler()),
        ("symmetric", MinMaxScaler((-1, 1))),
    ],
)
def test_a_scaling_is_that_of_scikit_learn(scaling, scaler):
    shift, divisor = column_statistics(scaling, ROWS, SCHEMA)
    scaled = (ROWS - np.array(shift)) / np.array(divisor)
    expected = scaler.fit_transform(ROWS[:, NUMBERS].astype("float64"))
    if scaling == "symmetric":
        expected[:, -1] = 0  # scikit-learn puts a constant column to the lower end
    np.testing.assert_allclose(scaled[:, NUMBERS], expected, atol=1e-5)
    np.testing.assert_array_equal(scaled[:, [1, 2]], ROWS[:, [1, 2]])


def test_a_table_may_stay_as_it_is():
    assert column_statistics("none", ROWS, SCHEMA) is None


@pytest.mark.parametrize("factor", [1e-12, 1e30])
def test_a_column_whose_spread_float32_cannot_hold_is_refused_by_its_name(factor):
    rows = ROWS.copy()
    rows[:, 3] *= factor * 1e3
    with pytest.raises(ConfigError, match=r"'b' cannot be scaled.*another unit"):
        column_statistics("standard", rows, SCHEMA)


@pytest.mark.parametrize(
    ("columns", "shape"),
    [
        (3, (2,)),
        (([0, 0],), (2,)),
        (([0, 0], [1, 1, 1]), (2,)),
        (([0, 0], [1, 1]), (3,)),
        (([0, 0], [1, 1]), (2, 1)),
        (([0, np.nan], [1, 1]), (2,)),
        (([0, 0], [1, 0]), (2,)),
        (([0, "0"], [1, 1]), (2,)),
    ],
)
def test_the_numbers_of_columns_are_two_for_each(columns, shape):
    with pytest.raises(ConfigError, match=r"`columns`.*`input_shape`"):
        column_scaling(columns, shape)
