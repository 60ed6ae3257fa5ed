"""Zip archives of others, opened only after what they state of themselves is checked."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

MAX_DIRECTORY = 2**20
"""Bytes of the list of an archive's members, which are ten thousand or so."""

_ENCRYPTED = 0x1
_SIZE_OF_DIRECTORY = 5  # of what `_EndRecData` gives


@contextmanager
def opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip archive whose list of members is no trap.

    A member is read to no more than the size that it states, and `zipfile` compares its
    checksum at the end.

    Args:
        path: A file.

    Raises:
        ValueError: if it is none, if it states too many members, two of one name, or one
            that is encrypted.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        _check_directory(file)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
            raise ValueError(f"it is a damaged zip archive ({error})") from error
        with archive:
            _check_members(archive)
            yield archive


def _check_directory(file: BinaryIO) -> None:
    # `ZipFile` would read all of it, and make an object of each member.
    try:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    except OSError:
        end = None
    if not end:
        raise ValueError("it is no zip archive, or the end of one is missing")
    size = end[_SIZE_OF_DIRECTORY]
    if size > MAX_DIRECTORY:
        raise ValueError(
            f"its list of members has {size:,} bytes, but must have at most "
            f"{MAX_DIRECTORY:,}"
        )


def _check_members(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    [(name, count)] = Counter(it.filename for it in members).most_common(1) or [("", 0)]
    if count > 1:
        raise ValueError(f"it has {count} members {name}")
    for member in members:
        if member.flag_bits & _ENCRYPTED:
            raise ValueError(f"its member {member.filename} is encrypted")
