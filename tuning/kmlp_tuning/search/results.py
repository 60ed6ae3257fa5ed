"""`Search`: the results of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kmlp._util.text import count_of, protocol_text
from kmlp.data import facts_of
from kmlp.statistics import Estimate, estimate
from kmlp.studies.conclusion import VERDICTS, Conclusion
from kmlp.studies.judging import epochs_text, outcome_text
from kmlp.studies.level_conclusion import LevelConclusion, conclude
from kmlp.studies.level_result import LevelResult
from kmlp.studies.results import StudyResult
from kmlp.studies.rows import StudyRun, StudyRuns
from kmlp.studies.study import Study
from kmlp.training.run import At, Run, noun_of
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
    """The trials in the order in which they were drawn."""
    replication: StudyResult | None
    """The comparison of the best trials over other seeds; its values are the numbers of the
    trials. None if no trial was replicated.
    """
    selected_at_epoch: Mapping[int, int]
    """The epochs that each replicated trial had when it was selected, by its number."""
    chance: float
    """The validation accuracy of always predicting the most frequent class."""
    complete: bool
    """True if the search is finished."""
    importances: Importances | None
    """The importance of each hyperparameter. None if there are too few trials."""

    @property
    def at(self) -> At:
        """The epoch at which every run is judged, and which ranked the trials."""
        return self.settings.at

    @property
    def headline(self) -> str:
        """The dataset, the algorithm and the extent of the search, in a line."""
        settings = self.settings
        base = settings.base
        protocol = protocol_text(self.noun, on_test=base.validates_on_test)
        return (
            f"{base.dataset}, {settings.algorithm}, "
            f"{count_of(len(self.trials), 'configuration')}, {self.epochs_text}, "
            f"seed {base.seed}, {self.backend}{protocol}"
        )

    @property
    def epochs_text(self) -> str:
        """The most epochs of a trial, and the patience of early stopping, as text."""
        settings = self.settings
        up_to = "up to " if settings.patience is None else ""  # else the text has it
        return f"{up_to}{epochs_text(settings.max_epochs, settings.patience)}"

    def ranked(self) -> list[Trial]:
        """The trials with a score, the best first."""
        return rank(self.trials, self.settings.objective)

    def best(self) -> Trial | None:
        """The best trial. None if all trials diverged or failed.

        If the objective is the validation value of the metric and trials were replicated,
        it is the replicated trial with the best mean over the other seeds. (The scores of
        the search are optimistic: see `optimism`.) Otherwise it is the trial with the
        best score.
        """
        ranked = self.ranked()
        if self.settings.ranks_by_metric and self.replication is not None:
            level = self.replication.best()
            numbers = [level.value] if level is not None else []
            ranked = [trial for trial in ranked if trial.number in numbers] or ranked
        return next(iter(ranked), None)

    def selection_value(self, trial: Trial) -> float | None:
        """The validation value of a trial when it was selected for replication.

        None if it was not selected.
        """
        epochs = self.selected_at_epoch.get(trial.number)
        if epochs is None or trial.run is None:
            return None
        return trial.run.truncated(epochs).val_value

    def status(self, trial: Trial) -> Status:
        """The status of a trial."""
        target = self.settings.target(trial.epochs)
        if trial.run is None or not trial.run.reaches(target):
            return "waiting"
        if trial.run.status != "finished":
            return trial.run.status
        if trial.epochs >= self.settings.max_epochs:
            return "finished"
        return "stopped" if self._decided(trial) else "waiting"

    def _decided(self, trial: Trial) -> bool:
        """Return True if a trial cannot be promoted any more."""
        overtaken = self.settings.algorithm == "hyperband" and any(
            other.bracket == trial.bracket and other.rung > trial.rung
            for other in self.trials
        )
        return self.complete or bool(self.selected_at_epoch) or overtaken

    @property
    def failed(self) -> int:
        """The number of runs that failed."""
        return sum(run.status == "failed" for run in self.runs)

    @property
    def diverged(self) -> int:
        """The number of trials that diverged."""
        return sum(self.status(trial) == "diverged" for trial in self.trials)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run: those of the trials, then those of the replication."""
        levels = self.replication.levels if self.replication is not None else ()
        trials = [trial.run for trial in self.trials if trial.run is not None]
        return (*trials, *(run for level in levels for run in level.runs))

    @property
    def noun(self) -> str:
        """The word for the examples: "images", or "rows" of a table."""
        runs = self.runs
        return noun_of(runs) if runs else facts_of(self.settings.base.dataset).noun

    def optimism(self, trial: Trial) -> Estimate | None:
        """The selection bias of a replicated trial.

        It is the validation value at selection, minus the mean over the other seeds after
        the same number of epochs, with the interval of this mean. By a loss, it is that
        mean minus the loss at selection: how much too good the trial looked. None if the
        trial was not replicated.
        """
        value, level = self.selection_value(trial), self.replicated(trial)
        if value is None or level is None or not level.finished:
            return None
        epochs = self.selected_at_epoch[trial.number]
        others = [run.truncated(epochs).val_value for run in level.finished]
        sign = self.settings.metric.sign
        return estimate([sign * (value - other) for other in others])

    def replicated(self, trial: Trial) -> LevelResult | None:
        """The runs of a trial with other seeds. None if the trial was not replicated."""
        levels = self.replication.levels if self.replication is not None else ()
        return next((level for level in levels if level.value == trial.number), None)

    def with_models_loaded(self) -> Search:
        """The search with its models in memory, which need no store."""
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
        """The runs for tables and logs: those of the trials, then the replication."""
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
        replicated = [
            StudyRun(run=run, part="replication", trial=level.value)
            for level in (self.replication.levels if self.replication is not None else ())
            for run in level.runs
        ]
        return StudyRuns(
            study=self.name,
            kind=self.kind,
            varied=tuple(self.settings.space.fields),
            runs=(*trials, *replicated),
        )

    @property
    def conclusion(self) -> LevelConclusion | NotReplicated:
        """The comparison of the best trials over other seeds."""
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
                "Every configuration diverged or failed, so none is the best. Smaller "
                "learning rates diverge less often.",
            )
        so_far = "Best" if self.complete else "The search is not complete. Best so far"
        metric = self.settings.metric
        measured = metric.named("val" if best.config.validates_on_test else "test")
        level = self.replicated(best)
        others = None if level is None else level.test_value
        if others is None or self.replication is None:
            value = f"{metric.text(best.run.test_value)} {outcome_text(best.run)}"
        else:
            seeds = count_of(others.size, "other seed")
            moment = self.replication.moment_text
            value = f"{metric.text(others.mean)} (mean of {seeds}, {moment})"
        return (
            f"{so_far}: trial {best.number}, {measured} {value}. To train it again:",
            train_command(
                best.config,
                epochs=best.run.epochs,
                at=self.at,
                metric=metric,
                backend=self.backend,
                fused=self.settings.fused,
            ),
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class NotReplicated(Conclusion):
    """The conclusion of a search without a replication: its trials are not compared."""

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
            "margin": None,
            **{verdict: [] for verdict in VERDICTS},
            "fixed_learning_rates": [],
            "seeds_needed": None,
            "excluded": None,
            "caveats": [],
        }
