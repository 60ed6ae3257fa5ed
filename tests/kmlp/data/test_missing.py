"""Missing values are filled in by what the training rows have."""

import numpy as np
import pytest

from kmlp import ConfigError
from kmlp.data import Column, Schema
from kmlp.data._missing import fill_values, filled

pytestmark = pytest.mark.once

NAN = np.nan
COLUMNS = (Column("age"), Column("sex", ("f", "m")), Column("size"))
ROWS = np.array(
    [[30, 0, 1, 2], [NAN, 1, 0, 1], [50, NAN, NAN, 1], [30, 1, 0, 2], [NAN, 0, 1, NAN]],
    "float32",
)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("mean", [110 / 3, 1, 0, 1.5]), ("most_frequent", [30, 1, 0, 1])],
)
def test_numbers_get_the_strategy_and_text_its_most_frequent_category(missing, expected):
    """Of equally frequent values, the least is filled in; of categories, the first."""
    schema = Schema(columns=COLUMNS, target="y", missing=missing)
    np.testing.assert_allclose(fill_values(schema, ROWS), expected, rtol=1e-6)


def test_only_missing_values_are_replaced():
    values = np.array([-1, -2, -3, -4], "float32")
    complete = filled(ROWS, values)
    assert complete[2].tolist() == [50, -2, -3, 1]
    known = ~np.isnan(ROWS)
    np.testing.assert_array_equal(complete[known], ROWS[known])
    assert not np.isnan(complete).any()


def test_columns_without_any_value_are_refused_by_their_names():
    schema = Schema(columns=COLUMNS, target="y", missing="mean")
    with pytest.raises(ConfigError) as refusal:
        fill_values(schema, ROWS[[1, 4]] * [1, NAN, NAN, 1])
    problems = refusal.value.problems
    assert ["'age'" in problems[0], "'sex'" in problems[1]] == [True, True]
    assert len(problems) == 2
