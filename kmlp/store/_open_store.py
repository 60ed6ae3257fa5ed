"""An open runs folder: its database, its transactions, and the check that it is there."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

from kmlp.errors import DamagedError, StoreLostError, StoreWriteError
from kmlp.store import _checkpoint_files, _checksums, _removal
from kmlp.store._database import FILE, count_changes, open_again, open_database
from kmlp.store._presence import Presence
from kmlp.store._sqlite import transaction, translate_errors
from kmlp.store.leases import SECONDS_BETWEEN_BEATS, Leases


class OpenStore:
    """An open runs folder, which can be read and written in transactions.

    Args:
        folder: The runs folder, which is created if it does not exist. None: the store is
            in memory until it is closed.
        environment: The environment that is stored with each write, as
            `describe_environment` returns it. Defaults to None: an empty one.
        writable: True if the store will be written to. Defaults to True.
        check_study: Returns the reason why a stored study is not valid for its kind, or
            None if it is valid. Defaults to None: kinds are not checked.

    Raises:
        StoreError: if the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        environment: Mapping[str, Any] | None = None,
        writable: bool = True,
        check_study: Callable[[Any], str | None] | None = None,
    ) -> None:
        self.study_problem = check_study or (lambda record: None)
        self.connection = open_database(folder, writable=writable)
        self.temporary = folder is None
        """True if the store's content is lost when it is closed."""
        self._temporary = (
            tempfile.TemporaryDirectory(prefix="kmlp-") if folder is None else None
        )
        if self._temporary is not None:
            folder = Path(self._temporary.name)
        assert folder is not None
        # An observer may change the current folder while the store is open.
        self.folder = folder.absolute()
        self.checkpoint_folder = self.folder / _checkpoint_files.FOLDER
        self._presence = (
            None
            if self.temporary or not writable
            else Presence(self.folder / FILE, self.checkpoint_folder)
        )
        again = partial(open_again, self.folder, seconds=SECONDS_BETWEEN_BEATS)
        self.leases = Leases(self.connection, None if self.temporary else again)
        self.damaged: dict[str, DamagedError] = {}
        """The errors of damaged runs, studies and environments that were skipped, by the
        key or the name of each."""
        self._studies: set[str] = set()
        """The studies for which this process trains runs."""
        self._study_by_key: dict[str, str] = {}
        """The study for which this process trains a run, by the run's key."""
        self._environment = dict(environment or {})
        self._environment_ids: dict[str, int] = {}
        self._changes = 0
        if writable and not _removal.is_settled(self.checkpoint_folder):
            # After an error, the next command that writes tries again.
            with contextlib.suppress(OSError), self.writing():
                self.settle_removal()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database. The content of a store in memory is lost."""
        self.leases.close()
        self.connection.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Translate the errors of the database and the system into `StoreError`s."""
        try:
            with translate_errors(self.folder / FILE):
                yield
        except StoreWriteError:
            self.check_presence()  # a missing folder explains the error better
            raise

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Run a transaction, with its errors translated as `reading` does.

        Raises:
            StoreLostError: if the runs folder is gone, or if the database was replaced by
                an older copy.
        """
        self.check_presence()
        with self.reading(), transaction(self.connection):
            changes = count_changes(self.connection, self.folder / FILE)
            if changes < self._changes:
                raise StoreLostError(
                    f"{self.folder / FILE} was replaced by an older copy while this "
                    "command used it. Keep other programs from writing there, and run the "
                    "same command again."
                )
            self.connection.execute("UPDATE changes SET count = ?", (changes + 1,))
            yield
        self._changes = changes + 1
        self.check_presence()

    def check_presence(self) -> None:
        """Raise `StoreLostError` if the runs folder was taken away since it was opened."""
        if self._presence is not None:
            self._presence.check()

    def environment_id(self, environment: Mapping[str, Any] | None = None) -> int:
        """Return the `id` of an environment's row, which is inserted if it is new.

        The caller has begun a transaction.

        Args:
            environment: The entries that differ from the environment of the store.
                Defaults to None: no entry differs.
        """
        text = json.dumps({**self._environment, **(environment or {})}, sort_keys=True)
        if text not in self._environment_ids:
            number = self.connection.execute(
                "INSERT INTO environments (created, description) VALUES (?, ?)",
                (time.time(), text),
            ).lastrowid
            assert number is not None
            _checksums.seal(self.connection, "environments", number)
            self._environment_ids[text] = number
        return self._environment_ids[text]

    def settle_removal(self) -> None:
        """Delete the files that were put aside. The caller has begun a transaction."""
        rows = self.connection.execute("SELECT file FROM checkpoints")
        _removal.settle(self.checkpoint_folder, {row["file"] for row in rows})
