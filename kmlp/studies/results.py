"""Values of one thing, each with its runs over the seeds: which is better, if any?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any

from kmlp._util.text import count_of, enumerated
from kmlp.model.config import RunConfig, config_fields, dataset_of, value_text
from kmlp.statistics import Difference, Estimate, chance_limit, compare, estimate
from kmlp.studies import _convergence
from kmlp.studies._pairing import accuracy_by_seed, paired_differences
from kmlp.training.run import Run, common_settings

METRIC = "val_accuracy"
"""What values are compared by: the validation accuracy after the last epoch.
Losses of different loss functions could not be compared, and test data choose
nothing."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LevelResult:
    """The runs of one level, one a seed."""

    value: Any
    parameters: int
    """Number of weights and biases."""
    runs: tuple[Run, ...]
    chance_limit: float
    """Validation accuracy up to which a run counts as not having learned."""

    @property
    def finished(self) -> tuple[Run, ...]:
        """The runs that neither diverged nor failed."""
        return tuple(run for run in self.runs if run.status == "finished")

    @property
    def diverged(self) -> int:
        """How many runs diverged."""
        return sum(run.status == "diverged" for run in self.runs)

    @property
    def failed(self) -> int:
        """How many runs failed: training them ended in errors."""
        return sum(run.status == "failed" for run in self.runs)

    @property
    def did_not_learn(self) -> int:
        """How many of the finished runs never were better than chance."""
        best = (max(e.val_accuracy for e in run.history) for run in self.finished)
        return sum(accuracy <= self.chance_limit for accuracy in best)

    @property
    def val_accuracy(self) -> Estimate | None:
        """Mean over the finished runs; None if there is none."""
        return _mean_of([run.val_accuracy for run in self.finished])

    @property
    def test_accuracy(self) -> Estimate | None:
        """Mean over the finished runs; None if there is none."""
        return _mean_of([run.test_accuracy for run in self.finished])

    @property
    def val_loss(self) -> Estimate | None:
        """Mean over the finished runs; None if there is none."""
        return _mean_of([run.history[-1].val_loss for run in self.finished])

    @property
    def val_curve(self) -> tuple[float, ...]:
        """Validation accuracy by epoch, the mean over the finished runs; else empty."""
        columns = zip(*map(_val_accuracies, self.finished), strict=True)
        return tuple(math.fsum(column) / len(column) for column in columns)

    @property
    def best_epoch(self) -> Estimate | None:
        """See `convergence.best_epoch`; mean over the finished runs, likewise."""
        return _mean_of([_convergence.best_epoch(it) for it in self._curves])

    @property
    def epochs_to_near_best(self) -> Estimate | None:
        """See `convergence.first_epoch_near_best`; likewise."""
        return _mean_of([_convergence.first_epoch_near_best(it) for it in self._curves])

    @property
    def area_under_curve(self) -> Estimate | None:
        """See `convergence.area_under_curve`; likewise."""
        return _mean_of([_convergence.area_under_curve(it) for it in self._curves])

    @property
    def gap(self) -> Estimate | None:
        """See `convergence.gap`; likewise."""
        return _mean_of([_convergence.gap(run) for run in self.finished])

    def epochs_to(self, target: float) -> Estimate | None:
        """See `convergence.epochs_to`; mean over the finished runs that reached it."""
        found = [_convergence.epochs_to(run, target) for run in self.finished]
        return _mean_of([it for it in found if it is not None])

    def seconds_to(self, target: float) -> Estimate | None:
        """See `convergence.seconds_to`; likewise."""
        found = [_convergence.seconds_to(run, target) for run in self.finished]
        return _mean_of([it for it in found if it is not None])

    @property
    def _curves(self) -> list[list[float]]:
        return [_val_accuracies(run) for run in self.finished]

    @property
    def seconds_per_epoch(self) -> float | None:
        """Median over all epochs of all runs; None if there is none."""
        seconds = [record.seconds for run in self.runs for record in run.history]
        return median(seconds) if seconds else None

    @property
    def seconds(self) -> float:
        """Wall-clock time of all epochs of a run, the median over the runs."""
        return median(run.seconds for run in self.runs)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class StudyResult:
    """Values that were trained with the same seeds."""

    param: str
    """What its values are of: a field of `RunConfig`, or `"trial"`."""
    epochs: int
    seeds: tuple[int, ...]
    levels: tuple[LevelResult, ...]
    baseline: LevelResult | None = None
    """The value that the others are compared with; None: the best."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run, value by value."""
        return tuple(run for level in self.levels for run in level.runs)

    @property
    def settings(self) -> Mapping[str, str]:
        """See `kmlp.settings`: those that were not as they are by default."""
        return common_settings(self.runs)

    @property
    def epochs_text(self) -> str:
        """The epochs that its runs had: `10 epochs`."""
        return count_of(self.epochs, "epoch")

    @property
    def validates_on_test(self) -> bool:
        """Whether the test images choose, in all of its runs."""
        return all(run.config.validates_on_test for run in self.runs)

    def called(self, *values: str) -> str:
        """The name of values of the parameter: `width=32 and 64`, `trials 1 and 3`.

        Args:
            values: The values as texts, at least one.
        """
        if self.param in config_fields():
            return f"{self.param}={enumerated(values)}"
        return f"{self.param}{'s' if len(values) > 1 else ''} {enumerated(values)}"

    def text(self, level: LevelResult) -> str:
        """A value as text."""
        named = self.param in config_fields()
        return value_text(self.param, level.value) if named else str(level.value)

    @property
    def label_headers(self) -> tuple[str, ...]:
        """The headers of `labels`."""
        return (self.param,)

    def labels(self, level: LevelResult) -> tuple[str, ...]:
        """The texts that tell a level from the others."""
        return (self.text(level),)

    def epochs_of(self, level: LevelResult) -> int:
        """The target epochs of a level."""
        return self.epochs

    def best(self) -> LevelResult | None:
        """The one of `contenders` with the highest mean validation accuracy.

        Whether it is *better* is for `differences` to say.
        """
        means = {
            index: level.val_accuracy.mean
            for index, level in enumerate(self.levels)
            if level in self.contenders and level.val_accuracy is not None
        }
        return self.levels[max(means, key=means.__getitem__)] if means else None

    @property
    def contenders(self) -> tuple[LevelResult, ...]:
        """The values with the fewest runs that diverged or failed: the others rank
        behind them.

        Empty if every run of every value did.
        """
        fewest = min(level.diverged + level.failed for level in self.levels)
        return tuple(
            level
            for level in self.levels
            if level.diverged + level.failed == fewest and level.finished
        )

    @property
    def reference(self) -> LevelResult | None:
        """What the others are compared with: the baseline, else the best."""
        return self.baseline if self.baseline is not None else self.best()

    @property
    def comparisons(self) -> int:
        """How many differences are looked at together: with a baseline, which was chosen
        beforehand, one for each other value; with the best, which the same data chose,
        all pairs.
        """
        others = len(self.levels) - 1
        return others if self.baseline is not None else others * (others + 1) // 2

    def differences(self) -> tuple[Difference | None, ...]:
        """How far each value is from the `reference`, paired by seed.

        See `statistics.compare`.

        Returns:
            One a value: the difference, negative where it is worse, over the seeds that
            finished with both; None for the reference itself, or without such seeds.
        """
        reference = self.reference
        if reference is None:
            return (None,) * len(self.levels)
        others = [level for level in self.levels if level is not reference]
        pairs = [(level, reference) for level in others]
        if self.baseline is None:
            pairs += combinations(others, 2)
        by_seed = {level: accuracy_by_seed(level.runs) for level in self.levels}
        paired = {
            (one, other): sample
            for one, other in pairs
            if (sample := paired_differences(by_seed[one], by_seed[other], self.seeds))
        }
        found = dict(zip(paired, compare(list(paired.values())), strict=True))
        return tuple(found.get((level, reference)) for level in self.levels)


def _val_accuracies(run: Run) -> list[float]:
    return [record.val_accuracy for record in run.history]


def _mean_of(sample: Sequence[float]) -> Estimate | None:
    return estimate(sample) if sample else None


def chance_limit_of(config: RunConfig) -> float:
    """The validation accuracy up to which a run of it counts as not having learned."""
    dataset = dataset_of(config)
    return chance_limit(dataset.chance, len(dataset.validation))
