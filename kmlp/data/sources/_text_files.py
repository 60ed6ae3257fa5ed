"""Text files of users: their encoding, and what is not a table although it is a text."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from io import BufferedReader, TextIOWrapper
from pathlib import Path

from kmlp._util.text import visible
from kmlp.errors import DataError

HEAD = 2**22
"""The number of bytes at the beginning of a file that are looked at before it is read."""

_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16, whose mark is its beginning
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_HTML = re.compile(rb"\s*<(?:!doctype|html|head|body|table|\?xml|!--)", re.IGNORECASE)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


def is_gzipped(path: Path) -> bool:
    """Return True if the file is gzipped."""
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def open_text(path: Path) -> gzip.GzipFile | BufferedReader:
    """Open a text file for reading, gzipped or not."""
    return gzip.open(path, "rb") if is_gzipped(path) else path.open("rb")


def read_head(path: Path) -> str:
    """Return the beginning of a text file in UTF-8, without a byte order mark.

    It ends with a whole line.

    Raises:
        DataError: if the file is empty, or is not a table as a text in UTF-8.
    """
    try:
        with open_text(path) as file:
            head = file.read(HEAD)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise DataError(f"{path}: cannot be read: {reason}.") from error
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        raise DataError(f"{path}: is empty. A table needs a header and rows.")
    is_cut = len(head) == HEAD
    if is_cut and re.search(rb"[\r\n]", head):
        head = head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1]
        is_cut = False
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            raise wrong_encoding(path, encoding)
    head = head.removeprefix(codecs.BOM_UTF8)
    if _HTML.match(head):
        raise DataError(
            f"{path}: is a web page (HTML) or XML, not a table as text: it begins with "
            f'"{visible(head[:30].decode("ascii", "replace").strip())}". Download the '
            "file itself, often by a button named raw or download."
        )
    if (found := _BINARY.search(head)) is not None:
        zeros = head[0:200:2].count(0), head[1:200:2].count(0)
        if max(zeros) > 40 * len(head[:200]) / 200:  # every other byte
            raise wrong_encoding(path, "UTF-16")
        line = head.count(b"\n", 0, found.start()) + 1
        raise DataError(
            f"{path}: line {line} has the byte 0x{found[0][0]:02x}, which a text does not "
            "have. Tables can be CSV, Parquet or .npz files: save the table as one of "
            "these."
        )
    if is_cut:
        raise DataError(
            f"{path}: has more than {HEAD:,} bytes in its first line, which must have the "
            "names of the columns."
        )
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        raise wrong_encoding(path) from None


def wrong_encoding(path: Path, encoding: str | None = None) -> DataError:
    """Return the error for a file that is not in UTF-8.

    Args:
        path: The path of the file.
        encoding: The encoding that the file seems to have. Defaults to None: the first
            byte that is not UTF-8 is looked for.
    """
    place = ""
    if encoding is None:
        line, byte = _first_wrong_byte(path)
        place = f" Line {line} has the byte 0x{byte:02x}."
        encoding = "Windows-1252" if 0x80 <= byte < 0xA0 else "Latin-1 (ISO 8859-1)"
    code = {"Latin-1 (ISO 8859-1)": "LATIN1", "Windows-1252": "CP1252"}.get(
        encoding, encoding
    )
    return DataError(
        f"{path}: is not in UTF-8, but seems to be in {encoding}.{place} Save it in UTF-8: "
        'spreadsheets call it "CSV UTF-8", editors "Save with encoding"; or run '
        f"`iconv -f {code} -t UTF-8 {visible(path.name)} > new.csv`."
    )


def _first_wrong_byte(path: Path) -> tuple[int, int]:
    """Return the line and the value of the first byte that is not UTF-8."""
    number, line = 0, b""
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return number, line[error.start]
    return number, 0


def line_of(path: Path, delimiter: str, record: int) -> int | None:
    """Return the line, from 1, in which a record of a CSV file begins; None if unknown.

    A quoted cell may have several lines, and blank lines are not records.

    Args:
        path: The path of the file.
        delimiter: The character between two cells.
        record: The number of the record, from 0. The header is a record.
    """
    try:
        with (
            open_text(path) as file,
            # Other readers of texts also end lines at characters such as U+2028.
            TextIOWrapper(file, "utf-8-sig", "replace", newline="") as text,
        ):
            reader = csv.reader(text, delimiter=delimiter)
            begin = 1
            for cells in reader:
                if cells:
                    if record == 0:
                        return begin
                    record -= 1
                begin = reader.line_num + 1
    except (csv.Error, OSError, EOFError):
        pass
    return None
