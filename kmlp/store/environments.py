"""Where the runs of a study were trained."""

from __future__ import annotations

import json
from typing import Any

from kmlp.store.runs import Store


def environments_of(store: Store, study: str) -> list[dict[str, Any]]:
    """What was noted of each process that trained an epoch of a study's, the first first.

    Returns:
        What `describe_environment` gave to each.
    """
    with store.reading():
        rows = store.connection.execute(
            "SELECT facts FROM environments WHERE id IN ("
            "SELECT epochs.environment FROM epochs "
            "JOIN runs ON runs.id = epochs.run AND runs.fresh = 0 "
            "JOIN study_runs ON study_runs.key = runs.key "
            "JOIN studies ON studies.id = study_runs.study WHERE studies.name = ?"
            ") ORDER BY id",
            (study,),
        ).fetchall()
    return [json.loads(row["facts"]) for row in rows]
