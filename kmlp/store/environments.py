"""Where the runs of a study were trained."""

from __future__ import annotations

import json
from typing import Any

from kmlp.errors import DamagedError
from kmlp.store import checksums, validity
from kmlp.store.runs import Store


def environments_of(store: Store, study: str) -> list[dict[str, Any]]:
    """What was noted of each process that trained an epoch of a study's, the first first.

    Returns:
        What `describe_environment` gave to each; see `Store.damaged` for others.
    """
    with store.reading():
        rows = store.connection.execute(
            "SELECT * FROM environments WHERE id IN ("
            "SELECT epochs.environment FROM epochs "
            "JOIN runs ON runs.id = epochs.run AND runs.fresh = 0 "
            "JOIN study_runs ON study_runs.key = runs.key "
            "JOIN studies ON studies.id = study_runs.study WHERE studies.name = ?"
            ") ORDER BY id",
            (study,),
        ).fetchall()
        found = []
        for row in rows:
            wrong = validity.wrong_environment(row)
            if wrong is None and checksums.is_whole(store.connection, "environments", row):
                found.append(json.loads(row["facts"]))
            else:
                store.damaged[f"environment {row['id']}"] = DamagedError(
                    f"What {store.folder} says of where some runs were trained is damaged."
                )
    return found
