"""The cells of a table's column as numbers or texts, and the words for missing values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING_WORDS = ("", "?", "NA", "N/A", "#N/A", "<NA>", "NaN", "null")
"""The texts that stand for a missing value, in capital or small letters."""

_NUMBER = r"(?i)^[+-]?(\d+{point}?\d*|{point}\d+)(e[+-]?\d+)?$|^[+-]?inf(inity)?$"


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The cells of a column."""

    numbers: NDArray[np.float64] | None
    """The number in each row, where nan is a missing value; False and True are 0 and 1.
    None if there are other texts."""
    is_missing: NDArray[np.bool_]
    """True for each row without a value."""
    is_boolean: bool = False
    """True if all values are False or True."""
    is_temporal: bool = False
    """True for dates and times, which are read as texts."""
    texts: Any = None
    """The texts that occur, in Arrow. None if the source has numbers."""
    positions: NDArray[np.int64] | None = None
    """The position in `texts` of each row's text. None: `texts` has a text for each row."""

    def __len__(self) -> int:
        return len(self.is_missing)

    @cached_property
    def coding(self) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """The code of each row's text, -1 for a missing value; and the sorted texts.

        Numbers that are not texts in the source are in the order of the numbers.
        """
        codes = np.full(len(self), -1)
        present = ~self.is_missing
        if self.texts is None:
            assert self.numbers is not None
            values, codes[present] = np.unique(self.numbers[present], return_inverse=True)
            if self.is_boolean:
                return codes, tuple(str(bool(value)) for value in values)
            return codes, tuple(map(number_text, values.tolist()))
        positions = np.arange(len(self)) if self.positions is None else self.positions
        used, inverse = np.unique(positions[present], return_inverse=True)
        raw = [text.strip() for text in self.texts.take(used).to_pylist()]
        texts = tuple(sorted(set(raw)))  # "a " and "a" are one
        place = {text: code for code, text in enumerate(texts)}
        codes[present] = np.array([place[text] for text in raw], "int64")[inverse]
        return codes, texts

    def text(self, row: int) -> str:
        """Return the text of a row, for messages."""
        if self.texts is None:
            assert self.numbers is not None
            return number_text(float(self.numbers[row]))
        return str(
            self.texts[row if self.positions is None else int(self.positions[row])]
        ).strip()

    def take(self, rows: NDArray[np.intp]) -> Cells:
        """Return the cells of these rows."""
        return replace(
            self,
            numbers=None if self.numbers is None else self.numbers[rows],
            is_missing=self.is_missing[rows],
            positions=rows if self.positions is None else self.positions[rows],
        )


def number_text(value: float) -> str:
    """Return a number as text: whole numbers without a point.

    >>> number_text(3.0), number_text(0.1), number_text(-0.0)
    ('3', '0.1', '0')
    """
    return str(int(value)) if value.is_integer() else repr(value)


def cells_of(column: Any, *, decimal: str = ".") -> Cells | None:
    """Return the cells of an Arrow column; None for a type that is not of a table's cells.

    Texts lose spaces at both ends, and accents get one encoding. If all texts are numbers,
    or all are False or True, the cells are numbers. Durations are numbers of their unit.

    Args:
        column: A `pyarrow.ChunkedArray`.
        decimal: The decimal point of numbers in texts. Defaults to ".".

    Raises:
        pyarrow.ArrowException: if Arrow cannot convert the cells.

    Example:
    >>> import pyarrow as pa
    >>> cells_of(pa.chunked_array([["1.5", "NA", " 2"]])).numbers.tolist()
    [1.5, nan, 2.0]
    """
    import pyarrow as pa
    from pyarrow import compute as pc

    types = pa.types
    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return _cells_of_texts(column, decimal)
    if types.is_duration(kind):
        column, kind = pc.cast(column, pa.int64()), pa.int64()
    if types.is_temporal(kind):
        return replace(_cells_of_texts(pc.cast(column, pa.string()), ""), is_temporal=True)
    if types.is_dictionary(column.type):
        column = pc.cast(column, kind)
    is_boolean = types.is_boolean(kind)
    if is_boolean:
        column = pc.cast(column, pa.uint8())
    elif not (
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_null(kind)
    ):
        return None
    column = pc.fill_null(pc.cast(column, pa.float64(), safe=False), np.nan)
    numbers = _normal(column.to_numpy())
    return Cells(numbers=numbers, is_missing=np.isnan(numbers), is_boolean=is_boolean)


def _cells_of_texts(column: Any, decimal: str) -> Cells:
    import pyarrow as pa
    from pyarrow import compute as pc

    if not pa.types.is_dictionary(column.type):
        if not pa.types.is_string(column.type):
            column = pc.cast(column, pa.string())
        if (numbers := _numbers_of(column, decimal)) is not None:
            is_missing = np.isnan(numbers)
            return Cells(numbers=_normal(numbers), is_missing=is_missing, texts=column)
        # The type of an empty column is lost without an array.
        empty = pa.array([], pa.string())
        column = pa.chunked_array([*column.chunks, empty]).dictionary_encode()
    encoded = column.unify_dictionaries().combine_chunks()
    texts = pc.utf8_normalize(
        pc.utf8_trim_whitespace(pc.cast(encoded.dictionary, pa.string())), form="NFC"
    )
    # The text of a null, which is missing, is placed at the end.
    texts = pa.concat_arrays([pc.fill_null(texts, ""), pa.array([""])])
    positions = np.array(pc.fill_null(encoded.indices, len(texts) - 1), "int64")
    values = _numbers_of(texts, decimal)
    is_word = np.array(_is_missing(texts))
    lower = set(pc.utf8_lower(texts.filter(pa.array(~is_word)).slice(0, 100)).to_pylist())
    is_boolean = bool(lower) and lower <= {"false", "true"} and len(texts) < 100
    if is_boolean:
        values = np.array(pc.equal(pc.utf8_lower(texts), "true"), "float64")
        values[is_word] = np.nan
    return Cells(
        numbers=None if values is None else _normal(values[positions]),
        is_missing=is_word[positions],
        is_boolean=is_boolean,
        texts=texts,
        positions=positions,
    )


def _is_missing(texts: Any) -> Any:
    """Return True for each Arrow text that stands for a missing value."""
    import pyarrow as pa
    from pyarrow import compute as pc

    words = pa.array([word.lower() for word in MISSING_WORDS])
    return pc.is_in(pc.utf8_lower(texts), value_set=words)


def _numbers_of(texts: Any, decimal: str) -> NDArray[np.float64] | None:
    """Return the numbers of Arrow texts, nan for missing values; None if there are others.

    Args:
        texts: A `pyarrow.StringArray`, or a `pyarrow.ChunkedArray` of texts.
        decimal: The decimal point. Empty if the texts are not numbers, but dates.
    """
    import pyarrow as pa
    from pyarrow import compute as pc

    if not decimal:
        return None
    texts = pc.utf8_trim_whitespace(texts)
    texts = pc.if_else(_is_missing(texts), None, texts)
    if decimal != ".":
        if pc.any(pc.match_substring(texts, ".")).as_py():
            return None
        texts = pc.replace_substring(texts, decimal, ".")
    try:
        numbers = pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        return None
    return np.array(pc.fill_null(numbers, np.nan).to_numpy(), "float64")


def are_numbers(texts: Sequence[str], decimal: str) -> NDArray[np.bool_]:
    """Return True for each text that is a number.

    >>> are_numbers(["1", "-.5e3", "1,5", "x"], ".").tolist()
    [True, True, False, False]
    """
    import pyarrow as pa
    from pyarrow import compute as pc

    if not decimal:  # dates
        return np.zeros(len(texts), bool)
    pattern = _NUMBER.replace("{point}", rf"\{decimal}")
    array = pa.array(texts, pa.string()) if isinstance(texts, list | tuple) else texts
    matches = pc.match_substring_regex(array, pattern)
    return np.array(matches.to_numpy(zero_copy_only=False), bool)


def _normal(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers with one form of zero and of nan, in an array of their own."""
    numbers = numbers + 0.0
    numbers[np.isnan(numbers)] = np.nan
    return numbers
