"""Studies in a store: their specifications, and the keys of their runs."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kmlp._util.text import name_problem, visible
from kmlp.errors import (
    ConfigError,
    DamagedError,
    StoreError,
    shown,
    unknown_name,
)
from kmlp.store import _checksums, validity
from kmlp.store._store import Store, removed_error
from kmlp.training.run import Run

SPEC = ("identity", "extent", "progress", "epochs", "runs_by_level")
"""The fields of a study that its row stores as JSON."""
LONGEST_NAME = 100
"""The most characters of a study's name. A longer one would fill a whole table row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyRecord:
    """A study as it is stored."""

    name: str
    kind: str
    """The name of the study's kind: see `kmlp.studies.kinds`."""
    identity: dict[str, Any]
    """The values that an extension cannot change: the parameter, the base, ..."""
    extent: dict[str, Any]
    """The values that can be extended: values, seeds, ..."""
    progress: dict[str, Any] = field(default_factory=dict)
    """Other values that are needed to show an unfinished study. If levels differ in their
    target epochs, `epochs` lists them."""
    epochs: int
    """Target epochs; where levels differ, the largest."""
    runs_by_level: tuple[tuple[str, ...], ...]
    """The keys of the study's runs: a row for each level, a column for each seed. A level
    is a value of an ablation, a configuration of a list, or a trial of a search. A search
    has one more row for each trial that was replicated."""
    updated: float = 0.0
    """Unix time of the last command that used this study."""

    @property
    def epochs_by_level(self) -> list[int]:
        """The target epochs of each level."""
        epochs: list[int] | None = self.progress.get("epochs")
        return epochs or [self.epochs] * len(self.runs_by_level)

    @property
    def asked(self) -> int:
        """The number of runs that the study asks for."""
        return sum(map(len, self.runs_by_level))

    def targets(self) -> dict[str, int]:
        """Return the target epochs of each run, by key."""
        targets: dict[str, int] = {}
        for keys, epochs in zip(self.runs_by_level, self.epochs_by_level, strict=True):
            for key in keys:
                targets[key] = max(epochs, targets.get(key, 0))
        return targets

    def runs_so_far(self, store: Store) -> list[list[Run]]:
        """Return the stored runs of each level, without epochs beyond their targets."""
        return [
            [
                run.truncated(epochs)
                for key in keys
                if (run := store.run_of_key(key)) is not None
            ]
            for keys, epochs in zip(self.runs_by_level, self.epochs_by_level, strict=True)
        ]

    def finished_runs(self, store: Store) -> list[list[Run]]:
        """Return the runs of each level that have their target epochs, diverged or failed.

        Raises:
            StoreError: if the study has no such run.
        """
        levels = [
            [run for run in runs if run.reaches(epochs)]
            for runs, epochs in zip(
                self.runs_so_far(store), self.epochs_by_level, strict=True
            )
        ]
        if not any(levels):
            raise StoreError(
                f'No run of "{self.name}" is finished yet. Run the command that began it '
                "again."
            )
        return levels

    def missing(self, levels: Sequence[Sequence[Run]]) -> int:
        """Return the number of the study's runs that are not finished.

        Args:
            levels: The runs of each level.
        """
        finished = sum(
            run.reaches(epochs)
            for runs, epochs in zip(levels, self.epochs_by_level, strict=True)
            for run in runs
        )
        return self.asked - finished

    def only_run(self, store: Store) -> Run:
        """Return the only run of a study, with the epochs that are trained so far.

        Raises:
            StoreError: if no epoch is trained yet.
        """
        [[key]] = self.runs_by_level
        run = store.run_of_key(key)
        if run is None:
            raise store.damaged.get(key) or StoreError(
                f'The run of "{self.name}" has no epoch yet. Run the command that began '
                "it again."
            )
        return run.truncated(self.epochs)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StudySummary:
    """A study in a list of studies."""

    record: StudyRecord
    finished: int
    """The number of runs that have their target epochs or diverged."""
    failed: int
    """The number of runs that failed before they had their target epochs."""
    best_val_accuracy: float | None
    """The highest validation accuracy of a finished run after its target epochs; None if no
    run has finished."""

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.record.name

    @property
    def kind(self) -> str:
        """The kind of the study, such as "ablation"."""
        return self.record.kind

    @property
    def runs(self) -> int:
        """The number of runs that the study asks for."""
        return self.record.asked

    def __repr__(self) -> str:
        """The name and the outcome, without the runs."""
        return (
            f"StudySummary(name={self.name!r}, kind={self.kind!r}, runs={self.runs}, "
            f"finished={self.finished}, failed={self.failed}, "
            f"best_val_accuracy={self.best_val_accuracy!r})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as values that JSON can hold."""
        record = self.record
        return {
            "name": self.name,
            "kind": self.kind,
            **record.identity,
            **record.extent,
            "epochs": record.epochs,
            "runs": self.runs,
            "finished": self.finished,
            "failed": self.failed,
            "best_val_accuracy": self.best_val_accuracy,
            "updated": iso_time(record.updated),
        }


def iso_time(seconds: float) -> str:
    """Return a Unix time as a text in ISO 8601, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def check_name(name: Any) -> None:
    """Raise `ConfigError` if this cannot be the name of a study."""
    if not isinstance(name, str):
        why = "is not a text"
    elif len(name) > LONGEST_NAME:
        why = f"is longer than {LONGEST_NAME} characters"
    elif (problem := name_problem(name)) is not None:
        why = problem
    else:
        return
    raise ConfigError(
        [
            f"The study's name {shown(name)} {why}. Give another name. Without one, the "
            "study gets a default name."
        ]
    )


def put_study(store: Store, study: StudyRecord) -> None:
    """Store a study, or replace its stored specification.

    Runs that an earlier specification asked for still belong to the study.

    Raises:
        ConfigError: if another study has that name, or the name is not valid.
        StoreLostError: if this process trains for the study, and the study was removed.
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
            stored = study if row is None else record_of(store, row)
        except DamagedError:  # the new specification replaces the damaged one
            assert row is not None
            _delete_invalid_keys(store, row["id"])
        else:
            if (stored.kind, stored.identity) != (study.kind, study.identity):
                raise ConfigError(
                    [
                        f'The name "{study.name}" is taken by another study (see '
                        f"`kmlp.load_study({study.name!r})`). Choose another `name`, or "
                        f"remove that study: `kmlp.delete_study({study.name!r})`."
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


def _delete_invalid_keys(store: Store, study: int) -> None:
    store.connection.execute(
        "DELETE FROM study_runs WHERE study = ? AND "
        "(typeof(key) <> 'text' OR length(key) <> 64 OR key GLOB '*[^0-9a-f]*')",
        (study,),
    )


def get_study(store: Store, name: str) -> StudyRecord:
    """Return the study of that name.

    Raises:
        StoreError: if the store has no such study. The message has the nearest name.
        DamagedError: if the study is damaged.
    """
    return record_of(store, study_row(store, name))


def check_study(store: Store, name: str) -> None:
    """Raise `StoreError` if the store has no study of that name, not even a damaged one."""
    study_row(store, name)


def study_row(store: Store, name: str) -> sqlite3.Row:
    """Return the row of a study, damaged or not.

    Args:
        store: The store.
        name: The name of the study, or the name as messages show it.

    Raises:
        StoreError: if the store has no such study. The message has the nearest name.
    """
    with store.reading():
        # All rows: SQLite cannot search for a name that is not UTF-8.
        rows = store.connection.execute("SELECT * FROM studies").fetchall()
    by_name: dict[Any, sqlite3.Row] = {row["name"]: row for row in rows}
    by_shown_name = {visible(str(row["name"])): row for row in rows}
    if name in by_name or name in by_shown_name:
        return by_name.get(name) or by_shown_name[name]
    if not by_name:
        raise StoreError(f"There is no study in {store.folder} yet.")
    raise StoreError(unknown_name("study", name, map(str, by_name)))


def list_studies(store: Store) -> list[StudySummary]:
    """Return all studies. The study that was used last comes first.

    Damaged studies are left out: their errors are added to `store.damaged`.
    """
    with store.reading():
        runs = {row["key"]: row for row in store.rows() if not row["fresh"]}
        summaries = []
        for row in store.connection.execute(
            "SELECT * FROM studies ORDER BY updated DESC, id"
        ).fetchall():
            try:
                summaries.append(_summary(store, record_of(store, row), runs))
            except DamagedError as error:
                store.damaged[str(row["name"])] = error
        return summaries


def _summary(
    store: Store, record: StudyRecord, runs: dict[str, sqlite3.Row]
) -> StudySummary:
    """Summarize a study, whose runs may have more epochs than it asks for."""
    targets = record.targets()
    stored = [runs[key] for key in targets if key in runs]
    done = [
        run
        for run in stored
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
        failed=sum(
            run["status"] == "failed" for run in stored if run["key"] not in finished
        ),
        best_val_accuracy=max(
            (
                accuracy
                for accuracy in accuracies
                if accuracy is not None and not math.isnan(accuracy)
            ),
            default=None,
        ),
    )


def keys_of_study(store: Store, name: str) -> set[str]:
    """Return the keys of all runs that a study asks for, or asked for earlier.

    Raises:
        StoreError: if the store has no such study.
        DamagedError: if the study is damaged.
    """
    row = study_row(store, name)
    with store.reading():
        record_of(store, row)
        rows = store.connection.execute(
            "SELECT key FROM study_runs WHERE study = ?", (row["id"],)
        )
        return {key for (key,) in rows}


def record_of(store: Store, row: sqlite3.Row) -> StudyRecord:
    """Return the study of a row.

    Raises:
        DamagedError: if the study is damaged.
    """
    problem = validity.study_problem(store.connection, row)
    if problem is None and not _checksums.is_intact(store.connection, "studies", row):
        problem = "its checksum does not match"
    record = None if problem is not None else _record(row)
    if record is not None:
        problem = store.study_problem(record)
    if problem is not None or record is None:
        name = visible(str(row["name"]))
        raise DamagedError(
            f'The study "{name}" in {store.folder} is damaged: {problem}. Run the command '
            "that asked for it again, or remove the study: "
            f"`kmlp.delete_study({name!r})`."
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
