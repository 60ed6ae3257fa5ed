"""Reading runs from a store. Damaged runs are recognized here and never returned."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable

import numpy as np

from kmlp.errors import DamagedError
from kmlp.model.config import RunConfig
from kmlp.store import _checkpoint_files, _checksums, validity
from kmlp.store._open_store import OpenStore
from kmlp.training.identity import RunIdentity
from kmlp.training.run import FIGURES, EpochRecord, Run, RunState


class RunReader(OpenStore):
    """An open runs folder whose runs can be read."""

    def run(self, identity: RunIdentity, *, fresh: bool = False) -> Run | None:
        """Return the run with all its epochs; None if the store does not have the run.

        Args:
            identity: The run.
            fresh: True for the run that is trained anew beside the stored one. Defaults
                to False.

        Raises:
            DamagedError: if the run is damaged.
        """
        with self.reading():
            row = self._row(identity.key, fresh=fresh)
            return self._run(row) if row is not None else None

    def run_of_key(self, key: str) -> Run | None:
        """Return the run with this key; None if it is missing, or damaged.

        The error of a damaged run is added to `damaged`.
        """
        with self.reading():
            row = self._row(key, fresh=False)
            try:
                return self._run(row) if row is not None else None
            except DamagedError as error:
                self.damaged[key] = error
                return None

    def state(self, identity: RunIdentity) -> RunState:
        """Return the state of the run's training, without its checkpoint.

        A run that is missing or damaged has no epoch.
        """
        with self.reading():
            row = self._row(identity.key, fresh=False)
            epochs = [] if row is None else self._epochs(row)
            if row is None or self.run_problem(row, epochs, identity) is not None:
                return RunState()
            return RunState(history_of(epochs), row["status"] == "diverged")

    def rows(self) -> list[sqlite3.Row]:
        """Return the rows of all runs that are not damaged, without their epochs.

        The errors of damaged runs are added to `damaged`.
        """
        rows = []
        epochs = {
            row["run"]: (row["first"], row["last"], row["number"])
            for row in self.connection.execute(
                "SELECT run, min(epoch) AS first, max(epoch) AS last, count(*) AS number "
                "FROM epochs GROUP BY run"
            )
        }
        for row in self.connection.execute("SELECT * FROM runs").fetchall():
            problem = self.row_problem(row)
            number = row["epochs"]
            if problem is None and number and epochs.get(row["id"]) != (1, number, number):
                problem = "some of its epochs are missing"
            if problem is None:
                rows.append(row)
            else:
                self.damaged[str(row["key"])] = self.damaged_run(row, problem)
        return rows

    def note_damaged_orphans(self) -> None:
        """Add to `damaged` the damaged runs that belong to no study.

        The key of such a run may itself be damaged, so that no study can refer to the run.
        """
        with self.reading():
            for row in self.connection.execute(
                "SELECT * FROM runs WHERE fresh = 0 "
                "AND key NOT IN (SELECT key FROM study_runs)"
            ).fetchall():
                if (problem := self.row_problem(row)) is not None:
                    self.damaged[str(row["key"])] = self.damaged_run(row, problem)

    def row_problem(self, row: sqlite3.Row) -> str | None:
        """Return the damage of the row of a run; None if the row is intact.

        The run's epochs are not read.
        """
        problem = validity.run_problem(row)
        if problem is None and not _checksums.is_intact(self.connection, "runs", row):
            problem = "its checksum does not match"
        return problem

    def run_problem(
        self,
        row: sqlite3.Row,
        epochs: list[sqlite3.Row],
        identity: RunIdentity | None = None,
    ) -> str | None:
        """Return the damage of a run; None if the run is intact.

        Args:
            row: The row of the run.
            epochs: The rows of its epochs, as `validity.epochs_of` returns them.
            identity: The identity that the run must have. Defaults to None: any.
        """
        problem = self.row_problem(row)
        if problem is not None:
            return problem
        if identity is not None and not _has_identity(row, identity):
            return "its configuration is not that of its key"
        problem = validity.epochs_problem(row, epochs)
        if problem is None and _checksums.of_epochs(row["key"], epochs) != row["history"]:
            problem = "the checksum of its epochs does not match"
        return problem

    def damaged_run(self, row: sqlite3.Row, problem: str) -> DamagedError:
        """Return the error of a damaged run, for the caller to raise or to keep."""
        return DamagedError(
            f"The run {str(row['key'])[:12]} in {self.folder} is damaged: {problem}. The "
            "command that asked for it trains it again."
        )

    def read_model(self, key: str, checkpoint: sqlite3.Row) -> bytes:
        """Return the content of a checkpoint file.

        The file's name is derived from the key, because a stored name could lead anywhere.

        Raises:
            Damaged: if the file is missing or its content was changed.
        """
        epochs, sha256 = checkpoint["epochs"], str(checkpoint["sha256"])
        name = _checkpoint_files.file_name(key, epochs, sha256)
        if name != checkpoint["file"]:
            raise _checkpoint_files.Damaged(
                f"A model of the run {key[:12]} in {self.folder} has the name of another "
                "file"
            )
        return _checkpoint_files.read(self.checkpoint_folder / name, sha256)

    def _row(self, key: str, *, fresh: bool) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(
            "SELECT * FROM runs WHERE key = ? AND fresh = ?", (key, fresh)
        ).fetchone()
        return row

    def _epochs(self, row: sqlite3.Row) -> list[sqlite3.Row]:
        return validity.epochs_of(self.connection, row["id"])

    def _run(self, row: sqlite3.Row) -> Run:
        """Return the run of a row.

        Raises:
            DamagedError: if the run is damaged.
        """
        epochs = self._epochs(row)
        if (problem := self.run_problem(row, epochs)) is not None:
            raise self.damaged_run(row, problem)
        checkpoints = self.connection.execute(
            "SELECT * FROM checkpoints WHERE run = ? AND typeof(epochs) = 'integer' "
            "ORDER BY epochs",
            (row["id"],),
        ).fetchall()
        return Run(
            config=RunConfig.restored(json.loads(row["config"])),
            backend=row["backend"],
            fused=bool(row["fused"]),
            parameters=row["parameters"],
            history=tuple(map(_record, epochs)),
            checkpoints={
                checkpoint["epochs"]: self._reader(row["key"], checkpoint)
                for checkpoint in checkpoints
            },
            failure=row["failure"],
            settings=json.loads(row["settings"]),
            key=row["key"],
            updated=row["updated"],
        )

    def _reader(self, key: str, checkpoint: sqlite3.Row) -> Callable[[], bytes]:
        def read() -> bytes:
            try:
                return self.read_model(key, checkpoint)
            except _checkpoint_files.Damaged as error:
                raise DamagedError(
                    f"{error}. Train the run again from its first epoch to get the model."
                ) from error

        return read


def _has_identity(row: sqlite3.Row, identity: RunIdentity) -> bool:
    """True if the row states the values from which the run's key was derived."""
    return (
        RunConfig.restored(json.loads(row["config"])),
        row["backend"],
        bool(row["fused"]),
        json.loads(row["settings"]),
    ) == (identity.config, identity.backend, identity.fused, dict(identity.settings))


def history_of(epochs: list[sqlite3.Row]) -> tuple[dict[str, float], ...]:
    """Return the validation figures of each epoch by name; nan for a divergence."""
    return tuple(
        {
            name: _finite_or_nan(value)
            for name, value in [
                *((name, row[name]) for name in FIGURES),
                *json.loads(row["metrics"]).items(),
            ]
            if name.startswith("val_")
        }
        for row in epochs
    )


def _finite_or_nan(figure: float | None) -> float:
    return math.nan if figure is None else figure


def _record(row: sqlite3.Row) -> EpochRecord:
    return EpochRecord(
        epoch=row["epoch"],
        seconds=row["seconds"],
        step_losses=np.frombuffer(row["losses"], "<f4"),
        metrics={
            name: _finite_or_nan(value)
            for name, value in json.loads(row["metrics"]).items()
        },
        **{name: _finite_or_nan(row[name]) for name in FIGURES},
    )
