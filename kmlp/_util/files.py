"""Files that are written whole or not at all, and that no link can redirect."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO
from urllib.parse import quote

_LONGEST = 150
"""The most characters of a file name that is derived from a text, without the suffix."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO (a pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of_file(mode: int) -> str:
    """Return the kind of a file that is not a regular one, such as "a folder".

    Args:
        mode: The `st_mode` of the file.
    """
    return _KINDS.get(stat.S_IFMT(mode), "something else")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path with the same suffix; at the end, that file becomes `path`.

    The temporary file is in a new folder beside `path`. That folder has a random name, and
    only this user can open it, so that other users cannot place a link there. A link at
    `path` is replaced, and its target does not change. After an error, `path` is as it was
    before.

    Args:
        path: The path of the file to write.

    Raises:
        OSError: with the name of `path`, if the file cannot be written.
    """
    import tempfile  # `kmlp --help` does not need it

    with naming(path, path.parent):
        folder = Path(tempfile.mkdtemp(prefix=".kmlp-", dir=path.parent))
    aside = folder / f"new{path.suffix}"
    try:
        with naming(path, folder):
            yield aside
            aside.replace(path)
    finally:
        with suppress(OSError):  # `rmtree` would fail where no more files may be opened
            aside.unlink(missing_ok=True)
            folder.rmdir()


def open_new(folder: Path, begin: str) -> tuple[Path, BinaryIO]:
    """Create a file and open it for writing. No link can lead to another file.

    Args:
        folder: The folder of the new file.
        begin: The beginning of the file's name. The rest is random.

    Returns:
        The path of the file, and the open file.

    Raises:
        OSError: if the file cannot be created.
    """
    path = folder / f"{begin}{os.urandom(8).hex()}"
    return path, path.open("xb")


def open_plain(path: Path) -> BinaryIO:
    """Open a file that kmlp wrote for reading. Links, pipes and devices are refused.

    Raises:
        OSError: if the file cannot be read, or is not a regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        opened = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except OSError as error:
        if not path.is_symlink():
            raise
        why = "it is a link, which is not followed"
        raise OSError(errno.ELOOP, why, str(path)) from error
    try:
        mode = os.fstat(opened).st_mode
        if not stat.S_ISREG(mode):
            why = f"it is {kind_of_file(mode)}, not a file"
            raise OSError(errno.EINVAL, why, str(path))
        return os.fdopen(opened, "rb")
    except BaseException:
        os.close(opened)
        raise


@contextmanager
def naming(path: Path, ours: Path) -> Iterator[None]:
    """Make system errors name a path that the user knows.

    An error that names a temporary file, or no file, gets the name of `path`. (The error of
    a write to a full disk names no file.)

    Args:
        path: The path that the user knows.
        ours: The temporary file or folder that the user does not know.
    """
    try:
        yield
    except OSError as error:
        named = error.filename
        is_ours = isinstance(named, str | Path) and Path(named).is_relative_to(ours)
        if error.errno is None or not (named is None or is_ours):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def file_name(text: str) -> str:
    """Return a file name for a text. Different texts have different names.

    Characters that file names should not have are percent-encoded. A name that is too long
    is cut, and ends with a checksum.

    >>> file_name("emnist/letters"), file_name(".."), file_name("width=32,seed=0")
    ('emnist%2Fletters', '%2E%2E', 'width=32,seed=0')
    """
    name = quote(text, safe="=, +", errors="surrogateescape")
    if not text.strip("."):
        name = name.replace(".", "%2E")
    if len(name) > _LONGEST:
        import hashlib  # `kmlp --help` does not need it

        mark = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"{name[: _LONGEST - len(mark) - 1]}-{mark}"
    return name


@contextmanager
def undated() -> Iterator[None]:
    """In the block, write ZIP files whose members have the date 1980-01-01.

    ZIP has no dates before 1980 or after 2107. A machine without a battery may start
    with such a date. Without this block, Keras could then not save a model.
    """
    import zipfile  # here, because importing it takes long

    names = vars(zipfile)
    names["time"] = SimpleNamespace(time=lambda: 0.0, localtime=lambda seconds: _FIRST_DATE)
    try:
        yield
    finally:
        names["time"] = time


_FIRST_DATE = time.struct_time((1980, 1, 1, 0, 0, 0, 1, 1, 0))
