"""Removing files all or none, whatever fails and whenever a process is killed.

They are put aside within the transaction that deletes their rows, and deleted after it.
What is aside and has a row goes back: that transaction never came to its end.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Container, Iterable
from contextlib import suppress
from pathlib import Path

from kmlp.store import _checkpoints

ASIDE = ".removed"
"""The folder, in that of the checkpoints, where they are put."""


def put_aside(folder: Path, names: Iterable[str]) -> None:
    """Puts files aside, those that are there. Then `put_back`, or a commit and `settle`.

    Args:
        folder: That of the checkpoints.
        names: Of the files.

    Raises:
        OSError: if one cannot be.
    """
    aside = folder / ASIDE
    for name in names:
        aside.mkdir(exist_ok=True)
        if aside.is_symlink():  # somebody else's folder
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(aside))
        with suppress(FileNotFoundError):
            (folder / name).replace(aside / name)


def put_back(folder: Path, names: Iterable[str]) -> None:
    """Puts files back, those that are aside; what cannot be, `settle` does later.

    Takes what `put_aside` does.
    """
    with suppress(OSError):
        for name in set(names).intersection(_checkpoints.names(folder / ASIDE)):
            (folder / ASIDE / name).replace(folder / name)
    _tidy(folder)


def settle(folder: Path, used: Container[str]) -> None:
    """Deletes what is aside; within a transaction, while nobody else puts files there.

    Args:
        folder: That of the checkpoints.
        used: The names of files that have a row. They go back.

    Raises:
        OSError: if one cannot be. What is left can be settled later.
    """
    aside = folder / ASIDE
    for name in _checkpoints.names(aside):
        if name in used:
            (aside / name).replace(folder / name)
        else:
            (aside / name).unlink(missing_ok=True)
    _tidy(folder)


def is_settled(folder: Path) -> bool:
    """Whether nothing is aside."""
    return not (folder / ASIDE).exists()


def _tidy(folder: Path) -> None:
    with suppress(OSError):  # there is none, or something else in it
        (folder / ASIDE).rmdir()
