"""The check that an open store is still where it was opened.

A folder can be removed, moved, replaced or unmounted while a command trains. The system
would let the command write on, into files that nobody can find.
"""

from __future__ import annotations

from pathlib import Path

from kmlp.errors import StoreLostError

_File = tuple[int, int]


class Presence:
    """The identity of the file of a database that was opened for writing.

    Args:
        database: The path of the database.
        checkpoints: The folder of the checkpoints, which need not exist yet.
    """

    def __init__(self, database: Path, checkpoints: Path) -> None:
        self._database = database
        self._opened = _file(database)
        self._folder = database.parent
        self._checkpoints = checkpoints
        self._had_checkpoints = checkpoints.is_dir()

    def check(self) -> None:
        """Check that the database and the checkpoints are still at their paths.

        Raises:
            StoreLostError: if one of them is not there any more.
        """
        try:
            file = _file(self._database)
            has_folder = self._folder.is_dir()
            has_checkpoints = self._checkpoints.is_dir()
        except OSError as error:
            problem = f"cannot be reached any more ({error.strerror})"
            raise self._lost(self._folder, problem) from error
        if file is None:
            raise self._lost(self._database if has_folder else self._folder, _GONE)
        if file != self._opened:
            raise self._lost(self._database, "was replaced while this command used it")
        if self._had_checkpoints and not has_checkpoints:
            raise self._lost(self._checkpoints, _GONE)
        self._had_checkpoints = has_checkpoints

    def _lost(self, path: Path, problem: str) -> StoreLostError:
        return StoreLostError(
            f"{path} {problem}. Epochs that were trained since are lost. If you can, put "
            "the files back first. Then the same command continues from the epochs in "
            f"{self._folder}."
        )


_GONE = "is gone: it was removed, moved or unmounted while this command used it"


def _file(path: Path) -> _File | None:
    """Return the numbers that identify a file; None if there is no file."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino
