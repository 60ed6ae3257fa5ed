"""Whether all of a store is whole, and the mending of what training can make again."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kmlp._util.text import count_of
from kmlp.errors import DamagedError
from kmlp.model.config import RunConfig
from kmlp.store import _checkpoints, _checksums, _removal, validity
from kmlp.store._database import FILE, connect, transaction
from kmlp.store._migrations import migrate
from kmlp.store._store import Store
from kmlp.store.environments import is_intact
from kmlp.store.studies import record_of

_ORPHANS = {
    "epochs": "run NOT IN (SELECT id FROM runs)",
    "step_losses": "run NOT IN (SELECT id FROM runs)",
    "checkpoints": "run NOT IN (SELECT id FROM runs)",
    "study_runs": "study NOT IN (SELECT id FROM studies)",
}
"""Of each table, the rows that belong to nothing."""
TABLES = (
    "environments",
    "runs",
    "epochs",
    "step_losses",
    "checkpoints",
    "studies",
    "study_runs",
)
"""In the order in which rows refer to others."""


@dataclass(frozen=True, slots=True)
class LostRun:
    """A run that was damaged, and that training can make again."""

    key: str
    config: RunConfig
    fused: bool
    backend: str
    epochs: int
    """That it is to have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """What was found when all of a store was read."""

    studies: int = 0
    """How many are whole, as of the numbers that follow."""
    runs: int = 0
    epochs: int = 0
    models: int = 0
    damaged: tuple[str, ...] = ()
    """Sentences."""
    leftovers: tuple[str, ...] = ()
    """What belongs to nothing: files, rows."""

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.damaged or self.leftovers)

    def to_dict(self) -> dict[str, Any]:
        """What was found as plain values, which JSON can hold."""
        return {name: getattr(self, name) for name in self.__slots__} | {
            "whole": self.whole
        }


def examine(store: Store) -> Health:
    """Reads all of a store: every row, every model.

    Raises:
        StoreError: if the database cannot be read.
    """
    damaged: list[str] = []
    studies = runs = epochs = models = 0
    with store.reading():
        for row in _all(store, "environments"):
            if not is_intact(store, row):
                damaged.append(
                    f"What {store.folder} says of where some runs were trained is damaged."
                )
        damaged += [
            f"{store.folder} does not say any more where some runs were trained."
            for _ in _lost_environments(store)
        ]
        for row in _all(store, "studies"):
            try:
                record_of(store, row)
                studies += 1
            except DamagedError as error:
                damaged.append(str(error))
        for row in _all(store, "runs"):
            found = validity.epochs_of(store.connection, row["id"])
            wrong = store.run_problem(row, found)
            if wrong is not None:
                damaged.append(str(store.damaged_run(row, wrong)))
                continue
            runs += 1
            epochs += len(found)
            whole, bad = _models(store, row)
            models += len(whole)
            damaged += bad
        leftovers = [
            f"{count_of(number, 'row')} of `{table}`"
            for table, condition in _ORPHANS.items()
            for [number] in store.connection.execute(
                f"SELECT count(*) FROM {table} WHERE {condition}"
            )
            if number
        ]
        lonely = _lonely(store)
        if lonely:
            leftovers.append(f"{count_of(len(lonely), 'run')} of no study")
        files = _left_files(store)
        if files:
            leftovers.append(f"{count_of(len(files), 'file')} in {store.checkpoint_folder}")
        aside = store.checkpoint_folder / _removal.ASIDE
        if names := _checkpoints.names(aside):  # of a `kmlp rm` that was killed
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
    """Takes out of a store what is damaged and what belongs to nothing.

    A run whose models are damaged is cut back to the last one that is whole. Damaged
    studies stay: the command that asked them mends them. What another process trains is
    left alone.

    Returns:
        What is to be trained again.

    Raises:
        StoreError: if the database cannot be written to.
    """
    lost: list[LostRun] = []
    with store.writing():
        targets = _targets(store)
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
        for row in _all(store, "runs"):
            wrong = store.run_problem(row, validity.epochs_of(store.connection, row["id"]))
            whole, bad = _models(store, row) if wrong is None else ([], [])
            if wrong is None and not bad:
                continue
            if validity.is_key(row["key"]) and not store.leases.take(row["key"]):
                continue
            if wrong is None:
                for [epochs] in store.connection.execute(
                    "SELECT epochs FROM checkpoints WHERE run = ?", (row["id"],)
                ).fetchall():
                    if epochs not in whole:
                        store.connection.execute(
                            "DELETE FROM checkpoints WHERE run = ? AND epochs IS ?",
                            (row["id"], epochs),
                        )
                if row["status"] != "finished" or row["epochs"] in whole:
                    continue  # the model that is damaged is of no use any more
                store.cut(row["id"], max(whole, default=0))
            else:
                store.connection.execute("DELETE FROM runs WHERE id = ?", (row["id"],))
            if (found := _lost(row, targets)) is not None:
                lost.append(found)
        for table, condition in _ORPHANS.items():
            store.connection.execute(f"DELETE FROM {table} WHERE {condition}")
        for key in _lonely(store):
            if store.leases.take(key):
                store.delete(key)
    with store.reading():
        for name in _left_files(store):
            (store.checkpoint_folder / name).unlink(missing_ok=True)
    with store.writing():
        store.leases.release_all()
    return lost


def rebuild(folder: Path) -> Path:
    """Makes a new database of what can be read of a damaged one.

    Returns:
        Where the damaged one is kept.

    Raises:
        OSError: if it cannot be written.
    """
    path = folder / FILE
    kept = next(
        it for n in range(1, 1000) if not (it := folder / f"{FILE}.damaged-{n}").exists()
    )
    with tempfile.TemporaryDirectory(prefix=".kmlp-", dir=folder) as aside:
        fresh = Path(aside) / FILE
        with closing(connect(str(fresh))) as new:
            with transaction(new):
                migrate(new, 0)
            new.execute("PRAGMA foreign_keys = OFF")
            if path.exists():
                with (
                    suppress(sqlite3.Error, UnicodeDecodeError),
                    closing(connect(str(path))) as old,
                ):
                    for table in TABLES:
                        _copy(old, new, table)
        if path.exists():
            path.rename(kept)
        for kind in ("journal", "wal", "shm"):
            path.with_name(f"{FILE}-{kind}").unlink(missing_ok=True)
        fresh.rename(path)
    return kept


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    """Copies the rows that can be read, from the first and from the last to the damage."""
    columns = [row["name"] for row in new.execute(f"PRAGMA table_info({table})")]
    for order in ("", "DESC"):
        rows = f"SELECT * FROM {table} NOT INDEXED ORDER BY {columns[0]} {order}"
        with suppress(sqlite3.Error, IndexError), transaction(new):
            for row in _until_damage(old, rows):
                cells = [row[name] for name in columns]
                # Text that is none in UTF-8 stays what it is, and so is known.
                places = ["CAST(? AS TEXT)" if isinstance(it, str) else "?" for it in cells]
                with suppress(sqlite3.Error):
                    new.execute(
                        f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) "
                        f"VALUES ({', '.join(places)})",
                        [
                            it.encode("utf-8", "surrogateescape")
                            if isinstance(it, str)
                            else it
                            for it in cells
                        ],
                    )


def _until_damage(connection: sqlite3.Connection, query: str) -> Iterator[sqlite3.Row]:
    with suppress(sqlite3.Error, UnicodeDecodeError):  # of the message, which quotes it
        yield from connection.execute(query)


def _all(store: Store, table: str) -> list[sqlite3.Row]:
    return store.connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def _lost_environments(store: Store) -> list[int]:
    """The numbers of environments that are named, and not there."""
    named = " UNION ".join(
        f"SELECT environment FROM {table}" for table in ("epochs", "runs", "studies")
    )
    rows = store.connection.execute(
        f"SELECT environment FROM ({named}) WHERE typeof(environment) = 'integer' "
        "AND environment NOT IN (SELECT id FROM environments)"
    )
    return [number for (number,) in rows]


def _models(store: Store, run: sqlite3.Row) -> tuple[list[int], list[str]]:
    """Of a run that is whole, the epochs of its whole models, and what is wrong."""
    whole, bad = [], []
    for row in store.connection.execute(
        "SELECT * FROM checkpoints WHERE run = ?", (run["id"],)
    ).fetchall():
        try:
            store.read_model(run["key"], row)
            whole.append(row["epochs"])
        except _checkpoints.Damaged as error:
            bad.append(f"{error}.")
    if not bad and run["status"] == "finished" and run["epochs"] not in whole:
        bad.append(f"The run {run['key'][:12]} in {store.folder} has no model.")
    return whole, bad


def _targets(store: Store) -> dict[str, int]:
    """The most epochs that any study wants of a run, by key."""
    found: dict[str, int] = {}
    for row in _all(store, "studies"):
        with suppress(DamagedError):
            for key, epochs in record_of(store, row).targets().items():
                found[key] = max(epochs, found.get(key, 0))
    return found


def _lost(row: sqlite3.Row, targets: dict[str, int]) -> LostRun | None:
    """A damaged run as far as its row says what it was; None: not far enough."""
    key, epochs = row["key"], row["epochs"]
    if not isinstance(key, str) or not isinstance(row["backend"], str):
        return None
    try:
        config = RunConfig(**json.loads(row["config"]))
    except (TypeError, ValueError, RecursionError):  # of which ConfigError is one
        return None
    wanted = targets.get(key) or (
        epochs if isinstance(epochs, int) and epochs > 0 else None
    )
    if wanted is None:
        return None
    return LostRun(key, config, bool(row["fused"]), row["backend"], wanted)


def _lonely(store: Store) -> list[str]:
    """The keys of runs that belong to no study; none if a study is damaged, which might
    have them.
    """
    for row in _all(store, "studies"):
        try:
            record_of(store, row)
        except DamagedError:
            return []
    rows = store.connection.execute(
        "SELECT key FROM runs WHERE key NOT IN (SELECT key FROM study_runs)"
    )
    trained = _trained(store)
    return [key for (key,) in rows if validity.is_key(key) and key not in trained]


def _trained(store: Store) -> set[str]:
    """The keys of the runs that others have leased."""
    rows = store.connection.execute(
        "SELECT key FROM leases WHERE owner <> ?", (store.leases.owner,)
    )
    return {str(key) for (key,) in rows}


def _left_files(store: Store) -> list[str]:
    """The files of checkpoints that no row names, but of runs that are being trained."""
    used = {name for (name,) in store.connection.execute("SELECT file FROM checkpoints")}
    trained = {key[:24] for key in _trained(store)}
    return [
        name
        for name in _checkpoints.names(store.checkpoint_folder)
        if name not in used and name.lstrip(".")[:24] not in trained
    ]
