"""Files of a user's that can be read, and files that are whole or not there at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
