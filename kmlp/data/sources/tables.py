"""A table as a reader returns it: columns with names, and the place of each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kmlp._util.text import enumerated, name_problem, visible
from kmlp.errors import DataError, unknown_name

MAX_COLUMNS = 10_000
"""The maximum number of columns of a table, and of features."""
_LONGEST = 60
_LONGEST_NAME = 200
_MOST_LISTED = 20


def row_place(row: int) -> str:
    """Return the place of a row for messages, counted from 1."""
    return f"row {row + 1}"


@dataclass(frozen=True, kw_only=True)
class Table:
    """The columns of a table, with the words for messages about it."""

    source: str
    """The source for messages, such as a path."""
    columns: dict[str, Any]
    """The columns by name, as `pyarrow.ChunkedArray`."""
    problems: dict[str, str] = field(default_factory=dict)
    """The types of other columns by name, which cannot be columns of a table."""
    decimal: str = "."
    """The decimal point of numbers in texts."""
    has_header: bool = True
    """True if the names of the columns are from the source."""
    origin: str = ""
    """The whole path of the source. Defaults to "": `source`."""
    is_arrays: bool = False
    """True for arrays, whose names are given here; the target is the last column."""
    place: Callable[[int], str] = field(default=row_place)
    """Returns the place of a row, such as "line 3"; its argument counts from 0."""


def quoted(text: str) -> str:
    r"""Return a text of a table for messages: in quotes, visible, and not long.

    >>> print(quoted("a\tb"), quoted("x" * 100)[-5:])
    "a\tb" x..."
    """
    return f'"{visible(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")}"'


def listed(texts: Sequence[str], most: int = 5) -> str:
    """Return texts as a list, of which long ones are cut.

    >>> listed(["a", "b", "c"], most=2)
    'a, b, ...'
    """
    if len(texts) > most:
        return f"{', '.join(texts[:most])}, ..."
    return enumerated(texts)


def unknown_column(name: str, names: Sequence[str]) -> str:
    """Return the message for a column that a table does not have, with the nearest name.

    >>> unknown_column("sise", ["size", "side"])
    'Unknown column "sise": did you mean "size"? Allowed: side, size.'
    """
    message = unknown_name("column", visible(name[:_LONGEST]), names)
    if len(names) > _MOST_LISTED:
        message = message.partition(" Allowed: ")[0]
        message += f" There are {len(names):,} columns: {listed(names, _MOST_LISTED)}"
    return message


def check_names(source: str, names: Sequence[str], *, place: str = "") -> None:
    """Check the names of a table's columns.

    Args:
        source: The table for messages.
        names: The names of all columns.
        place: The place of the names, such as " in line 1". Defaults to "".

    Raises:
        DataError: if there are too many columns, or if names are empty or not unique.
    """
    if not names:
        raise DataError(f"{source}: has no columns.")
    if len(names) > MAX_COLUMNS:
        raise DataError(
            f"{source}: has {len(names):,} columns, but must have at most {MAX_COLUMNS:,}."
        )
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name:
            raise DataError(
                f"{source}: column {number}{place} has no name. Name it, or remove the "
                "column. If it has the names of the rows, save the table without them: "
                "`index=False` in pandas, `row.names = FALSE` in R."
            )
        if (problem := name_problem(name)) is not None:
            raise DataError(
                f"{source}: column {number}{place} is called {quoted(name)}, which "
                f"{problem}. Rename it."
            )
        if len(name) > _LONGEST_NAME:
            raise DataError(
                f"{source}: column {number}{place} is called {quoted(name)}, which has "
                f"{len(name):,} characters, but a name can have at most {_LONGEST_NAME}. "
                "Rename it."
            )
        if name in seen:
            raise DataError(
                f"{source}: columns {seen[name]} and {number}{place} are both called "
                f"{quoted(name)}. Rename one of them, or remove it."
            )
        seen[name] = number
