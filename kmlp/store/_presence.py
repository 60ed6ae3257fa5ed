"""Whether an open store is still where it was opened: folders are removed, moved, replaced
and unmounted while a command trains, and the system lets it write on into files that
nobody will find.
"""

from __future__ import annotations

from pathlib import Path

from kmlp.errors import StoreLostError

_File = tuple[int, int]


class Presence:
    """Knows the file of a database that was opened to be written to.

    Args:
        database: Its path.
        checkpoints: The folder of the checkpoints, which need not be there yet.
    """

    def __init__(self, database: Path, checkpoints: Path) -> None:
        self._database = database
        self._opened = _file(database)
        self._folder = database.parent
        self._checkpoints = checkpoints
        self._had_checkpoints = checkpoints.is_dir()

    def check(self) -> None:
        """Checks that what is written now can be found again.

        Raises:
            StoreLostError: if it cannot.
        """
        try:
            found = _file(self._database)
            folder, there = self._folder.is_dir(), self._checkpoints.is_dir()
        except OSError as error:
            why = f"cannot be reached any more ({error.strerror})"
            raise self._lost(self._folder, why) from error
        if found is None:
            raise self._lost(self._database if folder else self._folder, _GONE)
        if found != self._opened:
            raise self._lost(self._database, "was replaced while this command used it")
        if self._had_checkpoints and not there:
            raise self._lost(self._checkpoints, _GONE)
        self._had_checkpoints = there

    def _lost(self, path: Path, what: str) -> StoreLostError:
        return StoreLostError(
            f"{path} {what}. What was trained since is not kept. If it can be put back, do "
            f"that first: the same command goes on from what there is in {self._folder}."
        )


_GONE = "is gone: it was removed, moved or unmounted while this command used it"


def _file(path: Path) -> _File | None:
    """What tells a file from any other; None: there is none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
