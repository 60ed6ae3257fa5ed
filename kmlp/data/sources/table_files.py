"""Read a table from a user's file: CSV or Parquet, by its content."""

from __future__ import annotations

from pathlib import Path

from kmlp._util.user_files import why_unreadable
from kmlp.data.sources._csv import DELIMITERS, read_csv
from kmlp.data.sources._parquet import MAGIC, read_parquet
from kmlp.data.sources.tables import Table
from kmlp.errors import DataError

_ARCHIVE = b"PK"
_SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".ods")


def is_archive(path: Path) -> bool:
    """Return True if a file is a `.npz` file by its name or by its first bytes."""
    suffix = path.suffix.lower()
    is_zip = _begins_with(path, _ARCHIVE) and suffix not in _SPREADSHEETS
    return suffix == ".npz" or is_zip


def read_table(
    path: Path,
    *,
    header: bool = True,
    delimiter: str | None = None,
    decimal: str | None = None,
) -> Table:
    """Read a table from a CSV or Parquet file.

    Args:
        path: The path of the file.
        header: See `read_csv`. Defaults to True.
        delimiter: See `read_csv`. Defaults to None.
        decimal: "." or ",". Defaults to None: ".".

    Raises:
        DataError: if the file cannot be read as a table.
    """
    if (reason := why_unreadable(path)) is not None:
        raise DataError(f"{path}: cannot be read: {reason}.")
    if path.suffix.lower() in _SPREADSHEETS:
        raise DataError(
            f"{path}: is a spreadsheet. Save the sheet as CSV (UTF-8), and import that."
        )
    if _begins_with(path, MAGIC) or path.suffix.lower() in (".parquet", ".pq"):
        for name, given in (
            ("header", not header), ("delimiter", delimiter), ("decimal", decimal)
        ):  # fmt: skip
            if given:
                raise DataError(
                    f"{path}: is a Parquet file, but `{name}` is only for CSV files. Leave "
                    "it out."
                )
        return read_parquet(path)
    _check_options(delimiter, decimal)
    return read_csv(path, header=header, delimiter=delimiter, decimal=decimal or ".")


def _check_options(delimiter: str | None, decimal: str | None) -> None:
    """Check the options of a CSV file.

    Raises:
        DataError: if they are not characters, or are the same one.
    """
    if decimal not in (None, ".", ","):
        raise DataError(
            f'The value of `decimal` is {decimal!r}, but must be "." or ",": the decimal '
            "point."
        )
    if delimiter is None:
        return
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n.\0':
        names = ", ".join(DELIMITERS.values())
        raise DataError(
            f"The value of `delimiter` is {delimiter!r}, but must be one character between "
            f"the cells, often a {names}. Leave it out to have one of these chosen."
        )
    if delimiter == (decimal or "."):
        raise DataError(
            f"`delimiter` and `decimal` are both {delimiter!r}, but must differ."
        )


def _begins_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError:
        return False
