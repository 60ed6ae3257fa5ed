"""Remarks about the columns of a table: what is of little use, or loses precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import enumerated
from kmlp.data._cells import are_numbers
from kmlp.data._encoding import MOST_PLACES, Parsed
from kmlp.data._schema import Schema
from kmlp.data.sources.tables import listed, quoted

EXACT = 2**24
"""Whole numbers up to this one are exact in float32."""


def remarks_about(data: Parsed, schema: Schema) -> list[str]:
    """Return remarks about columns that are of little use, or lose precision.

    Args:
        data: The table, whose numbers are finite in float32.
        schema: The schema of the table.
    """
    constant: list[str] = []
    mixed: list[str] = []
    rounded: list[str] = []
    for column in schema.columns:
        cells = data.cells[column.name]
        numbers = cells.numbers
        if numbers is None:
            codes, texts = cells.coding
            numeric = are_numbers(texts, data.table.decimal)
            if len(texts) == 1:
                constant.append(quoted(column.name))
            elif len(mixed) < MOST_PLACES and 2 * numeric[codes[codes >= 0]].mean() > 1:
                row = data.first(np.isin(codes, np.flatnonzero(~numeric)))
                mixed.append(
                    f"{quoted(column.name)} ({data.place(row)} has "
                    f"{quoted(texts[codes[row]])})"
                )
            continue
        if np.nanmin(numbers) == np.nanmax(numbers):
            constant.append(quoted(column.name))
        elif is_rounded(numbers):
            rounded.append(quoted(column.name))
    remarks = []
    if constant:
        remarks.append(
            "All values are the same, which is of no use for a model, in the column"
            f"{'s' if constant[1:] else ''} {listed(constant)}."
        )
    if mixed:
        remarks.append(
            "Most values are numbers, but not all, so that they are read as text in "
            f"{enumerated(mixed)}."
        )
    if rounded:
        remarks.append(
            "Numbers are rounded to the 24 bits of float32, which loses differences "
            f"between them, in the column{'s' if rounded[1:] else ''} {listed(rounded)}. "
            "Ids are of no use for a model; from other numbers, subtract a constant."
        )
    return remarks


def is_rounded(numbers: NDArray[np.float64]) -> bool:
    """Return True if float32 loses whole numbers, or 1 % of the standard deviation.

    >>> is_rounded(np.array([2.0**24, 2.0**24 + 1])), is_rounded(np.array([0.1, 0.2]))
    (True, False)
    """
    numbers = numbers[np.isfinite(numbers)]
    error = np.abs(numbers.astype("float32") - numbers)
    whole = numbers == np.floor(numbers)
    lost = whole & (np.abs(numbers) > EXACT) & ((error > 0) | (np.abs(numbers) > 2**53))
    return bool(lost.any() or error.max(initial=0) > 0.01 * numbers.std())
