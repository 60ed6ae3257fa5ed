"""The discussion of an ablation."""

from __future__ import annotations

from kmlp.studies.ablation import Ablation
from kmlp.studies.discussion import (
    ONLY_THIS_SETUP,
    Discussion,
    comparison_limits,
    fields_setup,
    patience_setup,
    runs_by_name,
    training_setup,
)
from kmlp.studies.tables.ablation import ablation_table, convergence_table
from kmlp.studies.tables.retuning import retuning_table


def discuss_ablation(study: Ablation) -> Discussion:
    """The discussion of an ablation, for a report."""
    levels = ", ".join(map(study.text, study.levels))
    return Discussion(
        question=f"What does {study.param} do? ({study.base.dataset})",
        answer=study.answer,
        limits=(*comparison_limits(study), ONLY_THIS_SETUP),
        tables=(
            ablation_table(study).titled(f"{study.param}: {study.headline}"),
            *([retuning_table(study)] if study.tunings else []),
            convergence_table(study).titled("Convergence"),
        ),
        setup=(
            ("varied", f"{study.param}: {levels}"),
            *fields_setup(study.base.fixed_fields((study.param, *study.retuned, "seed"))),
            ("seeds", ", ".join(map(str, study.seeds))),
            ("epochs", str(study.epochs)),
            *patience_setup(study.patience, study.noun),
            *training_setup(study.backend, fused=study.fused, settings=study.settings),
        ),
        runs=runs_by_name(study),
    )
