"""Where the runs of a study were trained."""

from __future__ import annotations

import json
from typing import Any

from kmlp.store.runs import Store


def environments_of(store: Store, study: str) -> list[dict[str, Any]]:
    """What was noted when a study's epochs were trained, the earliest first.

    Returns:
        What `describe_environment` gave, of each process once.
    """
    with store.reading():
        rows = store.connection.execute(
            "SELECT facts FROM environments WHERE id IN ("
            "SELECT epochs.environment FROM epochs "
            "JOIN study_runs ON study_runs.run_key = epochs_run.key "
            ") ORDER BY id",
            (study,),
        )
        return [json.loads(row["facts"]) for row in rows]
