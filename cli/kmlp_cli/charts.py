"""The charts that a study has, of whatever kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmlp_cli.loading import Loaded

if TYPE_CHECKING:
    import altair as alt

    from kmlp.studies.ablation import Ablation
    from kmlp.training.run import Run

KINDS = {
    "run": ("curves", "steps", "seconds"),
    "ablation": ("values", "curves", "seconds", "steps"),
    "configs": ("curves", "steps"),
    "search": ("curves", "parallel", "fields", "importance", "replication"),
}
"""What there is to plot of each kind of study, the default first."""


def draw(study: Loaded, kind: str) -> alt.TopLevelMixin:
    """A chart of a study.

    Args:
        study: Any.
        kind: One of `KINDS`.

    Raises:
        ConfigError: if the study has not what it shows.
    """
    if study.record.kind == "search":
        from kmlp_tuning.charts import CHARTS as OF_SEARCHES

        return OF_SEARCHES[kind](study.answer)
    if study.record.kind == "configs":
        from kmlp.charts.config_list import CHARTS as OF_TRIALS

        return OF_TRIALS[kind](study.answer)
    from kmlp.charts.ablation import CHARTS

    if study.record.kind == "run":
        return CHARTS[kind](_of_one(study.record.name, study.answer))
    return CHARTS[kind](study.answer)


def drawn(study: Loaded) -> list[tuple[str, alt.TopLevelMixin]]:
    """All charts of a study for which it has the numbers, each with its kind."""
    from kmlp.errors import ConfigError

    found: list[tuple[str, Any]] = []
    for kind in KINDS[study.record.kind]:
        try:
            found.append((kind, draw(study, kind)))
        except ConfigError:
            continue
    return found


def _of_one(name: str, run: Run) -> Ablation:
    """A run as an ablation of its seed, of one value, which charts can draw."""
    from kmlp.studies.ablation import Ablation
    from kmlp.studies.results import LevelResult

    value = LevelResult(
        value=run.config.seed,
        parameters=run.parameters,
        runs=(run,),
        chance_limit=0.0,  # no chart of one run asks; its dataset may be on no machine here
    )
    return Ablation(
        name=name,
        param="seed",
        base=run.config,
        epochs=run.epochs,
        seeds=(run.config.seed,),
        backend=run.backend,
        fused=run.fused,
        levels=(value,),
    )
