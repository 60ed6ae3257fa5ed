"""The store: runs, epochs, checkpoints and claims in a SQLite database."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kmlp.closing import Closing
from kmlp.config import RunConfig
from kmlp.engine import SliceResult, Standing
from kmlp.errors import StoreError
from kmlp.run import FIGURES, EpochRecord, Run, RunIdentity
from kmlp.store import checkpoints
from kmlp.store.claims import Claims
from kmlp.store.database import FILE, explained, open_database, transaction

CHECKPOINTS_KEPT = 2
"""Of each run, the last ones: the one before serves where the last one is damaged."""


class Store(Closing):
    """Remembers runs; what it is for is said in `kmlp.engine.Store`.

    Args:
        folder: The runs folder, which is made where there is none. None: in
            memory, until it is closed.
        facts: The environment that is noted with what is written. Defaults to
            None: nothing.
        writable: Whether it is to be written to. Defaults to True.

    Raises:
        StoreError: if the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        facts: dict[str, Any] | None = None,
        writable: bool = True,
    ) -> None:
        self.connection = open_database(folder, writable=writable)
        self.temporary = folder is None
        """Whether what it has is gone when it is closed."""
        self._temporary = (
            tempfile.TemporaryDirectory(prefix="kmlp-") if folder is None else None
        )
        if self._temporary is not None:
            folder = Path(self._temporary.name)
        assert folder is not None
        self.folder = folder
        self._files = self.folder / checkpoints.FOLDER
        self.claims = Claims(
            self.connection, None if self.temporary else partial(open_database, folder)
        )
        self._facts = facts or {}
        self._environments: dict[str, int] = {}

    def close(self) -> None:
        """Closes the database; what was in memory is gone."""
        self.claims.close()
        self.connection.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def run(self, identity: RunIdentity, *, fresh: bool = False) -> Run | None:
        """See `kmlp.engine.Store`."""
        return self.run_of_key(identity.key, fresh=fresh)

    def run_of_key(self, key: str, *, fresh: bool = False) -> Run | None:
        """The run of a key, None if there is none."""
        with self.reading():
            row = self._row(key, fresh=fresh)
            return self._run(row) if row is not None else None

    def standing(self, identity: RunIdentity) -> Standing:
        """See `kmlp.engine.Store`."""
        with self.reading():
            row = self._row(identity.key, fresh=False)
        if row is None:
            return Standing()
        return Standing(row["epochs"], row["status"] == "diverged")

    def claim(self, identity: RunIdentity) -> bool:
        """See `kmlp.engine.Store`."""
        with self.writing():
            return self.claims.take(identity.key)

    def release(self, identity: RunIdentity) -> None:
        """See `kmlp.engine.Store`."""
        with contextlib.suppress(StoreError), self.writing():  # it goes stale anyway
            self.claims.release(identity.key)

    def resume(self, identity: RunIdentity) -> Standing:
        """See `kmlp.engine.Store`."""
        with self.reading():
            row = self._row(identity.key, fresh=False)
            if row is None:
                return Standing()
            if row["status"] == "diverged":
                return Standing(row["epochs"], True)
            damaged: list[str] = []
            for checkpoint in self.connection.execute(
                "SELECT * FROM checkpoints WHERE run = ? ORDER BY epochs DESC", (row["id"],)
            ).fetchall():
                try:
                    archive = checkpoints.read(
                        self._files / checkpoint["file"], checkpoint["sha256"]
                    )
                except checkpoints.Damaged as error:
                    damaged.append(str(error))
                    continue
                if damaged:
                    self._cut(row["id"], checkpoint["epochs"])
                return Standing(checkpoint["epochs"], False, archive, tuple(damaged))
            self._cut(row["id"], 0)
            return Standing(damaged=tuple(damaged))

    def begin_anew(self, identity: RunIdentity) -> None:
        """See `kmlp.engine.Store`."""
        with self.writing():
            if not self.claims.holds(identity.key):
                return
            self._delete(identity.key, fresh=True)
        self.remove_files(identity.key)

    def append(self, identity: RunIdentity, result: SliceResult, *, fresh: bool) -> bool:
        """See `kmlp.engine.Store`."""
        name = sha256 = ""
        with self.reading():
            if not self.claims.holds(identity.key):
                return False
            epochs = result.records[-1].epoch
            if result.archive is not None:
                sha256 = hashlib.sha256(result.archive).hexdigest()
                name = f"{_prefix(identity.key)}-{epochs}-{sha256[:8]}.keras"
                checkpoints.write(self._files, name, result.archive)
        with self.writing():
            if not self.claims.holds(identity.key):
                return False
            run = self._ensure(identity, fresh)
            environment = self.environment(result.facts)
            for record in result.records:
                self._insert_epoch(run, record, environment)
            if name:
                self.connection.execute(
                    "INSERT INTO checkpoints VALUES (?, ?, ?, ?)",
                    (run, epochs, name, sha256),
                )
            self.connection.execute(
                "DELETE FROM checkpoints WHERE run = ? AND epochs <= ("
                "SELECT epochs FROM checkpoints WHERE run = ? "
                "ORDER BY epochs DESC LIMIT 1 OFFSET ?)",
                (run, run, CHECKPOINTS_KEPT),
            )
            self._sum_up(run)
        self.remove_files(identity.key)
        return True

    def replace(self, identity: RunIdentity) -> bool:
        """See `kmlp.engine.Store`."""
        with self.writing():
            if not self.claims.holds(identity.key):
                return False
            self._delete(identity.key, fresh=False)
            self.connection.execute(
                "UPDATE runs SET fresh = 0 WHERE key = ? AND fresh = 1", (identity.key,)
            )
        self.remove_files(identity.key)
        return True

    def fail(self, identity: RunIdentity, reason: str, *, fresh: bool) -> bool:
        """See `kmlp.engine.Store`."""
        with self.writing():
            if not self.claims.holds(identity.key):
                return False
            run = self._ensure(identity, fresh)
            self.connection.execute(
                "UPDATE runs SET failure = ?, status = 'failed', updated = ? WHERE id = ?",
                (reason, time.time(), run),
            )
        return True

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction, its errors explained."""
        with self.reading(), transaction(self.connection):
            yield

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
            self._environments[text] = row
        return self._environments[text]

    def delete(self, key: str) -> None:
        """Deletes a run; within a transaction. Its files are left to `remove_files`."""
        self._delete(key, fresh=False)
        self._delete(key, fresh=True)

    def remove_files(self, key: str) -> None:
        """Removes the files of a run that no row names; whoever calls has claimed it."""
        used = self.connection.execute(
            "SELECT file FROM checkpoints JOIN runs ON runs.id = run WHERE key = ?", (key,)
        )
        checkpoints.remove_others(self._files, _prefix(key), {row["file"] for row in used})

    def reading(self) -> contextlib.AbstractContextManager[None]:
        """Explains the errors of what is done within."""
        return explained(self.folder / FILE)

    def _row(self, key: str, *, fresh: bool) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(
            "SELECT * FROM runs WHERE key = ? AND fresh = ?", (key, fresh)
        ).fetchone()
        return row

    def _run(self, row: sqlite3.Row) -> Run:
        records = self.connection.execute(
            "SELECT * FROM epochs JOIN step_losses USING (run, epoch) WHERE run = ? "
            "ORDER BY epoch",
            (row["id"],),
        )
        checkpoint = self.connection.execute(
            "SELECT * FROM checkpoints WHERE run = ? AND epochs = ?",
            (row["id"], row["epochs"]),
        ).fetchone()
        return Run(
            config=RunConfig.restored(json.loads(row["config"])),
            backend=row["backend"],
            fused=bool(row["fused"]),
            parameters=row["parameters"],
            history=tuple(map(_record, records)),
            archive=None if checkpoint is None else self._reader(checkpoint),
            failure=row["failure"],
            settings=self._settings(row["environment"]),
            key=row["key"],
            updated=row["updated"],
        )

    def _settings(self, environment: int) -> dict[str, str]:
        """The settings under which a run was begun; its key has them, too."""
        [facts] = self.connection.execute(
            "SELECT facts FROM environments WHERE id = ?", (environment,)
        ).fetchone()
        settings: dict[str, str] = json.loads(facts).get("settings", {})
        return settings

    def _reader(self, checkpoint: sqlite3.Row) -> Callable[[], bytes]:
        path, sha256 = self._files / checkpoint["file"], checkpoint["sha256"]

        def read() -> bytes:
            try:
                return checkpoints.read(path, sha256)
            except checkpoints.Damaged as error:
                raise StoreError(
                    f"{error}. Train the run for more epochs, or anew, to have it again."
                ) from error

        return read

    def _ensure(self, identity: RunIdentity, fresh: bool) -> int:
        """The row of a run, which is made where there is none."""
        row = self._row(identity.key, fresh=fresh)
        if row is not None:
            return int(row["id"])
        now = time.time()
        stated = {"settings": dict(identity.settings)} if identity.settings else None
        made = self.connection.execute(
            "INSERT INTO runs (key, fresh, config, backend, fused, parameters, created, "
            "updated, environment) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                identity.key,
                fresh,
                json.dumps(identity.config.to_dict()),
                identity.backend,
                identity.fused,
                identity.parameters,
                now,
                now,
                self.environment(stated),
            ),
        ).lastrowid
        assert made is not None
        return made

    def _insert_epoch(self, run: int, record: EpochRecord, environment: int) -> None:
        figures = [_finite(getattr(record, name)) for name in FIGURES]
        self.connection.execute(
            f"INSERT INTO epochs VALUES (?, ?, {'?, ' * len(FIGURES)}?, ?)",
            (run, record.epoch, *figures, record.seconds, environment),
        )
        self.connection.execute(
            "INSERT INTO step_losses VALUES (?, ?, ?)",
            (run, record.epoch, record.step_losses.astype("<f4").tobytes()),
        )

    def _cut(self, run: int, epochs: int) -> None:
        """Takes the epochs after these off a run."""
        with transaction(self.connection):
            self.connection.execute(
                "DELETE FROM epochs WHERE run = ? AND epoch > ?", (run, epochs)
            )
            self.connection.execute(
                "DELETE FROM checkpoints WHERE run = ? AND epochs > ?", (run, epochs)
            )
            if epochs:
                self._sum_up(run)
            else:
                self.connection.execute("DELETE FROM runs WHERE id = ?", (run,))

    def _sum_up(self, run: int) -> None:
        """Writes into a run's row what its epochs come to."""
        self.connection.execute(
            "UPDATE runs SET (epochs, val_accuracy, test_accuracy, status) = (SELECT "
            "epoch, val_accuracy, test_accuracy, iif(loss IS NULL, 'diverged', 'finished') "
            "FROM epochs WHERE run = runs.id ORDER BY epoch DESC LIMIT 1), "
            "seconds = (SELECT sum(seconds) FROM epochs WHERE run = runs.id), "
            "failure = NULL, updated = ? WHERE id = ?",
            (time.time(), run),
        )

    def _delete(self, key: str, *, fresh: bool) -> None:
        self.connection.execute(
            "DELETE FROM runs WHERE key = ? AND fresh = ?", (key, fresh)
        )


def _prefix(key: str) -> str:
    return key[:24]


def _record(row: sqlite3.Row) -> EpochRecord:
    return EpochRecord(
        epoch=row["epoch"],
        seconds=row["seconds"],
        step_losses=np.frombuffer(row["losses"], "<f4"),
        **{name: math.nan if row[name] is None else row[name] for name in FIGURES},
    )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
