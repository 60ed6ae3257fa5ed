"""Zip archives from others, which are checked before they are opened."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

MAX_DIRECTORY = 2**20
"""The largest size of an archive's list of members, in bytes: about 10,000 members."""

_ENCRYPTED = 0x1
_SIZE_OF_DIRECTORY = 5  # index in the result of `_EndRecData`


@contextmanager
def opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive after checking its list of members.

    `zipfile` reads a member up to the size that the list states, and then compares the
    member's checksum.

    Args:
        path: The path of the archive.

    Raises:
        ValueError: if the file is not a zip archive, or has too many members, two members
            of one name, or an encrypted member.
        OSError: if the file cannot be read.
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
    # `ZipFile` would read the whole list, and create an object for each member.
    try:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    except OSError:
        end = None
    if not end:
        raise ValueError("it is not a zip archive, or its end is missing")
    size = end[_SIZE_OF_DIRECTORY]
    if size > MAX_DIRECTORY:
        raise ValueError(
            f"its list of members has {size:,} bytes, but must have at most "
            f"{MAX_DIRECTORY:,}"
        )


def _check_members(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    counts = Counter(member.filename for member in members)
    [(name, count)] = counts.most_common(1) or [("", 0)]
    if count > 1:
        raise ValueError(f"it has {count} members of the name {name}")
    for member in members:
        if member.flag_bits & _ENCRYPTED:
            raise ValueError(f"its member {member.filename} is encrypted")
