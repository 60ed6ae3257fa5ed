"""The kind of a list of configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmlp.kinds.outputs import write_page, write_rows
from kmlp.studies.kinds import StudyKind

if TYPE_CHECKING:
    import altair

    from kmlp.store import Store, StudyRecord
    from kmlp.studies.config_list import ConfigList
    from kmlp.studies.discussion import Discussion
    from kmlp.studies.table import Table


def _load(store: Store, record: StudyRecord) -> ConfigList:
    from kmlp.studies.config_list import load_config_list

    return load_config_list(store, record)


def _summarize(record: StudyRecord) -> str:
    from kmlp._util.text import count_of
    from kmlp.studies.summaries import backend_text

    configs = count_of(len(record.identity["configs"]), "configuration")
    varied = ", ".join(record.identity["varied"])
    return f"{configs}{f' of {varied}' if varied else ''} ({backend_text(record)})"


def _tables(study: ConfigList, brief: bool) -> tuple[Table, ...]:
    from kmlp.studies.tables.config_list import config_list_table

    return (config_list_table(study),)


def _to_dict(study: ConfigList) -> dict[str, Any]:
    from kmlp.studies.as_json import config_list_to_dict

    return config_list_to_dict(study)


def _discuss(study: ConfigList) -> Discussion:
    from kmlp.report.config_list import discuss_config_list

    return discuss_config_list(study)


def _draw(study: ConfigList, name: str) -> altair.TopLevelMixin:
    from kmlp.charts.config_list import CHARTS

    return CHARTS[name](study)


_SPEC: dict[str, Any] = {
    "identity": {"base": dict, "varied": [str], "configs": [dict]},
    "extent": {"seeds": [int]},
    "progress": {"chance_limits": [float | None], "epochs": [int]},
}

KIND = StudyKind(
    name="configs",
    spec=_SPEC,
    load=_load,
    summarize=_summarize,
    tables=_tables,
    to_dict=_to_dict,
    discuss=_discuss,
    charts=("curves", "gap", "rate", "steps", "boundary"),
    draw=_draw,
    report=write_page,
    export=write_rows,
)
