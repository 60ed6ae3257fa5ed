"""The store: runs, epochs, checkpoints and leases in a SQLite database."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kmlp.errors import DamagedError, StoreError, StoreLostError, StoreWriteError
from kmlp.model.config import RunConfig
from kmlp.store import checkpoints, checksums, removal, validity
from kmlp.store.database import (
    FILE,
    count_changes,
    open_again,
    open_database,
    transaction,
    translate_errors,
)
from kmlp.store.leases import SECONDS_BETWEEN_BEATS, Leases
from kmlp.store.presence import Presence
from kmlp.training.run import FIGURES, EpochRecord, Run, RunIdentity, RunState

CHECKPOINTS_KEPT = 2
"""Of each run, the last ones: the one before serves where the last one is damaged."""


class Store(contextlib.AbstractContextManager["Store"]):
    """The runs and studies of a folder, in a SQLite database with files beside it.

    - A run is written by one process at a time, which has leased it; a lease ends with its
      process. Any process may read.
    - What one call writes is there as a whole or not at all, whenever the process or the
      machine ends. What was written is under checksums: damage is found when it is read,
      and what is damaged is left out, never shown.
    - A run that is trained anew, beside the one that there is, is `fresh` until it takes
      the place of that one.
    - All calls are made in one thread.

    Args:
        folder: The runs folder, which is made where there is none. None: in
            memory, until it is closed.
        facts: The environment that is noted with what is written. Defaults to
            None: nothing.
        writable: Whether it is to be written to. Defaults to True.
        check_study: Says of a stored study why it cannot be of its kind; None: it can.
            Defaults to None: nothing is checked of kinds.

    Raises:
        StoreError: if the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        facts: dict[str, Any] | None = None,
        writable: bool = True,
        check_study: Callable[[Any], str | None] | None = None,
    ) -> None:
        self.study_problem = check_study or (lambda record: None)
        self.connection = open_database(folder, writable=writable)
        self.temporary = folder is None
        """Whether what it has is gone when it is closed."""
        self._temporary = (
            tempfile.TemporaryDirectory(prefix="kmlp-") if folder is None else None
        )
        if self._temporary is not None:
            folder = Path(self._temporary.name)
        assert folder is not None
        self.folder = folder.absolute()  # whoever is told what happens may change folders
        self.models = self.folder / checkpoints.FOLDER
        """The folder of the checkpoints' files."""
        self._presence = (
            None
            if self.temporary or not writable
            else Presence(self.folder / FILE, self.models)
        )
        again = partial(open_again, self.folder, seconds=SECONDS_BETWEEN_BEATS)
        self.leases = Leases(self.connection, None if self.temporary else again)
        self._studies: set[str] = set()
        self._asked: dict[str, str] = {}
        self.damaged: dict[str, DamagedError] = {}
        """What was found damaged when it was read, and left out, by what it is."""
        self._facts = facts or {}
        self._environments: dict[str, int] = {}
        self._changes = 0
        if writable and not removal.is_settled(self.models):
            with contextlib.suppress(OSError), self.writing():  # or the next one does
                self.settle_removal()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; what was in memory is gone."""
        self.leases.close()
        self.connection.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def run(self, identity: RunIdentity, *, fresh: bool = False) -> Run | None:
        """The run with the epochs that it has; None if there is none, or it is damaged."""
        with self.reading():
            row = self._row(identity.key, fresh=fresh)
            return self._run(row) if row is not None else None

    def run_of_key(self, key: str) -> Run | None:
        """The run of a key; None if there is none, or it is damaged: see `damaged`."""
        with self.reading():
            row = self._row(key, fresh=False)
            try:
                return self._run(row) if row is not None else None
            except DamagedError as error:
                self.damaged[key] = error
                return None

    def rows(self) -> list[sqlite3.Row]:
        """The rows of all runs, without their epochs; see `damaged` for others."""
        found = []
        epochs = {
            row["run"]: (row["first"], row["last"], row["number"])
            for row in self.connection.execute(
                "SELECT run, min(epoch) AS first, max(epoch) AS last, count(*) AS number "
                "FROM epochs GROUP BY run"
            )
        }
        for row in self.connection.execute("SELECT * FROM runs").fetchall():
            wrong = self.wrong_row(row)
            number = row["epochs"]
            if wrong is None and number and epochs.get(row["id"]) != (1, number, number):
                wrong = "its epochs are not there from the first to the last"
            if wrong is None:
                found.append(row)
            else:
                self.damaged[str(row["key"])] = self.damaged_run(row, wrong)
        return found

    def name_strays(self) -> None:
        """Notes as `damaged` what no study asks for and is damaged: its key may be."""
        with self.reading():
            for row in self.connection.execute(
                "SELECT * FROM runs WHERE fresh = 0 "
                "AND key NOT IN (SELECT key FROM study_runs)"
            ).fetchall():
                if (wrong := self.wrong_row(row)) is not None:
                    self.damaged[str(row["key"])] = self.damaged_run(row, wrong)

    def state(self, identity: RunIdentity) -> RunState:
        """The point that a run has reached, without its checkpoint."""
        with self.reading():
            row = self._row(identity.key, fresh=False)
            if row is None or self.wrong_run(row, self._epochs(row), identity) is not None:
                return RunState()
            return RunState(row["epochs"], row["status"] == "diverged")

    def acquire(self, identity: RunIdentity) -> bool:
        """Lease a run to this process, which then may write it.

        Returns:
            False if a process that may live has it.

        Raises:
            StoreLostError: if it belongs to no study any more.
        """
        with self.writing():
            self._check_asked(identity.key)
            return self.leases.take(identity.key)

    def holder(self, identity: RunIdentity) -> str:
        """The other process that has leased a run, and since when; empty if none has."""
        with self.reading():
            return str(self.leases.holder(identity.key) or "")

    def release(self, identity: RunIdentity) -> None:
        """Give back the lease of a run."""
        with contextlib.suppress(StoreError), self.writing():  # it expires anyway
            self.leases.release(identity.key)

    def resume(self, identity: RunIdentity) -> RunState:
        """The point from which a leased run is trained on, with its checkpoint.

        A run is cut back to its last undamaged checkpoint.
        """
        with self.writing():
            row = self._row(identity.key, fresh=False)
            if row is None:
                return RunState()
            wrong = self.wrong_run(row, self._epochs(row), identity)
            if wrong is not None:
                self.cut(row["id"], 0)
                return RunState(damaged=(f"the run in {self.folder} is damaged: {wrong}",))
            if row["status"] == "diverged":
                return RunState(row["epochs"], True)
            damaged: list[str] = []
            for checkpoint in self.connection.execute(
                "SELECT * FROM checkpoints WHERE run = ? ORDER BY epochs DESC", (row["id"],)
            ).fetchall():
                try:
                    checkpoint_bytes = self.read_model(identity.key, checkpoint)
                except checkpoints.Damaged as error:
                    damaged.append(str(error))
                    continue
                if damaged:
                    self.cut(row["id"], checkpoint["epochs"])
                return RunState(
                    checkpoint["epochs"], False, checkpoint_bytes, tuple(damaged)
                )
            self.cut(row["id"], 0)
            return RunState(damaged=tuple(damaged))

    def begin_anew(self, identity: RunIdentity) -> None:
        """Delete what there is of a fresh run."""
        with self.writing():
            if not self.leases.holds(identity.key):
                return
            self._delete(identity.key, fresh=True)
        self.remove_files(identity.key)

    def append(
        self,
        identity: RunIdentity,
        records: Sequence[EpochRecord],
        checkpoint_bytes: bytes | None,
        *,
        facts: Mapping[str, Any] | None = None,
        fresh: bool,
    ) -> bool:
        """Add epochs to a run, all of them or none.

        Args:
            identity: The run, which this process has leased.
            records: One epoch at least, the first of which follows those in the store.
            checkpoint_bytes: The checkpoint after the last one; None if the run diverged.
            facts: The environment in which they were trained. Defaults to None: that of
                the store.
            fresh: Whether they are of the run that is trained anew.

        Returns:
            False if another process has leased the run since.

        Raises:
            StoreLostError: if they do not follow what the store has by now.
        """
        name = sha256 = ""
        with self.reading():
            self.check_presence()
            if not self.leases.holds(identity.key):
                return False
            epochs = records[-1].epoch
            if checkpoint_bytes is not None:
                sha256 = hashlib.sha256(checkpoint_bytes).hexdigest()
                name = checkpoints.file_name(identity.key, epochs, sha256)
                checkpoints.write(self.models, name, checkpoint_bytes)
        with self.writing():
            if not self.leases.holds(identity.key):
                if self.leases.is_free(identity.key):  # nobody else would remove the file
                    self.remove_files(identity.key)
                return False
            run = self._ensure(identity, fresh)
            row = self._row(identity.key, fresh=fresh)
            assert row is not None
            if row["epochs"] + 1 != records[0].epoch or (
                row["epochs"] and self.wrong_row(row) is not None
            ):
                raise StoreLostError(
                    f"What {self.folder} has of a run was changed while it was trained: "
                    f"epoch {records[0].epoch} does not follow what is there. Run "
                    "the same command again."
                )
            environment = self.environment(facts)
            for record in records:
                self._insert_epoch(run, record, environment)
            if name:
                self.connection.execute(
                    "INSERT INTO checkpoints (run, epochs, file, sha256) "
                    "VALUES (?, ?, ?, ?)",
                    (run, epochs, name, sha256),
                )
            self.connection.execute(
                "DELETE FROM checkpoints WHERE run = ? AND epochs <= ("
                "SELECT epochs FROM checkpoints WHERE run = ? "
                "ORDER BY epochs DESC LIMIT 1 OFFSET ?)",
                (run, run, CHECKPOINTS_KEPT),
            )
            self._sum_up(run, row["history"], records[0].epoch)
        self.remove_files(identity.key)
        return True

    def replace(self, identity: RunIdentity) -> bool:
        """Put the fresh run in the place of the one that there is.

        Returns:
            False if another process has leased the run since.
        """
        with self.writing():
            if not self.leases.holds(identity.key):
                return False
            self._delete(identity.key, fresh=False)
            row = self._row(identity.key, fresh=True)
            assert row is not None
            wrong = self.wrong_run(row, self._epochs(row), identity)
            if wrong is not None:
                raise self.damaged_run(row, wrong)
            self.connection.execute("UPDATE runs SET fresh = 0 WHERE id = ?", (row["id"],))
            checksums.seal(self.connection, "runs", row["id"])
        self.remove_files(identity.key)
        return True

    def fail(self, identity: RunIdentity, reason: str, *, fresh: bool) -> bool:
        """Note why a run failed; the note stands until the run gets an epoch more.

        Returns:
            False if another process has leased the run since.
        """
        with self.writing():
            if not self.leases.holds(identity.key):
                return False
            run = self._ensure(identity, fresh)
            self.connection.execute(
                "UPDATE runs SET failure = ?, status = 'failed', updated = ? WHERE id = ?",
                (reason, time.time(), run),
            )
            checksums.seal(self.connection, "runs", run)
        return True

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction, its errors explained.

        Raises:
            StoreLostError: if what it writes is not found at its path, or the database is
                an older one than it was.
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
        """Raises `StoreLostError` if the runs folder was taken away since it was opened."""
        if self._presence is not None:
            self._presence.check()

    def environment(self, facts: Mapping[str, Any] | None = None) -> int:
        """The row of an environment; within a transaction.

        Args:
            facts: What is otherwise where it was trained. Defaults to None: nothing.
        """
        text = json.dumps({**self._facts, **(facts or {})}, sort_keys=True)
        if text not in self._environments:
            row = self.connection.execute(
                "INSERT INTO environments (created, facts) VALUES (?, ?)",
                (time.time(), text),
            ).lastrowid
            assert row is not None
            checksums.seal(self.connection, "environments", row)
            self._environments[text] = row
        return self._environments[text]

    def delete(self, key: str) -> None:
        """Deletes a run; within a transaction. Its files are left to `remove_files`."""
        self._delete(key, fresh=False)
        self._delete(key, fresh=True)

    def remove_files(self, key: str) -> None:
        """Removes the files of a run that no row names; whoever calls has leased it."""
        used = self.connection.execute(
            "SELECT file FROM checkpoints JOIN runs ON runs.id = run WHERE key = ?", (key,)
        )
        checkpoints.remove_others(self.models, key, {row["file"] for row in used})

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Explains the errors of what is done within."""
        try:
            with translate_errors(self.folder / FILE):
                yield
        except StoreWriteError:
            self.check_presence()  # which is then why
            raise

    def ask(self, study: str, keys: Iterable[str]) -> None:
        """Hears for which study this process trains runs: while it does, it is there."""
        self._studies.add(study)
        self._asked.update(dict.fromkeys(keys, study))

    def asks(self, study: str) -> bool:
        """Whether this process trains for a study."""
        return study in self._studies

    def _check_asked(self, key: str) -> None:
        """Checks that a run has a study still for which this process trains.

        Raises:
            StoreLostError: if that was removed.
        """
        if key not in self._asked:
            return
        rows = self.connection.execute(
            "SELECT name FROM studies JOIN study_runs ON study = id WHERE key = ?", (key,)
        )
        if self._studies.isdisjoint(row["name"] for row in rows):
            raise removed(self._asked[key])

    def files_of(self, keys: Iterable[str]) -> list[str]:
        """The names of the files of runs, in the folder of the checkpoints."""
        begins = {key[:24] for key in keys}
        return [
            name
            for name in checkpoints.names(self.models)
            if name.lstrip(".").partition("-")[0] in begins
        ]

    def settle_removal(self) -> None:
        """Deletes the files that were put aside; within a transaction."""
        rows = self.connection.execute("SELECT file FROM checkpoints")
        removal.settle(self.models, {row["file"] for row in rows})

    def _row(self, key: str, *, fresh: bool) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(
            "SELECT * FROM runs WHERE key = ? AND fresh = ?", (key, fresh)
        ).fetchone()
        return row

    def _epochs(self, row: sqlite3.Row) -> list[sqlite3.Row]:
        return validity.epochs_of(self.connection, row["id"])

    def wrong_row(self, row: sqlite3.Row) -> str | None:
        """Why a row of a run is damaged, without its epochs; None: it is not."""
        wrong = validity.wrong_run(row)
        if wrong is None and not checksums.is_whole(self.connection, "runs", row):
            wrong = "its checksum is another"
        return wrong

    def wrong_run(
        self,
        row: sqlite3.Row,
        epochs: list[sqlite3.Row],
        identity: RunIdentity | None = None,
    ) -> str | None:
        """Why a run with these epochs is damaged; None: it is not."""
        wrong = self.wrong_row(row)
        if wrong is not None:
            return wrong
        if identity is not None and not _is_of(row, identity):
            return "its configuration is not that of its key"
        wrong = validity.wrong_epochs(row, epochs)
        if wrong is None and checksums.of_epochs(row["key"], epochs) != row["history"]:
            wrong = "the checksum of its epochs is another"
        return wrong

    def damaged_run(self, row: sqlite3.Row, wrong: str) -> DamagedError:
        """The error that says what is wrong with a run."""
        return DamagedError(
            f"The run {str(row['key'])[:12]} in {self.folder} is damaged: {wrong}. The "
            "command that asked for it trains it again."
        )

    def _run(self, row: sqlite3.Row) -> Run:
        """A run as a value.

        Raises:
            DamagedError: if it is not what was written.
        """
        epochs = self._epochs(row)
        if (wrong := self.wrong_run(row, epochs)) is not None:
            raise self.damaged_run(row, wrong)
        checkpoint = self.connection.execute(
            "SELECT * FROM checkpoints WHERE run = ? AND epochs = ?",
            (row["id"], row["epochs"]),
        ).fetchone()
        return Run(
            config=RunConfig.restored(json.loads(row["config"])),
            backend=row["backend"],
            fused=bool(row["fused"]),
            parameters=row["parameters"],
            history=tuple(map(_record, epochs)),
            checkpoint_bytes=None
            if checkpoint is None
            else self._reader(row["key"], checkpoint),
            failure=row["failure"],
            settings=json.loads(row["settings"]),
            key=row["key"],
            updated=row["updated"],
        )

    def _reader(self, key: str, checkpoint: sqlite3.Row) -> Callable[[], bytes]:
        def read() -> bytes:
            try:
                return self.read_model(key, checkpoint)
            except checkpoints.Damaged as error:
                raise DamagedError(
                    f"{error}. Train the run for more epochs, or anew, to have it again."
                ) from error

        return read

    def read_model(self, key: str, checkpoint: sqlite3.Row) -> bytes:
        """The model of a checkpoint, whose name is made again, not trusted.

        Raises:
            Damaged: if it is not what was written.
        """
        epochs, sha256 = checkpoint["epochs"], str(checkpoint["sha256"])
        name = checkpoints.file_name(key, epochs, sha256)
        if name != checkpoint["file"]:
            raise checkpoints.Damaged(
                f"A model of the run {key[:12]} in {self.folder} has a name that is not its"
            )
        return checkpoints.read(self.models / name, sha256)

    def _ensure(self, identity: RunIdentity, fresh: bool) -> int:
        """The row of a run, which is made where there is none."""
        row = self._row(identity.key, fresh=fresh)
        if row is not None:
            return int(row["id"])
        now = time.time()
        made = self.connection.execute(
            "INSERT INTO runs (key, fresh, config, backend, fused, settings, parameters, "
            "created, updated, environment, history) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                identity.key,
                fresh,
                json.dumps(identity.config.to_dict()),
                identity.backend,
                identity.fused,
                json.dumps(dict(identity.settings)),
                identity.parameters,
                now,
                now,
                self.environment(),
                identity.key,  # the checksum of no epoch
            ),
        ).lastrowid
        assert made is not None
        return made

    def _insert_epoch(self, run: int, record: EpochRecord, environment: int) -> None:
        figures = [_finite(getattr(record, name)) for name in FIGURES]
        self.connection.execute(
            f"INSERT INTO epochs (run, epoch, {', '.join(FIGURES)}, seconds, environment) "
            f"VALUES (?, ?, {'?, ' * len(FIGURES)}?, ?)",
            (run, record.epoch, *figures, record.seconds, environment),
        )
        self.connection.execute(
            "INSERT INTO step_losses (run, epoch, losses) VALUES (?, ?, ?)",
            (run, record.epoch, record.step_losses.astype("<f4").tobytes()),
        )

    def cut(self, run: int, epochs: int) -> None:
        """Takes the epochs after these off a run; within a transaction."""
        self.connection.execute(
            "DELETE FROM epochs WHERE run = ? AND epoch > ?", (run, epochs)
        )
        self.connection.execute(
            "DELETE FROM checkpoints WHERE run = ? AND epochs > ?", (run, epochs)
        )
        if epochs:
            [key] = self.connection.execute(
                "SELECT key FROM runs WHERE id = ?", (run,)
            ).fetchone()
            self._sum_up(run, key, 1)
        else:
            self.connection.execute("DELETE FROM runs WHERE id = ?", (run,))

    def _sum_up(self, run: int, history: str, first: int) -> None:
        """Writes into a run's row what its epochs come to.

        Args:
            run: Its `id`.
            history: The checksum of the epochs before the first.
            first: The first epoch that the checksum lacks.
        """
        new = validity.epochs_of(self.connection, run, first=first)
        self.connection.execute(
            "UPDATE runs SET history = ?, "
            "(epochs, val_accuracy, test_accuracy, status) = ("
            "SELECT epoch, val_accuracy, test_accuracy, "
            "iif(loss IS NULL, 'diverged', 'finished') "
            "FROM epochs WHERE run = runs.id ORDER BY epoch DESC LIMIT 1), "
            "seconds = (SELECT sum(seconds) FROM epochs WHERE run = runs.id), "
            "failure = NULL, updated = ? WHERE id = ?",
            (checksums.of_epochs(history, new), time.time(), run),
        )
        checksums.seal(self.connection, "runs", run)

    def _delete(self, key: str, *, fresh: bool) -> None:
        self.connection.execute(
            "DELETE FROM runs WHERE key = ? AND fresh = ?", (key, fresh)
        )


def removed(study: str) -> StoreLostError:
    """Says that a study was removed while its runs were trained."""
    return StoreLostError(
        f'The study "{study}" was removed while this command trained it, which ends here. '
        "The same command trains it anew."
    )


def _is_of(row: sqlite3.Row, identity: RunIdentity) -> bool:
    """Whether a run states what its key was made of."""
    return (
        RunConfig.restored(json.loads(row["config"])),
        row["backend"],
        bool(row["fused"]),
        json.loads(row["settings"]),
    ) == (identity.config, identity.backend, identity.fused, dict(identity.settings))


def _record(row: sqlite3.Row) -> EpochRecord:
    return EpochRecord(
        epoch=row["epoch"],
        seconds=row["seconds"],
        step_losses=np.frombuffer(row["losses"], "<f4"),
        **{name: math.nan if row[name] is None else row[name] for name in FIGURES},
    )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
