"""Rows for a trained model: a table with the columns of the training table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp._util.user_files import expanded
from kmlp.data._encoding import check_missing, features_of, finite_numbers, parsed
from kmlp.data._schema import Schema
from kmlp.data._table_examples import classes_of
from kmlp.data.sources.frames import table_of_frame
from kmlp.data.sources.table_files import read_table


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Rows of a table, and their targets if the table has them."""

    x: NDArray[np.float32]
    """Of shape `(rows, features)`. nan is a missing value."""
    y: NDArray[Any] | None
    """Classes from 0 as int32, or numbers as float32. None: the target is unknown."""


def read_rows(
    source: str | os.PathLike[str] | Any,
    schema: Schema,
    *,
    class_names: Sequence[str] = (),
    header: bool = True,
    delimiter: str | None = None,
    decimal: str | None = None,
) -> Rows:
    """Return the rows of a file or a frame, encoded as those of the training table.

    Args:
        source: The path of a CSV or Parquet file, or a frame as for `Dataset.from_frame`.
            The columns may have another order, and the target may be absent or
            empty.
        schema: The schema of the training table.
        class_names: The names of the classes. Defaults to none: the target is a number.
        header: See `import_dataset`. Defaults to True.
        delimiter: See `import_dataset`. Defaults to None.
        decimal: See `import_dataset`. Defaults to None.

    Raises:
        DataError: with row and column, if columns are missing or unknown, if a cell does
            not fit the column, if the training table had no such category or class, or if
            a value is missing and `schema.missing` is None.
    """
    if isinstance(source, str | os.PathLike):
        table = read_table(
            expanded(source, "`path`"), header=header, delimiter=delimiter, decimal=decimal
        )
    else:
        table = table_of_frame(source, "the frame")
    data = parsed(table)
    target = data.cells.get(schema.target)
    if target is not None and target.is_missing.all():
        del data.cells[schema.target]
        target = None
    check_missing(data, schema.target, schema.missing)
    x = features_of(data, schema)
    if target is None:
        return Rows(x=x, y=None)
    if class_names:
        return Rows(x=x, y=classes_of(data, schema.target, class_names))
    return Rows(x=x, y=finite_numbers(data, schema.target))
