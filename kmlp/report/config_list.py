"""The discussion of a list of configurations."""

from __future__ import annotations

from kmlp.model.metrics import Metric
from kmlp.studies.config_list import ConfigList
from kmlp.studies.discussion import (
    ONLY_THIS_SETUP,
    Discussion,
    comparison_limits,
    fields_setup,
    patience_setup,
    runs_by_name,
    training_setup,
)
from kmlp.studies.tables.shared import seeds_text


def _optimism_text(metric: Metric) -> str:
    size = "high" if metric.higher_is_better else "low"
    return f"The {metric.best_word} of several {metric.titles} is too {size} on average."


def discuss_config_list(study: ConfigList) -> Discussion:
    """The discussion of a list of configurations, for a report."""
    limits = list(comparison_limits(study))
    if len(study.levels) > 1:
        limits.insert(0, _optimism_text(study.metric))
    if len(set(study.epochs_by_level)) > 1:
        limits.insert(
            0,
            "Some configurations had fewer epochs than others. More epochs might change "
            "their order.",
        )
    varied = ", ".join(study.varied)
    return Discussion(
        question=f"Which configuration is best? ({study.base.dataset})",
        answer=study.answer,
        limits=(*limits, ONLY_THIS_SETUP),
        tables=study.tables(),
        setup=(
            ("configurations", str(len(study.levels))),
            *((("varied", varied),) if varied else ()),
            *fields_setup(study.base.fixed_fields((*study.varied, "seed"))),
            ("seeds", seeds_text(study.seeds)),
            ("epochs", study.epochs_text),
            *patience_setup(study.patience, study.noun),
            *training_setup(study.backend, fused=study.fused, settings=study.settings),
        ),
        runs=runs_by_name(study),
    )
