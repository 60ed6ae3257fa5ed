"""Studies in a store: what is asked, and the runs that answer it."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kmlp._util.text import name_problem, visible
from kmlp.errors import (
    ConfigError,
    DamagedError,
    StoreError,
    StoreWriteError,
    shown,
    unknown_name,
)
from kmlp.store import _checksums, _removal, validity
from kmlp.store._store import Store, removed_error
from kmlp.store.leases import SECONDS_BETWEEN_LOOKS, Holder
from kmlp.training.run import Run

SPEC = ("identity", "extent", "progress", "epochs", "runs_by_level")
"""The fields of a study that its row keeps as JSON."""
LONGEST_NAME = 100
"""Characters of a study's name: more would leave a table no room for the rest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyRecord:
    """A study as the store keeps it."""

    name: str
    kind: str
    """The name of its kind: see `kmlp.studies.kinds`."""
    identity: dict[str, Any]
    """What stays the same when a study is extended: the parameter, the base, ..."""
    extent: dict[str, Any]
    """What may be extended: values, seeds, ..."""
    progress: dict[str, Any] = field(default_factory=dict)
    """What else it takes to show the study as far as it has come. Where levels have target
    epochs of their own, `epochs` has them."""
    epochs: int
    """Target epochs; where levels differ, the largest."""
    runs_by_level: tuple[tuple[str, ...], ...]
    """The keys of its runs: a row for each level, a column for each seed. A level is a
    value of an ablation, a configuration of a list, a trial of a search; a search has a row
    more for each trial that was replicated."""
    updated: float = 0.0
    """When it was asked last, in seconds since 1970."""

    @property
    def epochs_by_level(self) -> list[int]:
        """The target epochs of each level."""
        own: list[int] | None = self.progress.get("epochs")
        return own or [self.epochs] * len(self.runs_by_level)

    def targets(self) -> dict[str, int]:
        """The epochs that each of its runs is to have, by key."""
        found: dict[str, int] = {}
        for keys, epochs in zip(self.runs_by_level, self.epochs_by_level, strict=True):
            for key in keys:
                found[key] = max(epochs, found.get(key, 0))
        return found

    def only_run(self, store: Store) -> Run:
        """The run of a study of one, as far as it has come.

        Raises:
            StoreError: if it has no epoch yet.
        """
        [[key]] = self.runs_by_level
        run = store.run_of_key(key)
        if run is None:
            raise store.damaged.get(key) or StoreError(
                f'The run of "{self.name}" has no epoch yet. The command that began it '
                "goes on where it ended."
            )
        return run.truncated(self.epochs)


@dataclass(frozen=True, kw_only=True, slots=True)
class StudySummary:
    """A line on a study."""

    record: StudyRecord
    finished: int
    """Runs that have the epochs asked for, or diverged."""
    failed: int
    best_val_accuracy: float | None
    """The highest of a run after its last epoch."""

    def to_dict(self) -> dict[str, Any]:
        """The line as plain values, which JSON can hold."""
        record = self.record
        return {
            "name": record.name,
            "kind": record.kind,
            **record.identity,
            **record.extent,
            "epochs": record.epochs,
            "runs": sum(map(len, record.runs_by_level)),
            "finished": self.finished,
            "failed": self.failed,
            "best_val_accuracy": self.best_val_accuracy,
            "updated": iso_time(record.updated),
        }


def iso_time(seconds: float) -> str:
    """A time as ISO 8601, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def check_name(name: Any) -> None:
    """Raises `ConfigError` if a study cannot be called so."""
    if not isinstance(name, str):
        why = "is not a text"
    elif len(name) > LONGEST_NAME:
        why = f"is longer than {LONGEST_NAME} characters"
    elif (problem := name_problem(name)) is not None:
        why = problem
    else:
        return
    raise ConfigError(
        [f"The study's name {shown(name)} {why}. Give another one, or none: it gets one."]
    )


def put_study(store: Store, study: StudyRecord) -> None:
    """Keeps a study, in the place of what it asked before.

    Runs that it asked for before remain its own.

    Raises:
        ConfigError: if there is another one of that name, or it cannot be a name.
        StoreLostError: if this process trains for it, and it was removed.
    """
    check_name(study.name)
    spec = json.dumps({name: getattr(study, name) for name in SPEC})
    with store.writing():
        row = store.connection.execute(
            "SELECT * FROM studies WHERE name = ?", (study.name,)
        ).fetchone()
        if row is None and store.trains_for(study.name):
            raise removed_error(study.name)
        try:
            there = study if row is None else record_of(store, row)
        except DamagedError:  # which this mends
            assert row is not None
            _forget_what_is_no_key(store, row["id"])
        else:
            if (there.kind, there.identity) != (study.kind, study.identity):
                raise ConfigError(
                    [
                        f'The name "{study.name}" is taken by a study of something else '
                        f"(see `kmlp.load_study({study.name!r})`). Choose another "
                        f"`name`, or remove that one: `kmlp.delete_study({study.name!r})`."
                    ]
                )
        now = time.time()
        store.connection.execute(
            "INSERT INTO studies (name, kind, spec, created, updated, environment) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
            "kind = excluded.kind, spec = excluded.spec, updated = excluded.updated",
            (study.name, study.kind, spec, now, now, store.environment_id()),
        )
        store.connection.executemany(
            "INSERT OR IGNORE INTO study_runs SELECT id, ? FROM studies WHERE name = ?",
            [(key, study.name) for row in study.runs_by_level for key in row],
        )
        [number] = store.connection.execute(
            "SELECT id FROM studies WHERE name = ?", (study.name,)
        ).fetchone()
        _checksums.seal(store.connection, "studies", number)
    store.train_for(study.name, (key for row in study.runs_by_level for key in row))


def _forget_what_is_no_key(store: Store, study: int) -> None:
    store.connection.execute(
        "DELETE FROM study_runs WHERE study = ? AND "
        "(typeof(key) <> 'text' OR length(key) <> 64 OR key GLOB '*[^0-9a-f]*')",
        (study,),
    )


def get_study(store: Store, name: str) -> StudyRecord:
    """The study of that name.

    Raises:
        StoreError: if there is none, with the nearest name.
        DamagedError: if it is not what was written.
    """
    return record_of(store, _study_row(store, name))


def check_study(store: Store, name: str) -> None:
    """Raises `StoreError` if there is no study of that name, damaged or not."""
    _study_row(store, name)


def _study_row(store: Store, name: str) -> sqlite3.Row:
    with store.reading():
        # A name that is no text in UTF-8 cannot be asked for.
        rows = store.connection.execute("SELECT * FROM studies").fetchall()
    found: dict[Any, sqlite3.Row] = {row["name"]: row for row in rows}
    shown = {visible(str(row["name"])): row for row in rows}  # as one can type it
    if name in found or name in shown:
        return found.get(name) or shown[name]
    if not found:
        raise StoreError(f"There is no study in {store.folder} yet.")
    raise StoreError(unknown_name("study", name, map(str, found)))


def list_studies(store: Store) -> list[StudySummary]:
    """All studies, the one that was asked last first; see `Store.damaged` for others."""
    with store.reading():
        runs = {it["key"]: it for it in store.rows() if not it["fresh"]}
        found = []
        for row in store.connection.execute(
            "SELECT * FROM studies ORDER BY updated DESC, id"
        ).fetchall():
            try:
                found.append(_summary(store, record_of(store, row), runs))
            except DamagedError as error:
                store.damaged[str(row["name"])] = error
        return found


def _summary(
    store: Store, record: StudyRecord, runs: dict[str, sqlite3.Row]
) -> StudySummary:
    """A line on a study; its runs may have more epochs than it asks for."""
    targets = record.targets()
    have = [runs[key] for key in targets if key in runs]
    done = [
        run
        for run in have
        if run["epochs"] >= targets[run["key"]] or run["status"] == "diverged"
    ]
    finished = {run["key"] for run in done}
    accuracies = []
    for run in done:
        accuracy = run["val_accuracy"]
        if run["epochs"] > targets[run["key"]]:
            whole = store.run_of_key(run["key"])
            accuracy = whole and whole.history[targets[run["key"]] - 1].val_accuracy
        accuracies.append(accuracy)
    return StudySummary(
        record=record,
        finished=len(done),
        failed=sum(run["status"] == "failed" for run in have if run["key"] not in finished),
        best_val_accuracy=max(
            (it for it in accuracies if it is not None and not math.isnan(it)), default=None
        ),
    )


def keys_of_study(store: Store, name: str) -> set[str]:
    """The keys of all runs that a study asks for, or did before.

    Raises:
        StoreError: if there is no such study.
        DamagedError: if it is not what was written.
    """
    row = _study_row(store, name)
    with store.reading():
        record_of(store, row)
        asked = store.connection.execute(
            "SELECT key FROM study_runs WHERE study = ?", (row["id"],)
        )
        return {key for (key,) in asked}


def runs_of_study(store: Store, name: str) -> tuple[list[str], list[str]]:
    """The keys of a study's runs: those that no other study uses, and the others.

    Raises:
        StoreError: if there is no such study.
    """
    number = _study_row(store, name)["id"]
    alone: list[str] = []
    shared: list[str] = []
    with store.reading():
        for row in store.connection.execute(
            f"{_USES} AND key IN (SELECT key FROM runs)", (number,)
        ):
            (alone if row["uses"] == 1 else shared).append(row["key"])
    return alone, shared


_USES = (
    "SELECT key, (SELECT count(*) FROM study_runs AS other WHERE other.key = mine.key) "
    "AS uses FROM study_runs AS mine WHERE study = ?"
)
"""The keys of a study's runs, and how many studies use each."""


def remove_study(
    store: Store, name: str, *, waits: Callable[[Holder], None] = lambda holder: None
) -> None:
    """Removes a study, and the runs that no other one uses: all of it or nothing.

    Args:
        store: Where it is.
        name: Of the study.
        waits: Is told who has leased a run, if one has to wait for up to
            `SECONDS_UNTIL_EXPIRED` to see whether that process lives.

    Raises:
        StoreError: if there is no such study, or one of its runs is being trained.
        StoreWriteError: if a file cannot be removed.
    """
    told = False
    number = _study_row(store, name)["id"]
    while (holder := _remove_unless_leased(store, number, name)) is not None:
        if not told:
            waits(holder)
        told = True
        time.sleep(SECONDS_BETWEEN_LOOKS)
    try:
        with store.writing():
            store.settle_removal()
    except StoreWriteError as error:
        raise StoreWriteError(
            f'"{name}" is removed, but not yet all of its files ({error.__cause__}). The '
            f"next command that writes to {store.folder} deletes them."
        ) from error


def _remove_unless_leased(store: Store, number: int, name: str) -> Holder | None:
    """Removes the rows of a study, and puts the files of its runs aside.

    Args:
        store: Where it is.
        number: The `id` of its row: a name that was damaged may not be text.
        name: Of the study.

    Returns:
        Who may be training one of them: then nothing is removed. None: it is done.
    """
    files: list[str] = []
    try:
        with store.writing():
            rows = [
                row
                for row in store.connection.execute(_USES, (number,)).fetchall()
                if validity.is_key(row["key"])  # of what else there is, no run is trained
            ]
            holders = [it for row in rows if (it := store.leases.holder(row["key"]))]
            living = [it for it in holders if it.lives]
            if living:
                raise StoreError(
                    f'{len(living)} runs of "{name}" are being trained by another process '
                    f"({living[0]}). End that one first."
                )
            if holders:
                return holders[0]
            alone = [row["key"] for row in rows if row["uses"] == 1]
            for row in rows:
                store.leases.forget(row["key"])
            files = store.files_of(alone)
            for key in alone:
                store.delete(key)
            store.connection.execute("DELETE FROM studies WHERE id = ?", (number,))
            _removal.put_aside(store.checkpoint_folder, files)
    except BaseException as error:
        _removal.put_back(store.checkpoint_folder, files)
        if isinstance(error, StoreWriteError) and isinstance(error.__cause__, OSError):
            why = error.__cause__.strerror or error.__cause__
            raise StoreWriteError(
                "Nothing was removed, because a file in "
                f"{store.checkpoint_folder} cannot be removed ({why}). Make the folder "
                "writable, then run the same command again."
            ) from error
        raise
    return None


def record_of(store: Store, row: sqlite3.Row) -> StudyRecord:
    """A study as a value.

    Raises:
        DamagedError: if it is not what was written.
    """
    wrong = validity.study_problem(store.connection, row)
    if wrong is None and not _checksums.is_intact(store.connection, "studies", row):
        wrong = "its checksum is another"
    record = None if wrong is not None else _record(row)
    if record is not None:
        wrong = store.study_problem(record)
    if wrong is not None or record is None:
        name = visible(str(row["name"]))
        raise DamagedError(
            f'The study "{name}" in {store.folder} is damaged: {wrong}. The command that '
            f"asked it mends it, or remove it: `kmlp.delete_study({name!r})`."
        )
    return record


def _record(row: sqlite3.Row) -> StudyRecord:
    spec = json.loads(row["spec"])
    return StudyRecord(
        name=row["name"],
        kind=row["kind"],
        **{**spec, "runs_by_level": tuple(map(tuple, spec["runs_by_level"]))},
        updated=row["updated"],
    )
