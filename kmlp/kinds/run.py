"""The kind of a study of a single run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmlp.kinds.outputs import write_page, write_rows
from kmlp.studies.kinds import StudyKind

if TYPE_CHECKING:
    import altair

    from kmlp.store import Store, StudyRecord
    from kmlp.studies.ablation import Ablation
    from kmlp.studies.single_run import RunStudy


def _load(store: Store, record: StudyRecord) -> RunStudy:
    from kmlp.studies.single_run import load_run

    return load_run(store, record)


def _summarize(record: StudyRecord) -> str:
    from kmlp.studies.summaries import backend_text

    return f"one run on {backend_text(record)}"


def _draw(study: RunStudy, name: str) -> altair.TopLevelMixin:
    from kmlp.charts.ablation import CHARTS

    return CHARTS[name](_as_ablation(study))


def _as_ablation(study: RunStudy) -> Ablation:
    """The run as an ablation of the seed with one level, which the charts can draw."""
    from kmlp.studies.ablation import Ablation
    from kmlp.studies.results import LevelResult

    run = study.run
    level = LevelResult(
        value=run.config.seed,
        parameters=run.parameters,
        runs=(run,),
        chance_limit=0.0,  # unused by these charts; to compute it would need the dataset
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
    charts=("curves", "steps", "seconds"),
    draw=_draw,
    report=write_page,
    export=write_rows,
)
