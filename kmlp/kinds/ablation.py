"""The kind of an ablation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmlp.kinds.outputs import write_page, write_rows
from kmlp.studies.kinds import StudyKind

if TYPE_CHECKING:
    import altair

    from kmlp.store import Store, StudyRecord
    from kmlp.studies.ablation import Ablation
    from kmlp.studies.discussion import Discussion
    from kmlp.studies.table import Table


def _load(store: Store, record: StudyRecord) -> Ablation:
    from kmlp.studies.ablation import load_ablation

    return load_ablation(store, record)


def _summarize(record: StudyRecord) -> str:
    from kmlp._util.text import enumerated
    from kmlp.studies.ranges import values_text
    from kmlp.studies.replicates import extent_text
    from kmlp.studies.summaries import backend_text

    param = record.identity["param"]
    values = values_text(param, record.extent["values"])
    seeds = extent_text(len(record.extent["seeds"]), record.identity["base"].get("folds"))
    if "seeds" in record.identity:
        seeds += f" of {record.identity['seeds']}"
    if "retune" in record.identity:
        seeds += f", {enumerated(list(record.identity['retune']['fields']))} retuned"
    return f"{param}: {values} ({seeds}, {backend_text(record)})"


def _tables(study: Ablation, brief: bool) -> tuple[Table, ...]:
    from kmlp.studies.tables.ablation import tables_of_ablation

    return tables_of_ablation(study, brief=brief)


def _to_dict(study: Ablation) -> dict[str, Any]:
    from kmlp.studies.as_json import ablation_to_dict

    return ablation_to_dict(study)


def _discuss(study: Ablation) -> Discussion:
    from kmlp.report.ablation import discuss_ablation

    return discuss_ablation(study)


def _draw(study: Ablation, name: str) -> altair.TopLevelMixin:
    from kmlp.charts.ablation import CHARTS

    return CHARTS[name](study)


_SPEC: dict[str, Any] = {
    "identity": {"param": str, "base": dict},
    "extent": {"values": list, "seeds": [int]},
    "progress": {"chance_limits": [float | None]},
}

KIND = StudyKind(
    name="ablation",
    spec=_SPEC,
    load=_load,
    summarize=_summarize,
    tables=_tables,
    to_dict=_to_dict,
    discuss=_discuss,
    charts=("values", "curves", "gap", "rate", "seconds", "steps", "boundary", "tuning"),
    draw=_draw,
    report=write_page,
    export=write_rows,
)
