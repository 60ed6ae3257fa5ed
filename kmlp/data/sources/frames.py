"""Tables of values in memory: frames of pandas, polars or Arrow, and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp.data.sources._parquet import type_problem
from kmlp.data.sources.tables import Table, check_names, quoted
from kmlp.errors import DataError


def table_of_frame(frame: Any, source: str) -> Table:
    """Return a frame as a table. Its index, if it has one, is left out.

    Args:
        frame: A frame of pandas or polars, a `pyarrow.Table`, or another object with
            Arrow's method `__arrow_c_stream__`.
        source: A description of the frame.

    Raises:
        DataError: if the object is not a frame, or has a column of several types.
    """
    import pyarrow as pa

    if not hasattr(frame, "__arrow_c_stream__"):
        raise DataError(
            f"{source}: is {type(frame).__name__!r}, but must be a frame of pandas, polars "
            "or Arrow. For arrays, use `kmlp.Dataset.from_arrays`."
        )
    index = getattr(frame, "index", None)
    if hasattr(index, "nlevels"):  # of pandas; it would become a column
        frame = frame.reset_index(drop=True)
        names = [str(name).strip() for name in frame.columns]
        check_names(source, names)
        frame = frame.set_axis(names, axis="columns")
    try:
        table = pa.table(frame)
    except (pa.ArrowException, ValueError, TypeError) as error:
        reason = "; ".join(str(part) for part in error.args) or str(error)
        raise DataError(
            f"{source}: a column has values of several types: {reason}. Convert it first, "
            "such as by `frame[column].astype(str)`."
        ) from error
    names = [name.strip() for name in table.schema.names]
    check_names(source, names)
    problems = {
        name: type_problem(field) for name, field in zip(names, table.schema, strict=True)
    }
    if not table.num_rows:
        raise DataError(f"{source}: has columns, but no rows.")
    return Table(
        source=source,
        columns={
            name: column
            for name, column in zip(names, table.columns, strict=True)
            if problems[name] is None
        },
        problems={name: why for name, why in problems.items() if why is not None},
    )


def table_of_arrays(
    x: Any, y: Any, source: str, *, columns: Sequence[str] | None = None, target: str = "y"
) -> Table:
    """Return arrays as a table.

    Args:
        x: Numbers, of shape `(rows, columns)`.
        y: The targets: numbers, texts or booleans, of shape `(rows,)`.
        source: A description of the arrays.
        columns: The names of the columns. Defaults to None: x1, x2, ...
        target: The name of the target. Defaults to "y".

    Raises:
        DataError: if the arrays are not those of a table.
    """
    import pyarrow as pa

    x, y = np.asarray(x), np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    x, y = (_native(array) for array in (x, y))
    for name, array, kinds, axes in (("x", x, "fiub", 2), ("y", y, "fiubUO", 1)):
        if array.ndim != axes or array.dtype.kind not in kinds:
            shape = "(rows, columns)" if axes == 2 else "(rows,)"
            what = "numbers" if axes == 2 else "numbers, texts or booleans"
            raise DataError(
                f"{source}: {name} is of {array.dtype} and shape {array.shape}, but must "
                f"be of {what} and shape {shape}."
            )
    if len(x) != len(y):
        raise DataError(f"{source}: x has {len(x)} rows, but y {len(y)}.")
    if not len(x):
        raise DataError(f"{source}: has no rows.")
    names = [f"x{number}" for number in range(1, x.shape[1] + 1)]
    if columns is not None:
        if len(columns) != x.shape[1]:
            raise DataError(
                f"{source}: `columns` has {len(columns)} names, but x has {x.shape[1]} "
                "columns."
            )
        names = [str(name) for name in columns]
    check_names(source, [*names, target])
    try:
        targets = pa.array(y, from_pandas=True)
    except (pa.ArrowException, TypeError) as error:
        raise DataError(
            f"{source}: y has values of several types ({' '.join(str(error).split())}). "
            f"Convert it first, such as by `y.astype(str)`. ({quoted(target)})"
        ) from error
    arrays = {
        name: pa.chunked_array([pa.array(np.ascontiguousarray(column))])
        for name, column in zip(names, x.T, strict=True)
    }
    return Table(
        source=source,
        columns=arrays | {target: pa.chunked_array([targets])},
        is_arrays=True,
    )


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in the machine's order of bytes, of a type that Arrow has."""
    if array.dtype.kind == "f":
        return array.astype("float64", copy=False)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
