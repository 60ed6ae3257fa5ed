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
    """Read a Parquet file. No code is run: columns of extension types are not read.

    The names of rows that pandas writes are left out, if they have no name of their own.

    Args:
        path: The path of a regular file.

    Raises:
        DataError: if the file is damaged, or is too large for memory.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with (
            path.open("rb") as file,
            closing(parquet.ParquetFile(file, arrow_extensions_enabled=False)) as opened,
        ):
            fields = [
                field for field in opened.schema_arrow if not _INDEX.fullmatch(field.name)
            ]
            names = [field.name.strip() for field in fields]
            check_names(str(path), names)
            problems = dict(zip(names, map(type_problem, fields), strict=True))
            if not opened.metadata.num_rows:
                raise DataError(f"{path}: has columns, but no rows.")
            wanted = {
                name: field.name
                for name, field in zip(names, fields, strict=True)
                if problems[name] is None
            }
            texts = [field.name for field in fields if is_text(field.type)]
            _check_size(path, opened, len(wanted))
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise _damaged(path, error) from error
    columns = _read(path, list(wanted.values()), texts)
    return Table(
        source=str(path),
        origin=str(path.resolve()),
        columns=dict(zip(wanted, columns, strict=True)),
        problems={name: why for name, why in problems.items() if why is not None},
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


def type_problem(field: Any) -> str | None:
    """Return the type of an Arrow column that cannot be one of a table; else None.

    The cells of a table are numbers, texts, booleans and dates.

    Args:
        field: A `pyarrow.Field`.
    """
    import pyarrow as pa

    types = pa.types
    kind = field.type
    extension = (field.metadata or {}).get(b"ARROW:extension:name")
    if extension is not None:
        return f"of the extension type {quoted(extension.decode('utf-8', 'replace'))}"
    plain = kind.value_type if types.is_dictionary(kind) else kind
    if (
        types.is_integer(plain)
        or types.is_floating(plain)
        or types.is_decimal(plain)
        or types.is_boolean(plain)
        or types.is_temporal(plain)
        or types.is_null(plain)
        or is_text(plain)
    ):
        return None
    return visible(f"of {kind}")[:100]


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
            table.validate(full=True)
            if table.num_rows != opened.metadata.num_rows:
                raise DataError(
                    f"{path}: states {opened.metadata.num_rows:,} rows, but has "
                    f"{table.num_rows:,}. The file is damaged: write it again."
                )
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise _damaged(path, error) from error
    return list(table.columns)


def _damaged(path: Path, error: Exception) -> DataError:
    reason = visible(" ".join(str(error).split()))[:200].rstrip(".")
    return DataError(f"{path}: cannot be read as a Parquet file: {reason}.")
