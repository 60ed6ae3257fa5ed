"""The store: the runs and studies of a folder, shared by several processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from kmlp.errors import StoreError, StoreLostError
from kmlp.store import _checkpoint_files
from kmlp.store._run_reader import history_of
from kmlp.store._run_writer import RunWriter
from kmlp.training.identity import RunIdentity
from kmlp.training.run import RunState


class Store(RunWriter):
    """The runs and studies of a folder: a SQLite database with checkpoint files beside it.

    - One process at a time writes a run: the one that has leased it. A lease ends with its
      process. Any process may read.
    - A call stores all that it is given, or nothing, even if the process or the machine
      stops. Checksums reveal damage when rows and files are read. Damaged content is left
      out and never shown.
    - A run that is trained anew is `fresh` until it replaces the stored run.
    - All calls are made in one thread.

    Takes the arguments of `OpenStore`.
    """

    def acquire(self, identity: RunIdentity) -> bool:
        """Lease a run to this process, which may write the run from then on.

        Returns:
            False if another process has leased the run and may be alive.

        Raises:
            StoreLostError: if the study that the run belongs to was removed.
        """
        with self.writing():
            self._check_study_exists(identity.key)
            return self.leases.take(identity.key)

    def holder(self, identity: RunIdentity) -> str:
        """Return a text that names the other process that has leased a run.

        The text says since when, and is empty if no other process has leased the run.
        """
        with self.reading():
            return str(self.leases.holder(identity.key) or "")

    def release(self, identity: RunIdentity) -> None:
        """Release the lease of a run. If that fails, the lease expires by itself."""
        with contextlib.suppress(StoreError), self.writing():
            self.leases.release(identity.key)

    def resume(self, identity: RunIdentity) -> RunState:
        """Return the state, with the checkpoint, from which a leased run is continued.

        Epochs after the last undamaged checkpoint are deleted.
        """
        with self.writing():
            row = self._row(identity.key, fresh=False)
            if row is None:
                return RunState()
            epochs = self._epochs(row)
            problem = self.run_problem(row, epochs, identity)
            if problem is not None:
                self.cut(row["id"], 0)
                return RunState(
                    damaged=(f"the run in {self.folder} is damaged: {problem}",)
                )
            if row["status"] == "diverged":
                return RunState(history_of(epochs), True)
            damaged: list[str] = []
            for checkpoint in self.connection.execute(
                "SELECT * FROM checkpoints WHERE run = ? ORDER BY epochs DESC", (row["id"],)
            ).fetchall():
                try:
                    checkpoint_bytes = self.read_model(identity.key, checkpoint)
                except _checkpoint_files.Damaged as error:
                    damaged.append(str(error))
                    continue
                if damaged:
                    self.cut(row["id"], checkpoint["epochs"])
                return RunState(
                    history_of(epochs[: checkpoint["epochs"]]),
                    False,
                    checkpoint_bytes,
                    tuple(damaged),
                )
            self.cut(row["id"], 0)
            return RunState(damaged=tuple(damaged))

    def train_for(self, study: str, keys: Iterable[str]) -> None:
        """Note that this process trains the runs with these keys for a study.

        From then on, `acquire` fails if the study was removed.
        """
        self._studies.add(study)
        self._study_by_key.update(dict.fromkeys(keys, study))

    def trains_for(self, study: str) -> bool:
        """True if this process trains runs for the study."""
        return study in self._studies

    def _check_study_exists(self, key: str) -> None:
        if key not in self._study_by_key:
            return
        rows = self.connection.execute(
            "SELECT name FROM studies JOIN study_runs ON study = id WHERE key = ?", (key,)
        )
        if self._studies.isdisjoint(row["name"] for row in rows):
            raise removed_error(self._study_by_key[key])


def removed_error(study: str) -> StoreLostError:
    """Return the error of a study that was removed while its runs were trained."""
    return StoreLostError(
        f'The study "{study}" was removed while this command trained it. The command ends '
        "here. Run the same command again to train the study anew."
    )
