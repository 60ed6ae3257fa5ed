"""Where the runs of a study were trained."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from kmlp.errors import DamagedError
from kmlp.store import _checksums, validity
from kmlp.store._store import Store


def environments_of(store: Store, study: str) -> list[dict[str, Any]]:
    """What was noted of each process that trained an epoch of a study's, the first first.

    Returns:
        What `describe_environment` gave to each; see `Store.damaged` for others.
    """
    found: list[dict[str, Any]] = []
    with store.reading():
        for row in _rows(store, study):
            if row is not None and is_intact(store, row):
                facts = json.loads(row["description"])
                found += [facts] if facts else []
            else:
                store.damaged["environments"] = DamagedError(
                    f"What {store.folder} says of where some runs were trained is damaged."
                )
    return found


def is_intact(store: Store, row: sqlite3.Row) -> bool:
    """Whether a row of `environments` is what was written."""
    return validity.environment_problem(row) is None and _checksums.is_intact(
        store.connection, "environments", row
    )


def _rows(store: Store, study: str) -> Iterator[sqlite3.Row | None]:
    """What the epochs of a study name as where they were trained, and what there is."""
    named = store.connection.execute(
        "SELECT DISTINCT epochs.environment FROM epochs "
        "JOIN runs ON runs.id = epochs.run AND runs.fresh = 0 "
        "JOIN study_runs ON study_runs.key = runs.key "
        "JOIN studies ON studies.id = study_runs.study WHERE studies.name = ? ORDER BY 1",
        (study,),
    ).fetchall()
    for [number] in named:
        yield store.connection.execute(
            "SELECT * FROM environments WHERE id = ?", (number,)
        ).fetchone()
