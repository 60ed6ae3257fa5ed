"""`RunStudy`: a study of a single run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kmlp._util.text import protocol_text
from kmlp.store import Store, StudyRecord
from kmlp.studies.as_json import run_to_json
from kmlp.studies.rows import StudyRuns, one_run
from kmlp.studies.study import (
    ONLY_THIS_SETUP,
    Discussion,
    Study,
    fields_setup,
    training_text,
)
from kmlp.studies.table import Table
from kmlp.studies.tables import run_summary, run_table
from kmlp.training.run import Run


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class RunStudy(Study):
    """The results of a study of a single run."""

    kind = "run"

    run: Run

    @property
    def headline(self) -> str:
        """What was trained, in a line."""
        config = self.run.config
        on_test = protocol_text(on_test=config.validates_on_test)
        return f"{config.dataset}, seed {config.seed}, {self.run.backend}{on_test}"

    @property
    def runs(self) -> tuple[Run, ...]:
        """The run."""
        return (self.run,)

    @property
    def answer(self) -> tuple[str, ...]:
        """The outcome of the run."""
        return (run_summary(self.run),)

    def tables(self) -> tuple[Table, ...]:
        """A row for each epoch."""
        return (run_table(self.run),)

    def discussion(self) -> Discussion:
        """See `Study`."""
        run = self.run
        return Discussion(
            question=f"How does one model learn? ({run.config.dataset})",
            answer=self.answer,
            limits=(
                "One seed: another one may come to something else, by an amount that one "
                "run cannot tell.",
                ONLY_THIS_SETUP,
            ),
            tables=(run_table(run).titled("By epoch"),),
            setup=(
                *fields_setup(run.config.to_dict()),
                ("epochs", str(run.epochs)),
                ("backend", run.backend),
                ("training", training_text(fused=run.fused)),
                *run.settings.items(),
            ),
            runs=(("", run),),
        )

    def study_runs(self) -> StudyRuns:
        """Its run as a flat table."""
        return one_run(self.name, self.run)

    def to_dict(self) -> dict[str, Any]:
        """The run with its configuration."""
        return run_to_json(self.run)


def load_run(store: Store, record: StudyRecord) -> RunStudy:
    """Load a study of a single run, as far as it has come.

    Raises:
        StoreError: if it has no epoch yet.
    """
    run = record.only_run(store)
    missing = int(run.status == "finished" and run.epochs < record.epochs)
    return RunStudy(name=record.name, run=run, missing=missing)
