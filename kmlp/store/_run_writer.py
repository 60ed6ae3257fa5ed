"""Writing runs to a store: a call stores all that it is given, or nothing."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kmlp.errors import StoreLostError
from kmlp.model.metrics import ACCURACY, Metric
from kmlp.store import _checkpoint_files, _checksums, validity
from kmlp.store._best_epoch import delete_other_checkpoints, update_best
from kmlp.store._run_reader import RunReader
from kmlp.training.identity import RunIdentity
from kmlp.training.run import FIGURES, EpochRecord

CHECKPOINTS_KEPT = 2
"""The number of checkpoints kept for each run, besides that of its best epoch: the last
one, and one in reserve in case the last one is damaged."""


class RunWriter(RunReader):
    """An open runs folder whose runs can be read and written.

    A run is written only while this process has leased it.
    """

    def append(
        self,
        identity: RunIdentity,
        records: Sequence[EpochRecord],
        checkpoints: Mapping[int, bytes],
        *,
        metric: Metric = ACCURACY,
        environment: Mapping[str, Any] | None = None,
        fresh: bool,
    ) -> bool:
        """Add epochs to a run.

        Args:
            identity: The run, which this process has leased.
            records: The epochs, at least one. The first one follows those in the store.
            checkpoints: The checkpoints by epoch: that of the last epoch, and that of the
                best epoch of the run if it is one of `records`. Empty if the run diverged.
            metric: The metric of the best epoch. Defaults to accuracy.
            environment: The entries in which the environment of the training differs from
                that of the store. Defaults to None: no entry differs.
            fresh: True if the epochs belong to the run that is trained anew.

        Returns:
            False if this process has lost the lease. Nothing is stored then.

        Raises:
            StoreLostError: if the epochs do not follow those in the store any more.
        """
        files: dict[int, tuple[str, str]] = {}
        with self.reading():
            self.check_presence()
            if not self.leases.holds(identity.key):
                return False
            for epoch, checkpoint_bytes in checkpoints.items():
                sha256 = hashlib.sha256(checkpoint_bytes).hexdigest()
                name = _checkpoint_files.file_name(identity.key, epoch, sha256)
                _checkpoint_files.write(self.checkpoint_folder, name, checkpoint_bytes)
                files[epoch] = name, sha256
        with self.writing():
            if not self.leases.holds(identity.key):
                if self.leases.is_free(identity.key):  # nobody else would remove the file
                    self.remove_files(identity.key)
                return False
            run = self._ensure_row(identity, fresh)
            row = self._row(identity.key, fresh=fresh)
            assert row is not None
            if row["epochs"] + 1 != records[0].epoch or (
                row["epochs"] and self.row_problem(row) is not None
            ):
                raise StoreLostError(
                    f"A run in {self.folder} was changed while it was trained: epoch "
                    f"{records[0].epoch} does not follow the stored epochs. Run the same "
                    "command again."
                )
            environment_id = self.environment_id(environment)
            for record in records:
                self._insert_epoch(run, record, environment_id)
            self.connection.executemany(
                "INSERT INTO checkpoints (run, epochs, file, sha256) VALUES (?, ?, ?, ?)",
                [(run, epoch, *file) for epoch, file in files.items()],
            )
            delete_other_checkpoints(self.connection, run, metric, CHECKPOINTS_KEPT)
            self._update_totals(run, row["history"], records[0].epoch)
        self.remove_files(identity.key)
        return True

    def replace(self, identity: RunIdentity) -> bool:
        """Replace the stored run by the one that was trained anew.

        Returns:
            False if this process has lost the lease. The stored run remains then.

        Raises:
            DamagedError: if the run that was trained anew is damaged.
        """
        with self.writing():
            if not self.leases.holds(identity.key):
                return False
            self._delete(identity.key, fresh=False)
            row = self._row(identity.key, fresh=True)
            assert row is not None
            problem = self.run_problem(row, self._epochs(row), identity)
            if problem is not None:
                raise self.damaged_run(row, problem)
            self.connection.execute("UPDATE runs SET fresh = 0 WHERE id = ?", (row["id"],))
            _checksums.seal(self.connection, "runs", row["id"])
        self.remove_files(identity.key)
        return True

    def fail(self, identity: RunIdentity, reason: str, *, fresh: bool) -> bool:
        """Store the reason why a run failed, until the run gets another epoch.

        Returns:
            False if this process has lost the lease. Nothing is stored then.
        """
        with self.writing():
            if not self.leases.holds(identity.key):
                return False
            run = self._ensure_row(identity, fresh)
            self.connection.execute(
                "UPDATE runs SET failure = ?, status = 'failed', updated = ? WHERE id = ?",
                (reason, time.time(), run),
            )
            _checksums.seal(self.connection, "runs", run)
        return True

    def begin_anew(self, identity: RunIdentity) -> None:
        """Delete the epochs of an earlier attempt to train a run anew."""
        with self.writing():
            if not self.leases.holds(identity.key):
                return
            self._delete(identity.key, fresh=True)
        self.remove_files(identity.key)

    def cut(self, run: int, epochs: int) -> None:
        """Delete the last epochs of a run. The caller has begun a transaction.

        Args:
            run: The `id` of the run's row.
            epochs: The number of epochs that remain. 0 deletes the run.
        """
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
            self._update_totals(run, key, 1)
        else:
            self.connection.execute("DELETE FROM runs WHERE id = ?", (run,))

    def delete(self, key: str) -> None:
        """Delete the rows of a run. The caller has begun a transaction.

        `remove_files` removes the run's files.
        """
        self._delete(key, fresh=False)
        self._delete(key, fresh=True)

    def remove_files(self, key: str) -> None:
        """Remove the files of a run that no row names. The caller has leased the run."""
        used = self.connection.execute(
            "SELECT file FROM checkpoints JOIN runs ON runs.id = run WHERE key = ?", (key,)
        )
        _checkpoint_files.remove_others(
            self.checkpoint_folder, key, {row["file"] for row in used}
        )

    def files_of(self, keys: Iterable[str]) -> list[str]:
        """Return the names of the checkpoint files of the runs with these keys."""
        prefixes = {key[:24] for key in keys}
        return [
            name
            for name in _checkpoint_files.names(self.checkpoint_folder)
            if name.lstrip(".").partition("-")[0] in prefixes
        ]

    def _ensure_row(self, identity: RunIdentity, fresh: bool) -> int:
        """Return the `id` of a run's row, which is inserted if it is missing."""
        row = self._row(identity.key, fresh=fresh)
        if row is not None:
            return int(row["id"])
        now = time.time()
        number = self.connection.execute(
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
                self.environment_id(),
                identity.key,  # the checksum of zero epochs
            ),
        ).lastrowid
        assert number is not None
        return number

    def _insert_epoch(self, run: int, record: EpochRecord, environment: int) -> None:
        figures = [_finite(getattr(record, name)) for name in FIGURES]
        metrics = json.dumps({name: _finite(it) for name, it in record.metrics.items()})
        self.connection.execute(
            f"INSERT INTO epochs (run, epoch, {', '.join(FIGURES)}, metrics, seconds, "
            f"environment) VALUES (?, ?, {'?, ' * len(FIGURES)}?, ?, ?)",
            (run, record.epoch, *figures, metrics, record.seconds, environment),
        )
        self.connection.execute(
            "INSERT INTO step_losses (run, epoch, losses) VALUES (?, ?, ?)",
            (run, record.epoch, record.step_losses.astype("<f4").tobytes()),
        )

    def _update_totals(self, run: int, history: str, first: int) -> None:
        """Update the columns of a run's row that are derived from its epochs.

        Args:
            run: The `id` of the row.
            history: The checksum of the epochs before `first`.
            first: The first epoch that the checksum does not cover.
        """
        new = validity.epochs_of(self.connection, run, first=first)
        self.connection.execute(
            "UPDATE runs SET history = ?, "
            "(epochs, status) = ("
            "SELECT epoch, iif(loss IS NULL, 'diverged', 'finished') "
            "FROM epochs WHERE run = runs.id ORDER BY epoch DESC LIMIT 1), "
            "seconds = (SELECT sum(seconds) FROM epochs WHERE run = runs.id), "
            "failure = NULL, updated = ? WHERE id = ?",
            (_checksums.of_epochs(history, new), time.time(), run),
        )
        update_best(self.connection, run)
        _checksums.seal(self.connection, "runs", run)

    def _delete(self, key: str, *, fresh: bool) -> None:
        self.connection.execute(
            "DELETE FROM runs WHERE key = ? AND fresh = ?", (key, fresh)
        )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
