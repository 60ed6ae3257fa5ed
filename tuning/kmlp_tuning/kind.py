"""The kind of study of a search, as a plug-in of the group `kmlp.studies`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmlp.kinds.outputs import write_page, write_rows
from kmlp.studies.kinds import StudyKind

if TYPE_CHECKING:
    import altair

    from kmlp.store import Store, StudyRecord
    from kmlp.studies.discussion import Discussion
    from kmlp.studies.table import Table
    from kmlp_tuning.search.results import Search


def _load(store: Store, record: StudyRecord) -> Search:
    from kmlp_tuning.search.records import load_search

    return load_search(store, record)


def _summarize(record: StudyRecord) -> str:
    from kmlp._util.text import count_of
    from kmlp.studies.summaries import backend_text

    trials = count_of(record.extent["max_trials"], "trial")
    searched = ", ".join(record.identity["space"])
    algorithm = record.identity["algorithm"]
    return f"{algorithm}: {searched} ({trials}, {backend_text(record)})"


def _tables(study: Search, brief: bool) -> tuple[Table, ...]:
    from kmlp_tuning.search.tables import tables_of_search

    return tables_of_search(study, brief=brief)


def _to_dict(study: Search) -> dict[str, Any]:
    from kmlp_tuning.search.export import search_to_dict

    return search_to_dict(study)


def _discuss(study: Search) -> Discussion:
    from kmlp_tuning.search.discussion import discuss_search

    return discuss_search(study)


def _draw(study: Search, name: str) -> altair.TopLevelMixin:
    from kmlp_tuning.charts import CHARTS

    return CHARTS[name](study)


_SPEC: dict[str, Any] = {
    "identity": {
        "algorithm": str, "space": dict, "base": dict, "objective": str, "max_epochs": int,
    },
    "extent": {"max_trials": int, "replicates": int},
    "progress": {
        "complete": bool, "failed": int, "epochs": [int], "rungs": [[int]],
        "replications": [[int]], "chance": float, "chance_limit": float | None,
    },
}  # fmt: skip

KIND = StudyKind(
    name="search",
    spec=_SPEC,
    load=_load,
    summarize=_summarize,
    tables=_tables,
    to_dict=_to_dict,
    discuss=_discuss,
    charts=("curves", "parallel", "fields", "importance", "replication", "gap"),
    draw=_draw,
    report=write_page,
    export=write_rows,
)
