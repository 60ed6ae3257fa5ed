"""Read Parquet files whose columns are numbers, texts, booleans and dates."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import Any

from kmlp._util.text import visible
from kmlp.data._examples import check_memory_of
from kmlp.data.sources.tables import Table, check_names, quoted
from kmlp.errors import DataError

MAGIC = b"PAR1"
"""The first bytes of a Parquet file."""

_INDEX = re.compile(r"__index_level_\d+__")
"""The name of pandas for the names of rows."""
_BATCH = 2**16
"""The number of rows that are read together."""
_CELL = 8
"""The size of a number, and the least of a text with its position, in bytes."""


def read_parquet(path: Path) -> Table:
    """Read a Parquet file. No code is run: extension types are refused.

    The names of rows that pandas writes are left out, if they have no name of their own.

    Args:
        path: The path of a regular file.

    Raises:
        DataError: if the file is damaged, is too large for memory, or has columns of other
            types, such as nested ones.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with (
            path.open("rb") as file,
            closing(parquet.ParquetFile(file, arrow_extensions_enabled=False)) as opened,
        ):
            schema = opened.schema_arrow
            chosen = [
                number
                for number, name in enumerate(schema.names)
                if not _INDEX.fullmatch(name)
            ]
            names = [schema.names[number].strip() for number in chosen]
            check_names(str(path), names)
            for name, number in zip(names, chosen, strict=True):
                check_type(str(path), name, schema.field(number))
            if not opened.metadata.num_rows:
                raise DataError(f"{path}: has columns, but no rows.")
            texts = [
                schema.names[number]
                for number in chosen
                if is_text(schema.field(number).type)
            ]
            _check_size(path, opened, len(names))
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise _damaged(path, error) from error
    columns = _read(path, [schema.names[number] for number in chosen], texts)
    return Table(
        source=str(path),
        origin=str(path.resolve()),
        columns=dict(zip(names, columns, strict=True)),
    )


def is_text(kind: Any) -> bool:
    """Return True for an Arrow type of texts."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    )


def check_type(source: str, name: str, field: Any) -> None:
    """Check the type of an Arrow column.

    Args:
        source: The table for messages.
        name: The name of the column.
        field: A `pyarrow.Field`.

    Raises:
        DataError: if cells of the type are not numbers, texts, booleans or dates.
    """
    import pyarrow as pa

    types = pa.types
    kind = field.type
    extension = (field.metadata or {}).get(b"ARROW:extension:name")
    if extension is not None:
        text = f"of the extension type {quoted(extension.decode('utf-8', 'replace'))}"
    else:
        text = visible(f"of {kind}")[:100]
    plain = kind.value_type if types.is_dictionary(kind) else kind
    if extension is None and (
        types.is_integer(plain)
        or types.is_floating(plain)
        or types.is_decimal(plain)
        or types.is_boolean(plain)
        or types.is_temporal(plain)
        or types.is_null(plain)
        or is_text(plain)
    ):
        return
    raise DataError(
        f"{source}: the column {quoted(name)} is {text}, but must be of numbers, texts, "
        "booleans or dates. Remove it, or turn it into columns of these."
    )


def _check_size(path: Path, opened: Any, columns: int) -> None:
    """Check the sizes that a Parquet file states, before memory is allocated."""
    metadata = opened.metadata
    rows = metadata.num_rows
    stated = sum(
        metadata.row_group(number).total_byte_size
        for number in range(metadata.num_row_groups)
    )
    content = f"{rows:,} rows of {columns:,} columns"
    check_memory_of(str(path), max(_CELL * rows * columns, stated), content)


def _read(path: Path, names: list[str], texts: list[str]) -> list[Any]:
    """Return the columns of a Parquet file, in batches, within the free memory.

    Texts stay references into a dictionary: a long text may occur in many rows.
    """
    import psutil
    import pyarrow as pa
    from pyarrow import parquet

    batches: list[Any] = []
    taken, limit = 0, psutil.virtual_memory().available // 2
    try:
        with (
            path.open("rb") as file,
            closing(
                parquet.ParquetFile(
                    file,
                    read_dictionary=texts,
                    arrow_extensions_enabled=False,
                    page_checksum_verification=True,
                )
            ) as opened,
        ):
            for batch in opened.iter_batches(_BATCH, columns=names, use_threads=False):
                batches.append(batch)
                taken += batch.nbytes
                if taken > limit:
                    check_memory_of(str(path), 2 * taken, "its rows")
            table = pa.Table.from_batches(batches)
            if table.num_rows != opened.metadata.num_rows:
                raise DataError(
                    f"{path}: states {opened.metadata.num_rows:,} rows, but has "
                    f"{table.num_rows:,}. The file is damaged: write it again."
                )
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise _damaged(path, error) from error
    return [table.column(name) for name in names]


def _damaged(path: Path, error: Exception) -> DataError:
    reason = visible(" ".join(str(error).split()))[:200].rstrip(".")
    return DataError(f"{path}: cannot be read as a Parquet file: {reason}.")
