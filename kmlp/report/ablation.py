"""The discussion of an ablation."""

from __future__ import annotations

from kmlp.studies.ablation import Ablation
from kmlp.studies.discussion import (
    Discussion,
    comparison_limits,
    fields_setup,
    fields_without,
    training_text,
)
from kmlp.studies.tables.ablation import ablation_table, convergence_table


def discuss_ablation(study: Ablation) -> Discussion:
    """The discussion of an ablation, for a report."""
    levels = ", ".join(map(study.text, study.levels))
    return Discussion(
        question=f"What does {study.param} do? ({study.base.dataset})",
        answer=study.answer,
        limits=comparison_limits(study),
        tables=(
            ablation_table(study).titled(f"{study.param}: {study.headline}"),
            convergence_table(study).titled("Convergence"),
        ),
        setup=(
            ("varied", f"{study.param}: {levels}"),
            *fields_setup(fields_without(study.base, [study.param])),
            ("seeds", ", ".join(map(str, study.seeds))),
            ("epochs", str(study.epochs)),
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
