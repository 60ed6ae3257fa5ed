"""The discussion of a list of configurations."""

from __future__ import annotations

from kmlp.studies.config_list import ConfigList
from kmlp.studies.discussion import (
    Discussion,
    comparison_limits,
    fields_setup,
    fields_without,
    training_text,
)
from kmlp.studies.tables.shared import seeds_text


def discuss_config_list(study: ConfigList) -> Discussion:
    """The discussion of a list of configurations, for a report."""
    limits = list(comparison_limits(study))
    if len(study.levels) > 1:
        limits.insert(0, "The highest of several accuracies is too high on average.")
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
        limits=tuple(limits),
        tables=study.tables(),
        setup=(
            ("configurations", str(len(study.levels))),
            *((("varied", varied),) if varied else ()),
            *fields_setup(fields_without(study.base, study.varied)),
            ("seeds", seeds_text(study.seeds)),
            ("epochs", study.epochs_text),
            ("backend", study.backend),
            ("training", training_text(fused=study.fused)),
            *study.settings.items(),
        ),
        runs=tuple(
            (study.called(study.text(level)), run)
            for level in study.levels
            for run in level.runs
        ),
    )
