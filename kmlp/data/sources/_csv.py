"""Read CSV files: the delimiter, the header, and the cells as texts."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

from kmlp._util.text import count_of, visible
from kmlp.data._examples import check_memory_of
from kmlp.data.sources._text_files import (
    is_gzipped,
    line_of,
    open_text,
    read_head,
    wrong_encoding,
)
from kmlp.data.sources.tables import Table, check_names, quoted
from kmlp.errors import DataError

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""The delimiters that are looked for, with their names."""

_BLOCK = 2**23
"""The number of bytes that are parsed together. A row must fit."""
_SAMPLE = 100
"""The number of rows in which the delimiter is looked for."""
_OVERHEAD = 4
"""The most bytes of memory for a byte of a file: a short text has an offset of 4 bytes."""


def read_csv(
    path: Path, *, header: bool = True, delimiter: str | None = None, decimal: str = "."
) -> Table:
    """Read a CSV file, gzipped or not, in UTF-8. All cells are texts.

    Args:
        path: The path of a regular file.
        header: True if the first row has the names of the columns. Otherwise they are
            x1, x2, ... Defaults to True.
        delimiter: The character between two cells. Defaults to None: a comma, a semicolon,
            a tab or a bar, of which the one that fits the first 100 rows is chosen.
        decimal: The decimal point. Defaults to ".".

    Raises:
        DataError: if the file is not such a file, or is too large for memory.
    """
    before = path.stat()
    size = before.st_size
    check_memory_of(str(path), _OVERHEAD * size, f"{size:,} bytes")
    head = read_head(path)
    if delimiter is None:
        delimiter = _delimiter_of(head, decimal)
    first = next(_records(head, delimiter), [])
    if header:
        names = [name.strip() for name in first]
        line = line_of(path, delimiter, 0)
        check_names(str(path), names, place=f" in line {line}" if line else "")
    else:
        names = [f"x{number}" for number in range(1, len(first) + 1)]
        check_names(str(path), names)

    def place(row: int) -> str:
        assert delimiter is not None
        line = line_of(path, delimiter, row + header)
        return f"line {line}" if line else f"row {row + 1 + header}"

    skipped = 0
    if header:  # Arrow counts blank lines as rows before the names, but not after them
        skipped = 1 + len(head[: len(head) - len(head.lstrip("\r\n"))].splitlines())
    columns = _read(path, len(names), skipped, delimiter, place)
    after = path.stat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise DataError(f"{path}: was changed while it was read. Read it again.")
    if not len(columns[0]):
        raise DataError(f"{path}: has a header, but no rows.")
    return Table(
        source=str(path),
        columns=dict(zip(names, columns, strict=True)),
        origin=str(path.resolve()),
        decimal=decimal,
        has_header=header,
        place=place,
    )


def _records(head: str, delimiter: str) -> Iterator[list[str]]:
    """Return the records of a text that are not empty. A csv.Error ends them."""
    with suppress(csv.Error):
        reader = csv.reader(StringIO(head, newline=""), delimiter=delimiter)
        yield from (record for record in reader if record)


def _delimiter_of(head: str, decimal: str) -> str:
    """Return the delimiter that divides the first rows into most columns, all equally many.

    If no delimiter does, the one that occurs most often in the first row.
    """
    best, most = ",", (False, 1)
    for delimiter in DELIMITERS:
        if delimiter == decimal:
            continue
        counts = [len(record) for record in islice(_records(head, delimiter), _SAMPLE)]
        score = (len(set(counts)) == 1 and counts[0] > 1, counts[0] if counts else 0)
        if score > most:
            best, most = delimiter, score
    return best


def _read(
    path: Path, count: int, skipped: int, delimiter: str, place: Callable[[int], str]
) -> list[Any]:
    """Return the columns of a CSV file as chunked arrays of texts."""
    import psutil
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    keys = [str(number) for number in range(count)]
    invalid: list[Any] = []

    def note(row: Any) -> str:
        invalid.append(row)
        return "error"

    batches: list[Any] = []
    taken, limit = 0, psutil.virtual_memory().available // 2
    try:
        with (
            open_text(path) as file,
            closing(
                arrow_csv.open_csv(
                    file,
                    read_options=arrow_csv.ReadOptions(
                        column_names=keys,
                        skip_rows_after_names=skipped,
                        use_threads=False,  # which gives the number of an invalid row
                        block_size=_BLOCK,
                    ),
                    parse_options=arrow_csv.ParseOptions(
                        delimiter=delimiter,
                        newlines_in_values=True,
                        invalid_row_handler=note,
                    ),
                    convert_options=arrow_csv.ConvertOptions(
                        column_types=dict.fromkeys(keys, pa.string()),
                        strings_can_be_null=False,
                    ),
                )
            ) as reader,
        ):
            for batch in reader:
                batches.append(batch)
                taken += batch.nbytes
                if taken > limit:
                    check_memory_of(str(path), 2 * taken, "its rows")
    except pa.ArrowInvalid as error:
        if invalid:
            [row] = invalid
            at = place(row.number - 1 - skipped)
            raise DataError(
                f"{path}: {at} has {count_of(row.actual_columns, 'cell')}, but "
                f"{'the header' if skipped else 'the first row'} has {count}: "
                f"{quoted(row.text)}. Every row must have as many."
            ) from error
        raise _explained(path, error, skipped > 0) from error
    except (OSError, EOFError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: cannot be read: {error}.") from error
    table = pa.Table.from_batches(batches, reader.schema)
    return list(table.columns)


def _explained(path: Path, error: Exception, header: bool) -> DataError:
    text = str(error)
    if "invalid UTF8" in text:
        return wrong_encoding(path)
    if "straddling" in text:
        if header and path.stat().st_size < _BLOCK and not is_gzipped(path):
            return DataError(f"{path}: has a header, but no rows.")
        return DataError(
            f"{path}: a row has more than {_BLOCK:,} bytes. Does a quotation mark open a "
            "cell, and none close it?"
        )
    return DataError(
        f"{path}: cannot be read as a CSV file: {visible(' '.join(text.split()))[:200]}."
    )
