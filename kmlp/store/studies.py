"""Studies in a store: their specifications, and the keys of their runs."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from dataclasses import replace
from typing import Any

from kmlp._util.text import name_problem, visible
from kmlp.errors import (
    ConfigError,
    DamagedError,
    StoreError,
    shown,
    unknown_name,
)
from kmlp.model.metrics import ACCURACY
from kmlp.store import _checksums, validity
from kmlp.store._store import Store, removed_error
from kmlp.store._study_record import StudyRecord, StudySummary
from kmlp.training.run import At

SPEC = ("identity", "extent", "progress", "epochs", "runs_by_level")
"""The fields of a study that its row stores as JSON."""
LONGEST_NAME = 100
"""The most characters of a study's name. A longer one would fill a whole table row."""


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
    at: At = (
        "last"
        if "last" in (record.progress.get("at"), record.identity.get("at"))
        else "best"
    )
    finished, failed, metric = 0, 0, record.metric
    values: list[float | None] = []
    replicated = {key for row in record.replicated_rows for key in row}
    for key, target in record.targets().items():
        if key not in runs:
            continue
        row = runs[key]
        done = row["status"] == "diverged" or row["epochs"] >= target.epochs
        value = row["val_accuracy"]
        if target.patience is not None or (
            done and (at == "last" or row["epochs"] > target.epochs or metric != ACCURACY)
        ):
            run = store.run_of_key(key)
            run = run and replace(run.within(target), at=at, metric=metric)
            value = run and run.val_value
            done = done or (
                run is not None and run.status == "finished" and run.reaches(target)
            )
        finished += done
        failed += not done and row["status"] == "failed"
        if done and key in replicated:
            values.append(value)
    known = [value for value in values if value is not None and not math.isnan(value)]
    return StudySummary(
        record=record,
        finished=finished,
        failed=failed,
        best_val_value=metric.best(known) if known else None,
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
