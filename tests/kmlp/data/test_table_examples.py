"""Tables become examples; what is not a dataset is refused with file, row and column."""

import warnings

import numpy as np
import pyarrow as pa
import pytest
from helpers.made_up_data import table

from kmlp import DataError
from kmlp.data import Column
from kmlp.data._split import canonical_order
from kmlp.data._table_examples import examples_of_table
from kmlp.data.sources.tables import Table

pytestmark = pytest.mark.once


def made(columns, **options):
    arrays = {name: pa.chunked_array([pa.array(list(map(str, values)))]) for name, values in columns.items()}  # fmt: skip
    return Table(source="a.csv", columns=arrays, **options)


def examples(columns, test=None, decimal=".", header=True, **options):
    tables = [made(part, decimal=decimal, has_header=header) for part in (columns, test) if part is not None]  # fmt: skip
    options = {"target": "kind"} | options
    return examples_of_table(tables[0], tables[1] if test else None, **options)


def rows_of(read):
    """All rows with their targets, in some order."""
    both = [np.column_stack([part.x, part.y]) for part in (read.train, read.test)]
    return sorted(map(tuple, np.concatenate(both).tolist()))


def test_numbers_stay_and_texts_become_a_feature_for_each_category():
    columns = table(12)
    read = examples(columns)
    assert read.schema.columns == (Column("size"), Column("side", ("left", "right")))
    assert (read.schema.target, read.class_names, read.task) == ("kind", ("a", "b", "c"), "classification")  # fmt: skip
    expected = [
        (np.float32(size), float(side == "left"), float(side == "right"), "abc".index(kind))
        for size, side, kind in zip(*columns.values(), strict=True)
    ]
    assert rows_of(read) == sorted(expected)
    assert (read.train.x.dtype, read.train.y.dtype) == (np.float32, np.int32)
    assert (len(read.train), len(read.test)) == (10, 2)


def test_booleans_are_numbers_and_spaces_do_not_matter():
    read = examples(table(8, side=["True", "false", " TRUE", "False "] * 2))
    assert read.schema.columns[1] == Column("side")
    assert sorted(row[1] for row in rows_of(read)) == [0] * 4 + [1] * 4


def test_the_fingerprint_depends_on_values_only():
    plain = examples(table(8, size=["0", "1", "2.5", "-3"] * 2))
    other = examples(table(8, size=["-0.0", "1e0", " 2.50", "-3."] * 2))
    assert plain.fingerprint == other.fingerprint
    swapped = table(8, size=["0", "1", "2.5", "-3"] * 2)
    order = [3, 1, 0, 2, 7, 6, 5, 4]
    swapped = {name: [values[row] for row in order] for name, values in swapped.items()}
    assert examples(swapped).fingerprint == plain.fingerprint


@pytest.mark.parametrize(
    ("values", "task", "names"),
    [
        (["b", "a"] * 6, "classification", ("a", "b")),
        (["True", "False"] * 6, "classification", ("False", "True")),
        (["10", "9"] * 6, "classification", ("9", "10")),
        (["01", "1.0", "2"] * 4, "classification", ("01", "2")),
        (["3.0", "-1"] * 6, "classification", ("-1", "3.0")),
        (["0.5", "1"] * 6, "regression", ()),
        (range(12), "regression", ()),
    ],
)
def test_the_target_tells_the_task(values, task, names):
    read = examples(table(12, kind=values))
    assert (read.task, read.class_names) == (task, names)


@pytest.mark.parametrize(
    ("different", "task"), [(20, "classification"), (21, "regression")]
)
def test_at_most_20_different_whole_numbers_are_classes(different, task):
    values = [row % different for row in range(84)]
    assert examples(table(84, kind=values)).task == task


def test_the_task_can_be_given():
    read = examples(table(12, kind=[1, 2] * 6), task="regression", unit="EUR")
    assert (read.task, read.schema.unit, read.train.y.dtype) == ("regression", "EUR", np.float32)  # fmt: skip
    assert sorted(row[-1] for row in rows_of(read)) == [1] * 6 + [2] * 6
    read = examples(table(12, kind=[0.5, 2] * 6), task="classification")
    assert read.class_names == ("0.5", "2")


def test_numbers_with_a_decimal_comma():
    columns = {"x1": ["0,5", "-1,25e1", "3"] * 4, "x2": ["1,5", "b", "a"] * 4}
    read = examples(columns, decimal=",", target="x2")
    assert sorted({row[0] for row in rows_of(read)}) == [-12.5, 0.5, 3]
    assert examples(columns, decimal=",", target="x1").task == "regression"


def test_missing_values_are_refused_with_their_columns_and_counts():
    columns = table(8, size=["1", "", "NA", "2", "nan", "3", "4", "5"])
    columns["side"][6] = "?"
    with pytest.raises(DataError, match=r'a\.csv: .*3 in "size" \(first in row 2\) and 1 in "side" \(first in row 7\).*`missing="mean"`'):  # fmt: skip
        examples(columns)


def test_many_columns_with_missing_values_are_counted_without_reading_a_file_for_each():
    columns = {f"x{number}": ["", "1"] * 4 for number in range(30)} | table(8)
    places = []
    part = made(columns, place=lambda row: places.append(row) or f"line {row}")
    with pytest.raises(
        DataError, match=r'4 in "x0" \(first in line 0\).*4 in "x9", \.\.\.\.'
    ):
        examples_of_table(part, None, target="kind")
    assert len(places) == 3


@pytest.mark.parametrize("rule", ["mean", "most_frequent"])
def test_missing_values_can_stay_for_each_run_to_fill_in(rule):
    columns = table(12, size=["1.5", "n/a", "2", "n/a"] * 3)
    columns["side"][0] = ""
    read = examples(columns, missing=rule)
    assert read.schema.missing == rule
    x = np.concatenate([read.train.x, read.test.x])
    assert np.isnan(x).sum(axis=0).tolist() == [6, 1, 1]
    assert examples(table(12), missing=rule).schema.missing == rule


def test_rows_with_missing_values_can_be_left_out():
    columns = table(13, side=["left", "right"] * 6 + ["middle"])
    columns["kind"][3] = ""
    columns["size"][12] = "<NA>"
    read = examples(columns, missing="drop")
    assert len(read.train) + len(read.test) == 11
    assert read.schema.missing is None
    assert read.schema.columns[1].categories == ("left", "right")
    assert "2 rows with missing values left out" in read.source


def test_a_test_table_may_have_another_order_of_columns():
    columns, other = table(12), table(3, size=["1", "2", "3"])
    other = {name: other[name] for name in ("kind", "side", "size")}
    read = examples(columns, other)
    assert (len(read.train), len(read.test)) == (12, 3)
    assert sorted(read.test.x[:, 0].tolist()) == [1, 2, 3]
    assert "held out" not in read.source
    numbered = examples(table(12, kind=["1", "2"] * 6), other | {"kind": ["1.0", "2", "1"]})
    assert sorted(numbered.test.y.tolist()) == [0, 0, 1]


def ids(count):
    return [f"id{row}" for row in range(count)]


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"target": "kin"}, r'Unknown column "kin": did you mean "kind"'),
        ({}, {"target": "3"}, r'Unknown column "3"'),
        ({}, {"exclude": ["sise"]}, r'Unknown column "sise": did you mean "size"'),
        ({}, {"exclude": ["size", "side"]}, "no column other than the target"),
        ({}, {"task": "clustering"}, "`task` is 'clustering'. Allowed: classification, regression"),
        ({}, {"missing": "median"}, "`missing` is 'median'. Allowed: mean, most_frequent, drop"),
        ({}, {"unit": "EUR"}, 'unit.*"EUR", but the target "kind" has classes'),
        ({"kind": range(8)}, {"unit": "E\tR"}, "unit.*invisible"),
        ({"kind": ["a"] * 8}, {}, 'all rows have the same class "a" in the target "kind"'),
        ({"kind": ["1"] * 8}, {}, 'all rows have the same class "1"'),
        ({"kind": ["2.5"] * 8}, {}, 'all values of the target "kind" are 2.5'),
        ({"kind": ["1"] * 8}, {"task": "regression"}, "are 1, so that there is nothing to learn"),
        ({"kind": list("aabbbbbc")}, {}, r'row 8 has the only row of the class "c".*1 class of 3'),
        ({"kind": ids(8)}, {}, r'row 1 has the only row of the class "id0".*8 classes of 8.*another column'),
        ({"kind": ["0.5", *range(7)]}, {"task": "classification"}, r'only row .*task="regression"'),
        ({"kind": ["1", "2", "x", "y"] * 2}, {"task": "regression"}, 'row 3 has "x" in the column "kind", which must be a number'),
        ({"kind": ["True", "False"] * 4}, {"task": "regression"}, 'row 1 has "True".*numbers'),
        ({"kind": ["1", "inf", "3.5", "4"] * 2}, {}, 'row 2 has "inf" in the column "kind".*finite'),
        ({"kind": ["1", "", "3", "4"] * 2}, {}, 'values of the target are missing: 2 in "kind" .first in row 2'),
        ({"kind": ["1", "", "3", "4"] * 2}, {"missing": "mean"}, r"target are missing.*cannot be filled in.*drop"),
        ({"size": ["1", "-Infinity", "3", "4"] * 2}, {}, 'row 2 has "-Infinity" in the column "size"'),
        ({"size": ["1", "2", "1e39", "4"] * 2}, {}, r'row 3 has "1e39".*at most 3.4e.38'),
        ({"size": ["1", "2", "1e400", "4"] * 2}, {}, r'row 3 has "1e400".*finite'),
        ({"size": ["", "NA"] * 4}, {}, 'all values of the column "size" are missing'),
        ({"size": ["", "NA"] * 4}, {"missing": "mean"}, 'all values of the column "size" are missing'),
        ({"size": ["", "NA"] * 4}, {"missing": "drop"}, 'all values of the column "size" are missing'),
        ({"size": ["1", ""] * 4, "side": ["", "left"] * 4}, {"missing": "drop"}, "missing in each of the 8 rows"),
        ({"size": ["1,5", "2,25", "3", "4"] * 2}, {}, r'"size" has numbers such as "1,5" \(row 1\).*decimal=","'),
        ({"size": ["1", "2", "3", "a\nb"] * 2}, {}, r'row 4 has "a\\nb" in the column "size".*quotation mark'),
        ({"size": ["1", "2", "3", "4"] * 2, "kind": ["a", "b\0", "c", "d"] * 2}, {}, r'row 2 has "b\\x00" in the column "kind"'),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_what_is_not_a_dataset_is_refused(changes, options, message):
    with pytest.raises(DataError, match=message) as refusal:
        examples(table(8, **changes), **options)
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize(
    ("texts", "hint"),
    [
        ([f"2026-{1 + row // 28:02}-{1 + row % 28:02}" for row in range(60)], "60 different values.*dates"),
        (ids(60), "60 different values, but can have at most 50.*names or ids.*exclude"),
        ((ids(51) * 3)[:150], "51 different values.*Group rare ones"),
        ([*range(59), "12?"], r'60 different values.*Most of them are numbers, but row 60 has "12\?"'),
    ],
    ids=["dates", "ids", "many", "a number with a mistake"],
)  # fmt: skip
def test_a_text_of_more_than_50_different_values_is_refused(texts, hint):
    columns = table(len(texts), side=texts)
    with pytest.raises(DataError, match=f'a.csv: the column "side" is text of {hint}'):
        examples(columns)
    assert examples(columns, exclude=["side"]).train.x.shape[1] == 1


def test_50_categories_are_allowed():
    assert examples(table(100, side=ids(50) * 2)).train.x.shape[1] == 51


def test_numbers_with_a_mistake_are_not_taken_for_classes():
    kind = [f"{row}.5" for row in range(60)]
    kind[41] = "4l.5"
    with pytest.raises(DataError, match=r'row 42 has "4l\.5" in the column "kind"'):
        examples(table(60, kind=kind))


def test_more_than_10_000_features_are_refused():
    columns = {f"text{number}": ids(50) for number in range(201)} | {"kind": ["a", "b"] * 25}  # fmt: skip
    with pytest.raises(DataError, match=r"a\.csv: has 10,050 columns.*at most 10,000"):
        examples(columns)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"side": ["left", "up", "left"]}, r'row 2 has "up" in the column "side", but .* left and right'),
        ({"kind": ["a", "b", "d"]}, r'row 3 has the class "d" in the target "kind", but .* a, b and c'),
        ({"size": ["1", "large", "2"]}, r'row 2 has "large" in the column "size", which must be a number'),
        ({"size": ["1", "inf", "2"]}, 'row 2 has "inf"'),
        ({"size": ["1", "", "2"]}, 'missing: 1 in "size"'),
        ({"weight": [1, 2, 3]}, 'Unknown column "weight"'),
        ({"size": None}, 'has no column "size"'),
        ({"kind": None}, 'Unknown column "kind"'),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_a_test_table_that_does_not_fit_is_refused(changes, message):
    other = {name: values for name, values in table(3, **changes).items() if values}
    with pytest.raises(DataError, match=message):
        examples(table(12), other)


def test_a_header_that_is_not_one_and_rows_that_are():
    first = {"5.1": ["1.5"] * 4, "3.5": ["2.5"] * 4, "a": ["b"] * 4}
    with pytest.raises(DataError, match="header=False"):
        examples(first, target="class")
    named = {"x1": ["size", "1", "2", "3"] * 2, "x2": ["kind", "a", "b", "a"] * 2}
    named = {name: values[:4] + values[5:] for name, values in named.items()}
    with pytest.raises(DataError, match=r'column x1 has numbers, but "size" in row 1.*header=True'):  # fmt: skip
        examples(named, target="2", header=False)
    for target in ("2", "x2"):
        read = examples({"x1": [1, 2, 3, 4] * 2, "x2": [*"abab"] * 2}, target=target, header=False)  # fmt: skip
        assert read.schema.target == "x2"
    with pytest.raises(DataError, match="has no column 3, but only 2"):
        examples({"x1": [1, 2], "x2": [1, 2]}, target="3", header=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": ["1"] * 8}, 'All values are the same.*the column "size"'),
        ({"side": ["x"] * 8}, 'All values are the same.*the column "side"'),
        ({"size": range(2**24, 2**24 + 8)}, 'rounded.*the column "size"'),
        ({"size": [f"1700000000.{row}" for row in range(8)]}, 'rounded.*the column "size"'),
        ({"size": [str(2**60 + row) for row in range(8)]}, 'rounded|same.*the column "size"'),
        ({"size": ["1", "2", "3", "?!"] * 2}, 'Most values are numbers.*"size" .row 4 has "..".'),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_columns_of_little_use_stay_with_a_warning(changes, message):
    with pytest.warns(UserWarning, match=message):
        read = examples(table(8, **changes))
    assert read.train.x.shape[1] >= 2


@pytest.mark.parametrize("rows", [[3], [3, 5]])
def test_a_header_that_is_repeated_is_refused(rows):
    columns = table(8)
    for name, values in columns.items():
        for row in rows:
            values[row] = name
    with pytest.raises(DataError, match=r"a\.csv: row 4 repeats the header"):
        examples(columns)


def test_ordinary_numbers_have_no_warning():
    with warnings.catch_warnings(action="error"):
        examples(table(8, size=[0.1, 1 / 3, 52.520007, 1e-9, 123456.789, 16777216, 3, -1]))


@pytest.mark.parametrize("target", ["kind", "size"])
def test_the_rows_that_are_held_out_and_the_others_have_their_canonical_order(target):
    read = examples(table(count=60), target=target)
    for part in (read.train, read.test):
        ordered = canonical_order(part)
        np.testing.assert_array_equal(part.x, ordered.x)
        np.testing.assert_array_equal(part.y, ordered.y)
