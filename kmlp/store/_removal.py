"""Remove several files or none of them, even if a step fails or the process is killed.

Files are put aside within the transaction that deletes their rows, and are deleted after
it. If a file is aside and still has a row, its transaction did not finish: the file is put
back.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Container, Iterable
from contextlib import suppress
from pathlib import Path

from kmlp.store import _checkpoint_files

ASIDE = ".removed"
"""The folder for files that are put aside, within the folder of the checkpoints."""


def put_aside(folder: Path, names: Iterable[str]) -> None:
    """Put those files aside that exist. Call `put_back` next, or commit and call `settle`.

    Args:
        folder: The folder of the checkpoints.
        names: The names of the files.

    Raises:
        OSError: if a file cannot be put aside.
    """
    aside = folder / ASIDE
    for name in names:
        aside.mkdir(exist_ok=True)
        if aside.is_symlink():  # it leads to a folder of somebody else
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(aside))
        with suppress(FileNotFoundError):
            (folder / name).replace(aside / name)


def put_back(folder: Path, names: Iterable[str]) -> None:
    """Put those files back that are aside. After an error, `settle` does so later.

    Args:
        folder: The folder of the checkpoints.
        names: The names of the files.
    """
    with suppress(OSError):
        for name in set(names).intersection(_checkpoint_files.names(folder / ASIDE)):
            (folder / ASIDE / name).replace(folder / name)
    _tidy(folder)


def settle(folder: Path, used: Container[str]) -> None:
    """Delete the files that are aside.

    The caller has begun a transaction, so that no other process puts files aside meanwhile.

    Args:
        folder: The folder of the checkpoints.
        used: The names of the files that have a row. They go back.

    Raises:
        OSError: if a file cannot be moved or deleted. A later call can finish.
    """
    aside = folder / ASIDE
    for name in _checkpoint_files.names(aside):
        if name in used:
            (aside / name).replace(folder / name)
        else:
            (aside / name).unlink(missing_ok=True)
    _tidy(folder)


def is_settled(folder: Path) -> bool:
    """True if no file is aside."""
    return not (folder / ASIDE).exists()


def _tidy(folder: Path) -> None:
    with suppress(OSError):  # the folder does not exist, or is not empty
        (folder / ASIDE).rmdir()
