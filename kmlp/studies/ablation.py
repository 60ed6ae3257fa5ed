"""Ablations: the results of studies that vary one field and keep all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from kmlp._util.text import protocol_text
from kmlp.model.config import RunConfig
from kmlp.model.hyperparameters import config_fields
from kmlp.model.identity import varied_fields
from kmlp.model.metrics import ACCURACY, Metric
from kmlp.model.text import value_text
from kmlp.store import Store, StudyRecord
from kmlp.studies._planned import Planned
from kmlp.studies._retuned_rows import stored_tunings
from kmlp.studies.ablation_plan import (
    SEEDS,
    check_baseline,
    check_epoch,
    check_margin,
    check_target,
    read_value,
)
from kmlp.studies.auto_seeds import AutoSeeds, read_seeds
from kmlp.studies.axis import axis_of
from kmlp.studies.judging import check_at, stored_at
from kmlp.studies.learning import facts_from_lists
from kmlp.studies.level_conclusion import LevelConclusion, conclude
from kmlp.studies.level_result import LevelResult
from kmlp.studies.replicates import extent_text
from kmlp.studies.results import StudyResult
from kmlp.studies.rows import StudyRun, StudyRuns
from kmlp.studies.study import Study
from kmlp.training.run import At, Run

_INTERRUPTED = "The retuning is not finished. Run the command again."
_ALL_LOST = "Every run of the retuning diverged or failed, so that nothing is retuned."


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class Ablation(StudyResult, Study):
    """The results of an ablation: the levels of one parameter, each with its runs."""

    kind = "ablation"

    base: RunConfig
    """The configuration of every run; its parameter and seed are not used."""
    backend: str
    """The name of the Keras backend."""
    fused: bool
    """True if an epoch was one compiled program (see `kmlp.fit`)."""
    convergence: bool = False
    """True if `tables` include the convergence: the speed at which each level learned."""
    fixed: Ablation | None = None
    """The same ablation without retuning. None if no field was retuned."""
    not_retuned: str | None = None
    """The reason why a study that should be retuned is not, as a sentence."""
    target: float | None = None
    """A validation value of the metric; an accuracy is from 0 to 1. `tables` and `to_dict`
    include the time that each level took to reach this target. None: no target."""

    @property
    def headline(self) -> str:
        """The dataset, epochs, seeds and backend, in one line."""
        return (
            f"{self.base.dataset}, {self.epochs_text}, "
            f"{extent_text(len(self.seeds), self.folds)}, {self.backend}"
            f"{protocol_text(self.noun, on_test=self.validates_on_test)}"
        )

    @property
    def derived(self) -> tuple[dict[str, Any], ...]:
        """The defaults that follow the parameter and differ, as values by field.

        There is one dictionary for each level: with the optimizer, the learning rate
        differs. They are empty for most parameters.
        """
        configs = [level.runs[0].config for level in self.levels]
        varied = [*self.retuned, *varied_fields(configs)]
        names = [name for name in dict.fromkeys(varied) if name != self.param]
        return tuple({name: getattr(config, name) for name in names} for config in configs)

    @property
    def conclusion(self) -> LevelConclusion:
        """The levels that are better, worse or undecided, with advice and caveats."""
        return conclude(self)

    @property
    def answer(self) -> tuple[str, ...]:
        """The conclusion and, if fields were retuned, the finding without that."""
        if self.fixed is None:
            return (self.conclusion.text,)
        without = f"Without retuning: {self.fixed.conclusion.finding}"
        return (self.conclusion.text, without)

    def lacks(self, value: Any) -> bool:
        """Return True if no setting was found for a value that is retuned."""
        lost = [it.value for it in self.tunings if it.complete and it.chosen is None]
        return value in lost

    @property
    def limits(self) -> tuple[str, ...]:
        """Sentences that limit all results; see `Study.limits`."""
        own = [] if self.not_retuned is None else [self.not_retuned]
        return (*Study.limits.fget(self), *own)  # type: ignore[attr-defined]

    def compared_with(self, baseline: Any) -> Ablation:
        """Return the same ablation with a baseline in place of the best level.

        Its conclusion says so if the baseline is not the one that `ablate` was called with:
        a baseline that is chosen after the results shows differences too easily.

        Args:
            baseline: The value of a level.

        Raises:
            ConfigError: if no level has this value.
        """
        values = [level.value for level in self.levels]
        level = self.levels[check_baseline(self.param, values, baseline)]
        return replace(self, baseline=level)

    def viewed(
        self,
        *,
        baseline: Any = None,
        margin: float | None = None,
        at: At | None = None,
        metric: Metric | str | None = None,
        convergence: bool = False,
        target: float | None = None,
        target_accuracy: float | None = None,
    ) -> Ablation:
        """Return the study as it is to be shown; see `Study.viewed`."""
        study = self if metric is None else self.measured_by(self._metric_of(metric))
        if at is not None:
            study = study.judged_at(check_at(at))
        if margin is not None:
            study = replace(study, margin=check_margin(margin, study.metric))
        if baseline is not None:
            value = read_value(self.param, baseline)
            if not study.lacks(value):
                study = study.compared_with(value)
        target = check_target(target, target_accuracy, study.metric)
        fixed = study.fixed and study.fixed.viewed(
            baseline=baseline, margin=margin, at=at, metric=metric
        )
        return replace(study, convergence=convergence, target=target, fixed=fixed)

    def _longest_runs(self) -> list[Run]:
        """Return every run once, with the most epochs that a level has of it."""
        longest: dict[RunConfig, Run] = {}
        for run in sorted(self.runs, key=lambda run: run.epochs):
            longest[run.config] = run
        return [
            longest[config] for config in dict.fromkeys(run.config for run in self.runs)
        ]

    def judged_at(self, at: At) -> Self:
        """Return the study with each run judged at its best or at its last epoch.

        Raises:
            ConfigError: if the values themselves state the epoch at which they are judged.
        """
        check_epoch(self.param, at)
        return StudyResult.judged_at(self, at)

    def study_runs(self) -> StudyRuns:
        """Return the runs as a flat table."""
        return StudyRuns(
            study=self.name,
            kind=self.kind,
            varied=tuple(
                name for name in (self.param, *self.retuned) if name in config_fields()
            ),
            runs=tuple(StudyRun(run=run, part=part) for part, run in self._runs_by_part()),
        )

    def _runs_by_part(self) -> Iterator[tuple[str | None, Run]]:
        """Yield every run with its part of a retuned ablation, else None."""
        for run in self._longest_runs():
            yield "retuned" if self.tunings else None, run
        for run in self.fixed.runs if self.fixed else ():
            yield "fixed", run
        for tuning in self.tunings:
            for run in tuning.runs:
                yield "tuning", run


def load_ablation(store: Store, study: StudyRecord) -> Ablation:
    """Load an ablation with the runs that are finished.

    Values without a finished run are left out.

    Args:
        store: The open store.
        study: The record of the ablation.

    Raises:
        StoreError: if no run is finished.
    """
    runs_by_level = study.finished_runs(store)
    ablation = ablation_of(study, runs_by_level, study.epochs_by_level)
    if not ablation.levels:  # there are only runs of its tuning
        raise study.unfinished_error()
    return replace(ablation, missing=study.missing(runs_by_level))


def ablation_of(
    record: StudyRecord, runs_by_level: list[list[Run]], epochs: Sequence[int]
) -> Ablation:
    """Build an ablation from its record and its runs; values without a run are left out."""
    if "retune" not in record.identity:
        return _ablation(record, runs_by_level, epochs)
    levels = record.progress["levels"]
    fixed = _ablation(record, runs_by_level[levels : 2 * levels], epochs)
    tunings = stored_tunings(record, runs_by_level)
    chosen = _ablation(record, runs_by_level[:levels], epochs)
    if not chosen.levels:
        lost = all(tuning.complete for tuning in tunings)
        return replace(fixed, not_retuned=_ALL_LOST if lost else _INTERRUPTED)
    return replace(chosen, tunings=tunings, fixed=fixed)


def _ablation(
    record: StudyRecord, runs_by_level: Sequence[Sequence[Run]], epochs: Sequence[int]
) -> Ablation:
    """Build an ablation from the runs of its levels."""
    param, progress = record.identity["param"], record.progress
    axis = axis_of(param)
    study = Ablation(
        name=record.name,
        param=param,
        base=RunConfig.restored(record.identity["base"]),
        epochs=max(epochs),
        patience=record.patience,
        seeds=tuple(record.extent["seeds"]),
        backend=record.identity["backend"],
        fused=record.identity["fused"],
        levels=tuple(
            LevelResult(
                value=axis.value(runs[0].config, value),
                parameters=runs[0].parameters,
                runs=tuple(axis.read(run, value) for run in runs),
                **facts.to_dict(),
            )
            for value, runs, facts in zip(
                record.extent["values"],
                runs_by_level,
                facts_from_lists(progress),
                strict=True,
            )
            if runs
        ),
        planned=Planned.restored(progress),
        asked_values=tuple(value_text(param, value) for value in record.extent["values"]),
        looks=tuple(progress.get("looks", ())),
        most_seeds=_most_seeds(record),
    )
    study = study.measured_by(record.metric).judged_at(stored_at(progress))
    # The margin is in the unit of the metric.
    study = replace(study, margin=progress.get("margin", ACCURACY.margin))
    # An interruption can come before the baseline is trained.
    planned = [it for it in study.levels if study.text(it) == study.planned.baseline]
    return replace(study, baseline=planned[0]) if planned else study


def _most_seeds(record: StudyRecord) -> int | None:
    auto = read_seeds(record.identity.get("seeds", SEEDS))
    return auto.most if isinstance(auto, AutoSeeds) else None
