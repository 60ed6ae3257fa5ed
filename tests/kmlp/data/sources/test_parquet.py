"""Parquet files are read without running code, and what they state is checked."""

import datetime
import decimal
import os
import pickle

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from kmlp import DataError
from kmlp.data._table_examples import examples_of_table
from kmlp.data.sources._parquet import read_parquet

pytestmark = pytest.mark.once

KIND = {"kind": ["a", "b"] * 4}


def write(tmp_path, columns, **options):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table(columns | KIND), path, **options)
    return path


@pytest.mark.parametrize(
    ("column", "features"),
    [
        (pa.array(range(8), pa.int8()), range(8)),
        (pa.array([0.5, None] * 4, pa.float16()), [0.5, np.nan] * 4),
        (pa.array([decimal.Decimal("1.5")] * 4 + [None] * 4), [1.5] * 4 + [np.nan] * 4),
        (pa.array([1, 2] * 4, pa.duration("s")), [1, 2] * 4),
        ([True, None, False, True] * 2, [1, np.nan, 0, 1] * 2),
        (pa.array([1, 2] * 4).dictionary_encode(), [1, 2] * 4),
        (["1", " 2 "] * 4, [1, 2] * 4),
        (pa.array(["x", None] * 4, pa.large_string()), [1, np.nan] * 4),
        (pa.array(["x", "?"] * 4, pa.string_view()), [1, np.nan] * 4),
        (pa.array(["x", "NA"] * 4).dictionary_encode(), [1, np.nan] * 4),
    ],
    ids=lambda value: str(getattr(value, "type", ""))[:30],
)
@pytest.mark.filterwarnings("ignore:.*All values are the same")
def test_numbers_booleans_and_texts_of_every_type(tmp_path, column, features):
    table = read_parquet(write(tmp_path, {"x": column}))
    read = examples_of_table(table, None, target="kind", missing="mean")
    both = np.concatenate([read.train.x, read.test.x])
    np.testing.assert_array_equal(
        np.sort(both[:, 0]), np.sort(np.array([*features], "float32"))
    )


def test_dates_are_texts(tmp_path):
    days = [datetime.date(2026, 1, 1 + row % 2) for row in range(8)]
    read = examples_of_table(
        read_parquet(write(tmp_path, {"day": days})), None, target="kind"
    )
    assert read.schema.columns[0].categories == ("2026-01-01", "2026-01-02")


def test_times_of_an_unknown_zone_are_refused(tmp_path):
    times = pa.array([1] * 8, pa.timestamp("s", "Mars/Crater"))
    with pytest.raises(DataError, match=r'column "time" is of timestamp.*Mars/Crater'):
        examples_of_table(
            read_parquet(write(tmp_path, {"time": times})), None, target="kind"
        )


def test_the_index_of_pandas_is_left_out(tmp_path):
    path = write(tmp_path, {"x": range(8), "__index_level_0__": range(8)})
    assert list(read_parquet(path).columns) == ["x", "kind"]


def extension(name, storage):
    metadata = {"ARROW:extension:name": name, "ARROW:extension:metadata": pickle.dumps(_Runs())}  # fmt: skip
    return pa.field("x", storage, metadata=metadata)


class _Runs:
    """Unpickled, it makes a folder."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize("name", ["arrow.py_extension_type", "my.type"])
@pytest.mark.parametrize("storage", [pa.binary(), pa.int64()])
def test_extension_types_are_refused_and_nothing_is_unpickled(
    tmp_path, monkeypatch, name, storage
):
    monkeypatch.chdir(tmp_path)
    values = pa.array([b"1"] * 8 if storage == pa.binary() else [1] * 8, storage)
    schema = pa.schema([extension(name, storage), pa.field("kind", pa.string())])
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table([values, pa.array(KIND["kind"])], schema=schema), path)
    with pytest.raises(DataError, match=rf'column "x" is of the extension type "{name}"'):
        examples_of_table(read_parquet(path), None, target="kind")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("column", "kind"),
    [([[1]] * 8, "list"), ([{"a": 1}] * 8, "struct"), ([b"a"] * 8, "binary")],
    ids=["list", "struct", "binary"],
)
def test_columns_of_other_types_are_refused_unless_they_are_left_out(
    tmp_path, column, kind
):
    table = read_parquet(write(tmp_path, {"x": column, "y": range(8)}))
    for target in ("kind", "x"):
        with pytest.raises(DataError, match=rf'a\.parquet: the column "x" is of {kind}'):
            examples_of_table(table, None, target=target)
    read = examples_of_table(table, None, target="kind", exclude="x")
    assert read.schema.features == ("y",)


@pytest.mark.parametrize("size", [0, 4, 10, 300, -1])
def test_a_file_that_was_cut_is_refused(tmp_path, size):
    path = write(tmp_path, {"x": range(8)})
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DataError, match=r"a\.parquet: cannot be read as a Parquet file"):
        read_parquet(path)


def varint(number):
    """A number as Thrift writes it."""
    number, written = 2 * number, bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    return bytes([*written, number])


def state_rows(path, rows, stated):
    """Let a Parquet file state another number of rows."""
    content = path.read_bytes()
    size = int.from_bytes(content[-8:-4], "little")
    body, footer = content[: -8 - size], content[-8 - size : -8]
    assert footer.count(b"\x16" + varint(rows)) >= 2
    footer = footer.replace(b"\x16" + varint(rows), b"\x16" + varint(stated))
    path.write_bytes(body + footer + len(footer).to_bytes(4, "little") + b"PAR1")


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (10**12, r"too large for memory: to read 1,000,000,000,000 rows of 2 columns"),
        (9999, "cannot be read as a Parquet file|states 9,999 rows"),
    ],
)
def test_the_number_of_rows_that_a_file_states_is_checked(tmp_path, stated, message):
    path = tmp_path / "a.parquet"
    columns = {"x": np.arange(5000), "kind": np.arange(5000) % 2}
    parquet.write_table(pa.table(columns), path)
    state_rows(path, 5000, stated)
    with pytest.raises(DataError, match=message):
        read_parquet(path)


def test_a_long_text_in_many_rows_is_kept_once(tmp_path):
    """As plain texts, its 2 MB would take 100 GB."""
    rows = np.zeros(50_000, "int32")
    column = pa.DictionaryArray.from_arrays(pa.array(rows), pa.array(["x" * 2**21]))
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"x": column, "kind": rows}), path)
    before = pa.total_allocated_bytes()
    table = read_parquet(path)
    assert pa.total_allocated_bytes() - before < 2**24
    assert len(table.columns["x"]) == 50_000


def test_texts_that_are_not_in_utf_8_are_refused(tmp_path):
    path = write(tmp_path, {"x": ["Köln", "Bonn"] * 4}, compression="none")
    content = path.read_bytes()
    assert content.count("ö".encode())
    path.write_bytes(content.replace("ö".encode(), b"\xf6\xf6"))
    with pytest.raises(DataError, match=r"a\.parquet: .*(UTF8|utf-8)"):
        read_parquet(path)


def test_columns_are_named_once_and_there_are_rows(tmp_path):
    path = tmp_path / "a.parquet"
    for table, message in (
        (pa.Table.from_arrays([pa.array([1])] * 2, ["a", "a "]), 'both called "a"'),
        (pa.table({"": [1]}), "column 1 has no name"),
        (pa.table({"a": pa.array([], pa.int8())}), "has columns, but no rows"),
        (pa.table({f"{number}": [1] for number in range(10_001)}), "at most 10,000"),
    ):
        parquet.write_table(table, path)
        with pytest.raises(DataError, match=rf"a\.parquet: .*{message}"):
            read_parquet(path)
