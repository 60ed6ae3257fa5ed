"""Files of a user's that can be read, and files that are whole or not there at all."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

_LONGEST = 150
"""Characters of a name that is made of a text, which leaves room for an ending."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO (a pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def why_unreadable(path: Path) -> str | None:
    """Why a file cannot be read, as far as can be told without opening it; None: it can.

    Opening a FIFO waits for somebody who writes into it, and a device may have no end.

    Args:
        path: A file that a user names. Links are followed.

    Example:
    >>> why_unreadable(Path("/"))
    'it is a folder, not a file'
    >>> why_unreadable(Path("/nowhere"))
    'No such file or directory'
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            return f"it is a link to {path.readlink()}, which does not exist"
        if isinstance(error, OSError) and error.errno == errno.ELOOP:
            return "it is a link that leads back to itself"
        return getattr(error, "strerror", None) or str(error)
    if not stat.S_ISREG(mode):
        return f"it is {_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file"
    return None if os.access(path, os.R_OK) else "Permission denied"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path with the same suffix to write to, which becomes `path` at the end.

    After an error, what was at `path` is still there.
    """
    aside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def file_name(text: str) -> str:
    """A text as the name of one file, in whatever folder, of another text another one.

    What a file's name should not have is percent-encoded, and what is too long is cut.

    >>> file_name("emnist/letters"), file_name(".."), file_name("width=32,seed=0")
    ('emnist%2Fletters', '%2E%2E', 'width=32,seed=0')
    """
    name = quote(text, safe="=, +", errors="surrogateescape")
    if not text.strip("."):
        name = name.replace(".", "%2E")
    if len(name) > _LONGEST:
        mark = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"{name[: _LONGEST - len(mark) - 1]}-{mark}"
    return name
