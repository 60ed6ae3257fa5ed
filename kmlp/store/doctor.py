"""Examine a whole store, and remove damaged parts that training can produce again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmlp._util.text import count_of
from kmlp.errors import DamagedError
from kmlp.model.config import RunConfig
from kmlp.store import _checkpoint_files, _checksums, _removal, validity
from kmlp.store._best_epoch import best_epoch
from kmlp.store._rebuild import rebuild
from kmlp.store._store import Store
from kmlp.store.environments import is_intact
from kmlp.store.studies import record_of
from kmlp.training.target import Target

_ORPHANS = {
    "epochs": "run NOT IN (SELECT id FROM runs)",
    "step_losses": "run NOT IN (SELECT id FROM runs)",
    "checkpoints": "run NOT IN (SELECT id FROM runs)",
    "study_runs": "study NOT IN (SELECT id FROM studies)",
}
"""For each table, the condition of the rows whose run or study is missing."""


@dataclass(frozen=True, slots=True)
class LostRun:
    """A run that was damaged and can be trained again."""

    key: str
    config: RunConfig
    fused: bool
    backend: str
    target: Target
    """The epochs to train."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """The result of examining a whole store."""

    studies: int = 0
    """The number of intact studies. The next three numbers count intact items, too."""
    runs: int = 0
    epochs: int = 0
    models: int = 0
    damaged: tuple[str, ...] = ()
    """A sentence for each damaged item."""
    leftovers: tuple[str, ...] = ()
    """The files and rows that belong to no run or study, in words."""

    @property
    def whole(self) -> bool:
        """True if nothing is damaged or left over."""
        return not (self.damaged or self.leftovers)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, and `whole`, as values that JSON can hold."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "whole": self.whole
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """The result of a repair."""

    lost: list[LostRun]
    """The runs to train again."""
    damaged_database: Path | None = None
    """The file of the damaged database; None if it was not replaced by a new one."""


StoreOpener = Callable[[], AbstractContextManager[Store]]


def examine_folder(open_store: StoreOpener) -> Health:
    """Examine a runs folder, even if its database cannot be read at all.

    Args:
        open_store: Opens the store for reading.

    Raises:
        StoreError: if the folder does not have a store.
    """
    try:
        with open_store() as store:
            return examine(store)
    except DamagedError as error:  # the whole database cannot be read
        return Health(damaged=(str(error),))


def repair_folder(folder: Path | None, open_store: StoreOpener) -> Repair:
    """Repair a runs folder. A database that cannot be read is replaced by a new one.

    Args:
        folder: The runs folder; None for a store in memory, which cannot be damaged.
        open_store: Opens the store for writing.

    Raises:
        StoreError: if the database cannot be written to.
    """
    try:
        with open_store() as store:
            return Repair(lost=repair(store))
    except DamagedError:
        if folder is None:
            raise
        damaged_database = rebuild(folder)
    with open_store() as store:
        return Repair(lost=repair(store), damaged_database=damaged_database)


def examine(store: Store) -> Health:
    """Read every row and every checkpoint of a store, and return the damage.

    Raises:
        StoreError: if the database cannot be read.
    """
    damaged: list[str] = []
    studies = runs = epochs = models = 0
    with store.reading():
        for row in _all(store, "environments"):
            if not is_intact(store, row):
                damaged.append(
                    f"The environment of some runs in {store.folder} is damaged."
                )
        damaged += [
            f"The environment of some runs in {store.folder} is missing."
            for _ in _lost_environments(store)
        ]
        for row in _all(store, "studies"):
            try:
                record_of(store, row)
                studies += 1
            except DamagedError as error:
                damaged.append(str(error))
        for row in _all(store, "runs"):
            epoch_rows = validity.epochs_of(store.connection, row["id"])
            problem = store.run_problem(row, epoch_rows)
            if problem is not None:
                damaged.append(str(store.damaged_run(row, problem)))
                continue
            runs += 1
            epochs += len(epoch_rows)
            intact, _, problems = _examine_models(store, row)
            models += len(intact)
            damaged += problems
        leftovers = [
            f"{count_of(number, 'row')} of `{table}`"
            for table, condition in _ORPHANS.items()
            for [number] in store.connection.execute(
                f"SELECT count(*) FROM {table} WHERE {condition}"
            )
            if number
        ]
        orphans = _orphan_runs(store)
        if orphans:
            leftovers.append(f"{count_of(len(orphans), 'run')} of no study")
        files = _orphan_files(store)
        if files:
            leftovers.append(f"{count_of(len(files), 'file')} in {store.checkpoint_folder}")
        aside = store.checkpoint_folder / _removal.ASIDE
        if names := _checkpoint_files.names(aside):  # of a removal that was killed
            leftovers.append(f"{count_of(len(names), 'file')} in {aside}")
    return Health(
        studies=studies,
        runs=runs,
        epochs=epochs,
        models=models,
        damaged=tuple(dict.fromkeys(damaged)),
        leftovers=tuple(leftovers),
    )


def repair(store: Store) -> list[LostRun]:
    """Remove everything that is damaged or left over from a store.

    A run whose last or best checkpoint is damaged is cut back to an intact one before it.
    Damaged studies
    remain, because the command that asked for them repairs them. Runs that another process
    trains are not touched.

    Returns:
        The runs to train again.

    Raises:
        StoreError: if the database cannot be written to.
    """
    lost: list[LostRun] = []
    with store.writing():
        targets = _targets(store)
        _repair_environments(store)
        for row in _all(store, "runs"):
            problem = store.run_problem(
                row, validity.epochs_of(store.connection, row["id"])
            )
            intact, lost_models, problems = (
                _examine_models(store, row) if problem is None else ([], [], [])
            )
            if problem is None and not problems:
                continue
            if validity.is_key(row["key"]) and not store.leases.take(row["key"]):
                continue
            if problem is None:
                _delete_other_checkpoints(store, row["id"], intact)
                target = targets.get(row["key"], Target(row["epochs"]))
                best = best_epoch(store.connection, row["id"], target.metric)
                needed = {row["epochs"], best}
                gone = needed.intersection(lost_models)
                if row["status"] != "finished" or not gone:
                    continue  # the run does not need the damaged checkpoint
                before = [epochs for epochs in range(1, min(gone)) if epochs in intact]
                store.cut(row["id"], max(before, default=0))
            else:
                store.connection.execute("DELETE FROM runs WHERE id = ?", (row["id"],))
            if (run := _lost(row, targets)) is not None:
                lost.append(run)
        for table, condition in _ORPHANS.items():
            store.connection.execute(f"DELETE FROM {table} WHERE {condition}")
        for key in _orphan_runs(store):
            if store.leases.take(key):
                store.delete(key)
    with store.reading():
        for name in _orphan_files(store):
            (store.checkpoint_folder / name).unlink(missing_ok=True)
    with store.writing():
        store.leases.release_all()
    return lost


def _repair_environments(store: Store) -> None:
    """Insert rows for missing environments, and empty the damaged ones."""
    for number in _lost_environments(store):
        store.connection.execute(
            "INSERT INTO environments (id, created, description) VALUES (?, 0, '')",
            (number,),
        )
    for row in _all(store, "environments"):
        if not is_intact(store, row):
            store.connection.execute(
                "UPDATE environments SET created = 0, description = '{}' WHERE id = ?",
                (row["id"],),
            )
            _checksums.seal(store.connection, "environments", row["id"])


def _delete_other_checkpoints(store: Store, run: int, keep: list[int]) -> None:
    """Delete the rows of a run's checkpoints except those after the epochs to keep."""
    for [epochs] in store.connection.execute(
        "SELECT epochs FROM checkpoints WHERE run = ?", (run,)
    ).fetchall():
        if epochs not in keep:
            store.connection.execute(
                "DELETE FROM checkpoints WHERE run = ? AND epochs IS ?", (run, epochs)
            )


def _all(store: Store, table: str) -> list[sqlite3.Row]:
    return store.connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def _lost_environments(store: Store) -> list[int]:
    """Return the `id`s of environments that other rows name, but whose row is missing."""
    named = " UNION ".join(
        f"SELECT environment FROM {table}" for table in ("epochs", "runs", "studies")
    )
    rows = store.connection.execute(
        f"SELECT environment FROM ({named}) WHERE typeof(environment) = 'integer' "
        "AND environment NOT IN (SELECT id FROM environments)"
    )
    return [number for (number,) in rows]


def _examine_models(
    store: Store, run: sqlite3.Row
) -> tuple[list[int], list[int], list[str]]:
    """Read the checkpoint files of a run whose rows are intact.

    Returns:
        The numbers of epochs of the intact checkpoints, those of the lost checkpoints, and
        a sentence for each problem.
    """
    intact, lost, problems = [], [], []
    for row in store.connection.execute(
        "SELECT * FROM checkpoints WHERE run = ?", (run["id"],)
    ).fetchall():
        try:
            store.read_model(run["key"], row)
            intact.append(row["epochs"])
        except _checkpoint_files.Damaged as error:
            lost.append(row["epochs"])
            problems.append(f"{error}.")
    if run["status"] == "finished" and run["epochs"] not in intact:
        lost.append(run["epochs"])
        if not problems:
            problems.append(f"The run {run['key'][:12]} in {store.folder} has no model.")
    return intact, lost, problems


def _targets(store: Store) -> dict[str, Target]:
    """Return the target of each run, by key, with all epochs that any study asks for."""
    targets: dict[str, Target] = {}
    for row in _all(store, "studies"):
        with suppress(DamagedError):
            for key, target in record_of(store, row).targets().items():
                targets[key] = target.joined(targets.get(key))
    return targets


def _lost(row: sqlite3.Row, targets: dict[str, Target]) -> LostRun | None:
    """Return the run that a damaged row describes; None if the row lacks something."""
    key, epochs = row["key"], row["epochs"]
    if not isinstance(key, str) or not isinstance(row["backend"], str):
        return None
    try:
        config = RunConfig(**json.loads(row["config"]))
    except (TypeError, ValueError, RecursionError):  # ConfigError is a ValueError
        return None
    target = targets.get(key) or (
        Target(epochs) if isinstance(epochs, int) and epochs > 0 else None
    )
    if target is None:
        return None
    return LostRun(key, config, bool(row["fused"]), row["backend"], target)


def _orphan_runs(store: Store) -> list[str]:
    """Return the keys of runs that belong to no study.

    If a study is damaged, no run counts: the damaged study might use the run.
    """
    for row in _all(store, "studies"):
        try:
            record_of(store, row)
        except DamagedError:
            return []
    rows = store.connection.execute(
        "SELECT key FROM runs WHERE key NOT IN (SELECT key FROM study_runs)"
    )
    leased = _leased_elsewhere(store)
    return [key for (key,) in rows if validity.is_key(key) and key not in leased]


def _leased_elsewhere(store: Store) -> set[str]:
    """Return the keys of the runs that other processes have leased."""
    rows = store.connection.execute(
        "SELECT key FROM leases WHERE owner <> ?", (store.leases.owner,)
    )
    return {str(key) for (key,) in rows}


def _orphan_files(store: Store) -> list[str]:
    """Return the checkpoint files that no row names, except those of leased runs."""
    used = {name for (name,) in store.connection.execute("SELECT file FROM checkpoints")}
    leased = {key[:24] for key in _leased_elsewhere(store)}
    return [
        name
        for name in _checkpoint_files.names(store.checkpoint_folder)
        if name not in used and name.lstrip(".")[:24] not in leased
    ]
