"""`Search`: what came of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kmlp._util.text import count_of, percent_text, protocol_text
from kmlp.studies.conclusion import Conclusion
from kmlp.studies.level_conclusion import LevelConclusion, conclude
from kmlp.studies.results import METRIC, StudyResult
from kmlp.studies.rows import StudyRun, StudyRuns
from kmlp.studies.study import Study
from kmlp.training.run import Run
from kmlp_tuning.search._command import train_command
from kmlp_tuning.search.importance import Importances
from kmlp_tuning.search.settings import SearchSettings
from kmlp_tuning.search.trial import Status, Trial, rank


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class Search(Study):
    """The results of a search."""

    kind = "search"

    settings: SearchSettings
    backend: str
    trials: tuple[Trial, ...]
    """In the order in which they were chosen."""
    replication: StudyResult | None
    """The best configurations with other seeds, the values being the numbers of their
    trials; None: none was."""
    selected_at_epoch: Mapping[int, int]
    """The epochs that each of them had when it was selected, by the number of its trial."""
    chance: float
    """Validation accuracy of naming the most frequent class always."""
    complete: bool
    """Whether all of it is done."""
    importances: Importances | None
    """Which hyperparameter mattered; None: too few trials to tell."""

    @property
    def headline(self) -> str:
        """What was searched and how, in a line."""
        settings = self.settings
        return (
            f"{settings.base.dataset}, {settings.algorithm}, "
            f"{count_of(len(self.trials), 'configuration')}, up to "
            f"{count_of(settings.max_epochs, 'epoch')}, seed {settings.base.seed}, "
            f"{self.backend}{protocol_text(on_test=settings.base.validates_on_test)}"
        )

    def ranked(self) -> list[Trial]:
        """The trials with a score, the best first."""
        return rank(self.trials, self.settings.objective)

    def best(self) -> Trial | None:
        """The best trial; None if all diverged or failed.

        Where the objective is the validation accuracy, it is of those that were replicated
        the one with the highest mean over the other seeds: a search's own scores are
        optimistic, the highest most of all (see `optimism`). Otherwise it is the one with
        the best score.
        """
        ranked = self.ranked()
        if self.settings.objective == METRIC and self.replication is not None:
            level = self.replication.best()
            numbers = [level.value] if level is not None else []
            ranked = [it for it in ranked if it.number in numbers] or ranked
        return next(iter(ranked), None)

    def selection_accuracy(self, trial: Trial) -> float | None:
        """The validation accuracy of a trial when it was selected to be replicated; None if
        it was not.
        """
        epochs = self.selected_at_epoch.get(trial.number)
        if epochs is None or trial.run is None:
            return None
        return trial.run.truncated(epochs).val_accuracy

    def status(self, trial: Trial) -> Status:
        """What came of a trial."""
        if trial.run is None or (
            trial.run.status == "finished" and trial.run.epochs < trial.epochs
        ):
            return "waiting"
        if trial.run.status != "finished":
            return trial.run.status
        if trial.epochs >= self.settings.max_epochs:
            return "finished"
        return "stopped" if self._decided(trial) else "waiting"

    def _decided(self, trial: Trial) -> bool:
        """Whether a trial can not be promoted any more."""
        overtaken = self.settings.algorithm == "hyperband" and any(
            it.bracket == trial.bracket and it.rung > trial.rung for it in self.trials
        )
        return self.complete or bool(self.selected_at_epoch) or overtaken

    @property
    def failed(self) -> int:
        """How many runs failed: training them ended in errors."""
        return sum(run.status == "failed" for run in self.runs)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run: those of the trials, then those with other seeds."""
        levels = self.replication.levels if self.replication is not None else ()
        trials = [trial.run for trial in self.trials if trial.run is not None]
        return (*trials, *(run for level in levels for run in level.runs))

    def optimism(self, trial: Trial) -> float | None:
        """The selection bias of a trial: its validation accuracy when it was selected, less
        the mean over the other seeds after as many epochs; None if it was not replicated.
        """
        accuracy = self.selection_accuracy(trial)
        for level in self.replication.levels if self.replication else ():
            epochs = self.selected_at_epoch[level.value]
            again = [run.truncated(epochs).val_accuracy for run in level.finished]
            if level.value == trial.number and accuracy is not None and again:
                return accuracy - sum(again) / len(again)
        return None

    def with_models_loaded(self) -> Search:
        """The search with its models in memory, for when the store is gone."""
        trials = tuple(
            replace(trial, run=trial.run.with_model_loaded() if trial.run else None)
            for trial in self.trials
        )
        replication = self.replication
        if replication is not None:
            levels = tuple(
                replace(level, runs=tuple(run.with_model_loaded() for run in level.runs))
                for level in replication.levels
            )
            replication = replace(replication, levels=levels)
        return replace(self, trials=trials, replication=replication)

    def study_runs(self) -> StudyRuns:
        """The runs, for tables and logs: those of the trials, then the replications."""
        trials = [
            StudyRun(
                run=trial.run,
                status=self.status(trial),
                part="search",
                trial=trial.number,
                bracket=trial.bracket,
                rung=trial.rung,
            )
            for trial in self.trials
            if trial.run is not None
        ]
        again = [
            StudyRun(run=run, part="replication", trial=level.value)
            for level in (self.replication.levels if self.replication is not None else ())
            for run in level.runs
        ]
        return StudyRuns(
            study=self.name,
            kind=self.kind,
            varied=tuple(self.settings.space.fields),
            runs=(*trials, *again),
        )

    @property
    def conclusion(self) -> LevelConclusion | NotReplicated:
        """What other seeds show of the best trials."""
        if self.replication is None:
            return NotReplicated(best=self.best())
        return conclude(self.replication)

    @property
    def answer(self) -> tuple[str, ...]:
        """The conclusion as a text, the best trial, and the command that trains it."""
        return (self.conclusion.text, *self.closing)

    @property
    def closing(self) -> tuple[str, ...]:
        """The results of the best trial, and the command that trains it."""
        best = self.best()
        if best is None or best.run is None:
            return (
                "Every configuration diverged or failed: there is no best one. Smaller "
                "learning rates diverge less.",
            )
        so_far = "Best" if self.complete else "The search is not complete. Best so far"
        measured = "validation" if best.config.validates_on_test else "test"
        accuracy = f"{measured} accuracy {percent_text(best.run.test_accuracy)} %"
        return (
            f"{so_far}: trial {best.number}, {accuracy} after "
            f"{count_of(best.run.epochs, 'epoch')}. The same again:",
            train_command(
                best.config,
                epochs=best.run.epochs,
                backend=self.backend,
                fused=self.settings.fused,
            ),
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class NotReplicated(Conclusion):
    """The conclusion of a search without a replication: none on its trials."""

    best: Trial | None

    @property
    def text(self) -> str:
        """The reason why no configuration is shown to be better, in a sentence."""
        return (
            "No trial was trained again with other seeds, so no configuration is shown to "
            "be better."
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "outcome": "not replicated",
            "best": None if self.best is None else self.best.number,
            "reference": None,
            "seeds": 0,
            "better": [],
            "worse": [],
            "undecided": [],
            "seeds_needed": None,
            "caveats": [],
        }
