"""Rows for a trained model are encoded as those of the training table."""

import numpy as np
import pandas as pd
import pytest
from helpers.made_up_data import table, write_csv

from kmlp import DataError, Dataset
from kmlp.data import read_rows

pytestmark = pytest.mark.once


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A dataset whose rows a model was trained on."""
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path / "cache"))
    return Dataset.from_frame(
        pd.DataFrame(table(24)), target="kind", name="mine", missing="mean", test=pd.DataFrame(table(24))
    )  # fmt: skip


def read(path, trained, columns):
    write_csv(path / "a.csv", columns)
    return read_rows(path / "a.csv", trained.schema, class_names=trained.class_names)


def test_columns_are_found_by_name_and_the_target_may_be_absent(tmp_path, trained):
    rows = read(
        tmp_path, trained, {"side": ["right", "", "left"], "size": ["1.5", "2", ""]}
    )
    expected = [[1.5, 0, 1], [2, np.nan, np.nan], [np.nan, 1, 0]]
    np.testing.assert_array_equal(rows.x, np.array(expected, "float32"))
    assert rows.y is None
    empty = {"size": [1], "side": ["left"], "kind": ["NA"]}
    assert read(tmp_path, trained, empty).y is None


def test_the_rows_of_the_training_table_are_the_same(trained):
    frame = pd.DataFrame(table(24))
    rows = read_rows(frame, trained.schema, class_names=trained.class_names)
    both = (np.column_stack([part.x, part.y]) for part in (rows, trained.test))
    first, second = (sorted(map(tuple, part.tolist())) for part in both)
    assert first == second
    prices = Dataset.from_frame(frame, target="size", task="regression")
    numbers = read_rows(frame.iloc[::-1], prices.schema).y
    np.testing.assert_array_equal(numbers, frame["size"][::-1].astype("float32"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": None}, 'has no column "size".* size and side'),
        ({"sise": ["1", "2"]}, 'Unknown column "sise": did you mean "size"'),
        ({"side": ["left", "up"]}, 'line 3 has "up" in the column "side"'),
        ({"kind": ["a", "d"]}, 'line 3 has the class "d"'),
        ({"kind": ["a", ""]}, r'target are missing: 1 in "kind" \(first in line 3\)'),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path, trained, changes, message):
    columns = {name: values for name, values in table(2, **changes).items() if values}
    with pytest.raises(DataError, match=rf"a\.csv: .*{message}"):
        read(tmp_path, trained, columns)


def test_missing_values_are_refused_if_nothing_says_how_to_fill_them_in(trained):
    frame = pd.DataFrame(table(24))
    schema = Dataset.from_frame(frame, target="kind").schema
    frame.loc[2, "size"] = None
    with pytest.raises(DataError, match=r'1 in "size" \(first in row 3\).*remove the rows'):
        read_rows(frame, schema)
