"""The discussion of a single run."""

from __future__ import annotations

from kmlp.studies.discussion import (
    ONLY_THIS_SETUP,
    Discussion,
    fields_setup,
    patience_setup,
    training_setup,
)
from kmlp.studies.single_run import RunStudy
from kmlp.studies.tables.run import run_table


def discuss_run(study: RunStudy) -> Discussion:
    """The discussion of a single run, for a report."""
    run = study.run
    return Discussion(
        question=f"How does one model learn? ({run.config.dataset})",
        answer=study.answer,
        limits=(
            "This is one seed. Other seeds give other results, and one run does not show "
            "how different they are.",
            ONLY_THIS_SETUP,
        ),
        tables=(run_table(study).titled("By epoch"),),
        setup=(
            *fields_setup(run.config.to_dict()),
            ("epochs", str(run.epochs)),
            *patience_setup(study.patience, run.noun),
            *training_setup(run.backend, fused=run.fused, settings=run.settings),
        ),
        runs=(("", run),),
    )
