"""The kind of a study of a single run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmlp.kinds.outputs import write_page, write_rows
from kmlp.studies.kinds import StudyKind

if TYPE_CHECKING:
    import altair

    from kmlp.store import Store, StudyRecord
    from kmlp.studies.ablation import Ablation
    from kmlp.studies.discussion import Discussion
    from kmlp.studies.single_run import RunStudy
    from kmlp.studies.table import Table


def _load(store: Store, record: StudyRecord) -> RunStudy:
    from kmlp.studies.single_run import load_run

    return load_run(store, record)


def _summarize(record: StudyRecord) -> str:
    from kmlp.studies.summaries import backend_text

    return f"one run on {backend_text(record)}"


def _tables(study: RunStudy, brief: bool) -> tuple[Table, ...]:
    from kmlp.studies.tables.run import run_table

    return (run_table(study),)


def _to_dict(study: RunStudy) -> dict[str, Any]:
    from kmlp.studies.as_json import run_study_to_dict

    return run_study_to_dict(study)


def _discuss(study: RunStudy) -> Discussion:
    from kmlp.report.run import discuss_run

    return discuss_run(study)


def _draw(study: RunStudy, name: str) -> altair.TopLevelMixin:
    from kmlp.charts.ablation import CHARTS

    return CHARTS[name](_as_ablation(study))


def _as_ablation(study: RunStudy) -> Ablation:
    """Return the run as an ablation of the seed with one level, for the charts."""
    from kmlp.studies.ablation import Ablation
    from kmlp.studies.level_result import LevelResult

    run = study.run
    level = LevelResult(
        value=run.config.seed,
        parameters=run.parameters,
        runs=(run,),
        chance_limit=0.0,  # unused by these charts; computing it would need the dataset
    )
    return Ablation(
        name=study.name,
        param="seed",
        base=run.config,
        epochs=run.epochs,
        seeds=(run.config.seed,),
        backend=run.backend,
        fused=run.fused,
        levels=(level,),
    )


_SPEC: dict[str, Any] = {"identity": {"config": dict}}

KIND = StudyKind(
    name="run",
    spec=_SPEC,
    load=_load,
    summarize=_summarize,
    tables=_tables,
    to_dict=_to_dict,
    discuss=_discuss,
    charts=("curves", "rate", "steps", "seconds", "boundary"),
    draw=_draw,
    report=write_page,
    export=write_rows,
)
