"""Turn tables into arrays: learn the schema of a table, and apply it to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import count_of, name_problem, visible
from kmlp.data._cells import MISSING_WORDS, Cells, are_numbers, cells_of
from kmlp.data._examples import COPIES, check_memory_of
from kmlp.data._schema import Column, Missing, Schema
from kmlp.data.sources.tables import MAX_COLUMNS, Table, listed, quoted, unknown_column
from kmlp.errors import DataError

MAX_CATEGORIES = 50
"""The maximum number of different texts in a column."""

_MOST_LISTED = 10
"""The most columns that a message lists."""
MOST_PLACES = 3
"""The most columns of which a message has a place: a file is read to find its lines."""
_LARGEST = float(np.finfo("float32").max)


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """The cells of a table's columns, without rows that were dropped."""

    table: Table
    """The table, for messages."""
    cells: dict[str, Cells]
    """The cells of each column by name."""
    rows: NDArray[np.intp]
    """The rows of the table that are left."""

    def place(self, row: int) -> str:
        """Return the place of a row in the source."""
        return self.table.place(int(self.rows[row]))

    def first(self, mask: NDArray[np.bool_]) -> int:
        """Return the first row for which a mask is True."""
        return int(np.argmax(mask))


def parsed(table: Table) -> Parsed:
    """Return the cells of a table.

    Raises:
        DataError: if a column has cells of another type.
    """
    import pyarrow as pa

    cells = {}
    for name, column in table.columns.items():
        try:
            column_cells = cells_of(column, decimal=table.decimal)
        except pa.ArrowException as error:
            reason = visible(" ".join(str(error).split()))[:200]
            raise _wrong_type(table, name, f"of {column.type} ({reason})") from error
        if column_cells is None:
            raise _wrong_type(table, name, f"of {column.type}")
        cells[name] = column_cells
    for name, problem in table.problems.items():
        raise _wrong_type(table, name, problem)
    length = len(next(iter(cells.values())))
    data = Parsed(table=table, cells=cells, rows=np.arange(length))
    _check_no_header(data)
    return data


def _check_no_header(data: Parsed) -> None:
    """Check that no row repeats the header, as in files that were joined.

    Raises:
        DataError: if one does.
    """
    repeats = np.ones(len(data.rows), bool)
    for name, cells in data.cells.items():
        if cells.numbers is not None:
            return
        codes, texts = cells.coding
        repeats &= codes == (texts.index(name) if name in texts else len(texts))
        if not repeats.any():
            return
    raise DataError(
        f"{data.table.source}: {data.place(data.first(repeats))} repeats the header. "
        "Remove that row."
    )


def _wrong_type(table: Table, name: str, kind: str) -> DataError:
    return DataError(
        f"{table.source}: the column {quoted(name)} is {kind}, but must be of numbers, "
        "texts, booleans or dates. Turn it into columns of these, or leave it out "
        "(`exclude`)."
    )


def drop_missing(data: Parsed) -> Parsed:
    """Return a table without the rows in which a value is missing.

    Raises:
        DataError: if no row is left.
    """
    _check_not_empty(data)
    missing = np.logical_or.reduce([cells.is_missing for cells in data.cells.values()])
    rows = np.flatnonzero(~missing)
    if not len(rows):
        raise DataError(
            f"{data.table.source}: a value is missing in each of the "
            f"{count_of(len(missing), 'row')}, so that none is left. Remove columns in "
            'which many are missing, or give `missing="mean"`.'
        )
    cells = {name: column.take(rows) for name, column in data.cells.items()}
    return replace(data, cells=cells, rows=data.rows[rows])


def check_missing(
    data: Parsed, target: str, rule: Missing | None, *, fit: bool = False
) -> None:
    """Check that no value is missing, other than those that are filled in later.

    Args:
        data: The table.
        target: The name of the target's column, which may be absent.
        rule: How missing values are filled in, but not those of the target. None: they
            are not.
        fit: True for a training table, in which each column must have values. Defaults to
            False.

    Raises:
        DataError: with the number of missing values of each column.
    """
    if fit:
        _check_not_empty(data)
    missing = [
        name
        for name, cells in data.cells.items()
        if cells.is_missing.any() and (rule is None or name == target)
    ]
    if not missing:
        return
    counts = [
        f"{int(data.cells[name].is_missing.sum())} in {quoted(name)}"
        for name in missing[: _MOST_LISTED + 1]
    ]
    for index, name in enumerate(missing[:MOST_PLACES]):
        place = data.place(data.first(data.cells[name].is_missing))
        counts[index] += f" (first in {place})"
    words = ", ".join(MISSING_WORDS[1:])
    rules = f"Values are missing if a cell is empty or {words}."
    remedy = "Fill in these cells, or remove the rows."
    if missing == [target]:
        what = "values of the target are missing"
        rules += " They cannot be filled in by a rule."
        if fit:
            remedy = 'Give `missing="drop"` to leave these rows out.'
    else:
        what = "values are missing"
        if fit:
            remedy = (
                'Give `missing="mean"` or `missing="most_frequent"` to have them filled in '
                'for each run from its training rows, or `missing="drop"` to leave these '
                "rows out."
            )
    raise DataError(
        f"{data.table.source}: {what}: {listed(counts, _MOST_LISTED)}. {rules} {remedy}"
    )


def _check_not_empty(data: Parsed) -> None:
    for name, cells in data.cells.items():
        if cells.is_missing.all():
            raise DataError(
                f"{data.table.source}: all values of the column {quoted(name)} are "
                "missing. Remove the column."
            )


def schema_of(data: Parsed, *, target: str, unit: str, missing: Missing | None) -> Schema:
    """Return the schema of a table.

    Raises:
        DataError: if a text column has too many categories, or if there are too many
            features.
    """
    columns = tuple(
        Column(name) if cells.numbers is not None else Column(name, _categories(data, name))
        for name, cells in data.cells.items()
        if name != target
    )
    if not columns:
        raise DataError(
            f"{data.table.source}: has no column other than the target {quoted(target)}. "
            "If its cells are not divided, give `delimiter`."
        )
    features = sum(len(column.features) for column in columns)
    if features > MAX_COLUMNS:
        raise DataError(
            f"{data.table.source}: has {features:,} columns with a column for each "
            f"category of a text, but must have at most {MAX_COLUMNS:,}."
        )
    return Schema(columns=columns, target=target, unit=unit, missing=missing)


def _categories(data: Parsed, name: str) -> tuple[str, ...]:
    """Return the categories of a text column.

    Raises:
        DataError: if they are too many, or cannot be names.
    """
    cells, source = data.cells[name], data.table.source
    codes, texts = cells.coding
    numeric = are_numbers(texts, data.table.decimal)
    if not data.table.has_header and numeric[codes[1:]].all() and data.rows[0] == 0:
        raise DataError(
            f"{source}: the column {name} has numbers, but {quoted(texts[codes[0]])} in "
            f"{data.place(0)}. If that row has the names of the columns, give "
            "`header=True`."
        )
    other = "." if data.table.decimal == "," else ","
    if not cells.is_temporal and are_numbers(texts, other).all():
        row = data.first(np.isin(codes, np.flatnonzero(~numeric)))
        raise DataError(
            f"{source}: the column {quoted(name)} has numbers such as "
            f"{quoted(texts[codes[row]])} ({data.place(row)}). If that is a decimal point, "
            f'give `decimal="{other}"`. If it divides thousands, remove it.'
        )
    check_texts(data, name)
    if len(texts) > MAX_CATEGORIES:
        raise DataError(
            f"{source}: the column {quoted(name)} is text of {len(texts):,} different "
            f"values, but can have at most {MAX_CATEGORIES}, each of which becomes a "
            f"column of 0 and 1. {_hint(data, name, numeric)}"
        )
    return texts


def check_texts(data: Parsed, name: str) -> None:
    """Check that the texts of a column can be names of categories or classes.

    Raises:
        DataError: if a text has several lines or invisible characters.
    """
    codes, texts = data.cells[name].coding
    for code, text in enumerate(texts):
        if (problem := name_problem(text)) is not None:
            hint = "Correct it."
            if "\n" in text or "\r" in text:
                hint = "Does a quotation mark open this cell, and none close it?"
            raise DataError(
                f"{data.table.source}: {data.place(data.first(codes == code))} has "
                f"{quoted(text)} in the column {quoted(name)}, which {problem}. {hint}"
            )


def _hint(data: Parsed, name: str, numeric: NDArray[np.bool_]) -> str:
    """Return what to do with a column of too many different texts."""
    cells = data.cells[name]
    codes, texts = cells.coding
    if 2 * numeric.sum() > len(texts):
        row = data.first(np.isin(codes, np.flatnonzero(~numeric)))
        return (
            f"Most of them are numbers, but {data.place(row)} has "
            f"{quoted(texts[codes[row]])}. Correct such cells, or empty them."
        )
    if cells.is_temporal or _are_dates(texts[:100]):
        return (
            "They seem to be dates or times: replace the column by numbers, such as the "
            "year and the month, or leave it out (`exclude`)."
        )
    if 2 * len(texts) > len(cells):
        return "They seem to be names or ids: leave the column out (`exclude`)."
    return "Group rare ones together, or leave the column out (`exclude`)."


def _are_dates(texts: Sequence[str]) -> bool:
    digits = [sum(character.isdigit() for character in text) for text in texts]
    return all(
        4 <= count <= 20 and len(text) <= 35 and any(mark in text[1:] for mark in "-/.:")
        for text, count in zip(texts, digits, strict=True)
    )


def features_of(data: Parsed, schema: Schema) -> NDArray[np.float32]:
    """Return the features of a table, of shape `(rows, features)`. nan: missing.

    Raises:
        DataError: if a column is missing or unknown, if a cell does not fit the schema, or
            if the features do not fit into memory.
    """
    source = data.table.source
    names = [column.name for column in schema.columns]
    for name in names:
        if name not in data.cells:
            raise DataError(
                f"{source}: has no column {quoted(name)}. It must have the columns of the "
                f"training table: {listed(names, 20)}."
            )
    for name in data.cells:
        if name not in names and name != schema.target:
            raise DataError(f"{source}: {unknown_column(name, names)}")
    needed = COPIES * 4 * len(data.rows) * len(schema.features)
    content = f"{len(data.rows):,} rows of {len(schema.features):,} features"
    check_memory_of(source, needed, content)
    x = np.empty((len(data.rows), len(schema.features)), "float32")
    start = 0
    for column in schema.columns:
        if column.categories:
            codes = _codes(data, column)
            for code in range(len(column.categories)):
                x[:, start + code] = codes == code
            x[codes == -1, start : start + len(column.categories)] = np.nan
        else:
            x[:, start] = finite_numbers(data, column.name)
        start += len(column.features)
    return x


def _codes(data: Parsed, column: Column) -> NDArray[np.int64]:
    """Return the code of each row's category."""
    codes, texts = data.cells[column.name].coding
    place = {text: code for code, text in enumerate(column.categories)}
    for code, text in enumerate(texts):
        if text not in place:
            row = data.first(codes == code)
            raise DataError(
                f"{data.table.source}: {data.place(row)} has {quoted(text)} in the column "
                f"{quoted(column.name)}, but the training table has only "
                f"{listed(column.categories, 10)}."
            )
    return np.array([*(place[text] for text in texts), -1], "int64")[codes]


def finite_numbers(data: Parsed, name: str) -> NDArray[np.float32]:
    """Return a column of numbers as float32. nan: missing.

    Raises:
        DataError: if a cell is a text, or is not finite in float32.
    """
    cells, source = data.cells[name], data.table.source
    if cells.numbers is None:
        codes, texts = cells.coding
        row = data.first(
            np.isin(codes, np.flatnonzero(~are_numbers(texts, data.table.decimal)))
        )
        other = "." if data.table.decimal == "," else ","
        hint = (
            f' If "{other}" is the decimal point, give `decimal="{other}"`.'
            if not cells.is_temporal and are_numbers(texts, other).all()
            else ""
        )
        raise DataError(
            f"{source}: {data.place(row)} has {quoted(texts[codes[row]])} in the column "
            f"{quoted(name)}, which must be a number.{hint}"
        )
    with np.errstate(over="ignore"):
        numbers = cells.numbers.astype("float32")
    if (infinite := np.isinf(numbers)).any():
        row = data.first(infinite)
        raise DataError(
            f"{source}: {data.place(row)} has {quoted(cells.text(row))} in the column "
            f"{quoted(name)}, but a number must be finite, and at most {_LARGEST:.1e} "
            "(float32). Correct it, or empty the cell."
        )
    return numbers
