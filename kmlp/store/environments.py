"""The environments in which the runs of a study were trained."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from kmlp.errors import DamagedError
from kmlp.store import _checksums, validity
from kmlp.store._store import Store


def environments_of(store: Store, study: str) -> list[dict[str, Any]]:
    """Return the environments in which the study's epochs were trained, oldest first.

    The errors of damaged environments are added to `store.damaged`.

    Returns:
        The result of `describe_environment` in each environment.
    """
    environments: list[dict[str, Any]] = []
    with store.reading():
        for row in _rows(store, study):
            if row is not None and is_intact(store, row):
                environment = json.loads(row["description"])
                environments += [environment] if environment else []
            else:
                store.damaged["environments"] = DamagedError(
                    f"The environment of some runs in {store.folder} is damaged."
                )
    return environments


def is_intact(store: Store, row: sqlite3.Row) -> bool:
    """True if a row of `environments` is valid and was not changed."""
    return validity.environment_problem(row) is None and _checksums.is_intact(
        store.connection, "environments", row
    )


def _rows(store: Store, study: str) -> Iterator[sqlite3.Row | None]:
    """Yield the row of each environment of a study's epochs; None if the row is missing."""
    numbers = store.connection.execute(
        "SELECT DISTINCT epochs.environment FROM epochs "
        "JOIN runs ON runs.id = epochs.run AND runs.fresh = 0 "
        "JOIN study_runs ON study_runs.key = runs.key "
        "JOIN studies ON studies.id = study_runs.study WHERE studies.name = ? ORDER BY 1",
        (study,),
    ).fetchall()
    for [number] in numbers:
        yield store.connection.execute(
            "SELECT * FROM environments WHERE id = ?", (number,)
        ).fetchone()
