"""The results of a study by level, with means over the seeds and paired differences."""

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
from kmlp.studies._convergence import TimeToTarget
from kmlp.studies._pairing import accuracy_by_seed, paired_differences
from kmlp.training.run import Run, common_settings

METRIC = "val_accuracy"
"""The measure that compares levels: the validation accuracy (see `kmlp.training.run.At`).

The values of different loss functions cannot be compared, and test data must not choose a
level."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LevelResult:
    """The runs of one level, one for each seed, and their means.

    A mean over the finished runs is None if no run finished.
    """

    value: Any
    """The value of the parameter."""
    parameters: int
    """The number of weights and biases."""
    runs: tuple[Run, ...]
    chance_limit: float
    """The validation accuracy, from 0 to 1, up to which a run did not learn."""

    @property
    def finished(self) -> tuple[Run, ...]:
        """The runs that neither diverged nor failed."""
        return tuple(run for run in self.runs if run.status == "finished")

    @property
    def diverged(self) -> int:
        """The number of runs that diverged."""
        return sum(run.status == "diverged" for run in self.runs)

    @property
    def failed(self) -> int:
        """The number of runs that failed: their training raised an error or crashed."""
        return sum(run.status == "failed" for run in self.runs)

    @property
    def did_not_learn(self) -> int:
        """The number of finished runs that were never better than chance."""
        best = (max(record.val_accuracy for record in run.history) for run in self.finished)
        return sum(accuracy <= self.chance_limit for accuracy in best)

    @property
    def val_accuracy(self) -> Estimate | None:
        """The mean validation accuracy of the finished runs, from 0 to 1."""
        return _mean_of([run.val_accuracy for run in self.finished])

    @property
    def test_accuracy(self) -> Estimate | None:
        """The mean test accuracy of the finished runs, from 0 to 1."""
        return _mean_of([run.test_accuracy for run in self.finished])

    @property
    def val_loss(self) -> Estimate | None:
        """The mean validation loss of the finished runs."""
        return _mean_of([run.val_loss for run in self.finished])

    @property
    def val_curve(self) -> tuple[float, ...]:
        """The mean validation accuracy of the finished runs by epoch; empty if none."""
        columns = zip(*map(_val_accuracies, self.finished), strict=True)
        return tuple(math.fsum(column) / len(column) for column in columns)

    @property
    def best_epoch(self) -> Estimate | None:
        """The epoch with the best validation accuracy, a mean over the finished runs."""
        return _mean_of([_convergence.best_epoch(curve) for curve in self._curves])

    @property
    def area_under_curve(self) -> Estimate | None:
        """The mean height of the validation curve, a mean over the finished runs."""
        return _mean_of([_convergence.area_under_curve(curve) for curve in self._curves])

    @property
    def gap(self) -> Estimate | None:
        """Training minus validation accuracy, a mean over the finished runs.

        The accuracies are those of the last epoch.
        """
        return _mean_of([_convergence.gap(run) for run in self.finished])

    def epochs_to(self, target: float) -> TimeToTarget:
        """Return the first epoch whose validation accuracy reaches a target.

        Args:
            target: The accuracy, from 0 to 1.

        Returns:
            The median over all runs, and the number of runs that reach the target.
        """
        return _convergence.time_to_target(
            self.runs, target, _convergence.epochs_to, lambda run: run.epochs
        )

    def seconds_to(self, target: float) -> TimeToTarget:
        """Return the seconds until the validation accuracy reaches a target.

        Args:
            target: The accuracy, from 0 to 1.

        Returns:
            The median over all runs, and the number of runs that reach the target.
        """
        return _convergence.time_to_target(
            self.runs, target, _convergence.seconds_to, lambda run: run.seconds
        )

    @property
    def _curves(self) -> list[list[float]]:
        return [_val_accuracies(run) for run in self.finished]

    @property
    def seconds_per_epoch(self) -> float | None:
        """The wall-clock seconds of an epoch, the median of all runs; None: no epoch."""
        seconds = [record.seconds for run in self.runs for record in run.history]
        return median(seconds) if seconds else None

    @property
    def seconds(self) -> float:
        """The wall-clock seconds of all epochs of a run, the median over the runs."""
        return median(run.seconds for run in self.runs)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class StudyResult:
    """The levels of a study, trained with the same seeds."""

    param: str
    """The parameter: a field of `RunConfig`, `"configuration"` or `"trial"`."""
    epochs: int
    """The epochs of every run; where they differ, the most."""
    seeds: tuple[int, ...]
    """The seeds of all runs."""
    levels: tuple[LevelResult, ...]
    baseline: LevelResult | None = None
    """The level that the others are compared with. None: the best."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run, level by level."""
        return tuple(run for level in self.levels for run in level.runs)

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of the backend that differ from the default; see `kmlp.settings`."""
        return common_settings(self.runs)

    @property
    def epochs_text(self) -> str:
        """The epochs of the runs as text, such as `10 epochs`."""
        return count_of(self.epochs, "epoch")

    @property
    def validates_on_test(self) -> bool:
        """True if all runs are validated on the test images."""
        return all(run.config.validates_on_test for run in self.runs)

    def called(self, *values: str) -> str:
        """Return the name of some levels: `width=32 and 64`, `trials 1 and 3`.

        Args:
            values: The values of the levels as texts, at least one.
        """
        if self.param in config_fields():
            return f"{self.param}={enumerated(values)}"
        return f"{self.param}{'s' if len(values) > 1 else ''} {enumerated(values)}"

    def text(self, level: LevelResult) -> str:
        """Return the value of a level as text."""
        named = self.param in config_fields()
        return value_text(self.param, level.value) if named else str(level.value)

    @property
    def label_headers(self) -> tuple[str, ...]:
        """The headers of the columns that `labels` fills."""
        return (self.param,)

    def labels(self, level: LevelResult) -> tuple[str, ...]:
        """Return the texts that distinguish a level from the others."""
        return (self.text(level),)

    def epochs_of(self, level: LevelResult) -> int:
        """Return the target epochs of a level."""
        return self.epochs

    def best(self) -> LevelResult | None:
        """Return the level of `contenders` with the highest mean validation accuracy.

        A higher mean can be chance: `differences` has the significance.

        Returns:
            The level; None if no run finished.
        """
        means = {
            index: level.val_accuracy.mean
            for index, level in enumerate(self.levels)
            if level in self.contenders and level.val_accuracy is not None
        }
        return self.levels[max(means, key=means.__getitem__)] if means else None

    @property
    def contenders(self) -> tuple[LevelResult, ...]:
        """The levels with the fewest runs that diverged or failed; all others rank behind.

        Empty if every run of every level diverged or failed.
        """
        fewest = min(level.diverged + level.failed for level in self.levels)
        return tuple(
            level
            for level in self.levels
            if level.diverged + level.failed == fewest and level.finished
        )

    @property
    def near_best(self) -> float | None:
        """The validation accuracy whose error is a tenth above that of the best level.

        The error of the best level is the mean over its finished runs, each at its best
        epoch. All levels have this target in common: see `LevelResult.epochs_to`. None if
        no run finished.
        """
        best = self.best()
        return None if best is None else _convergence.near_best(best.finished)

    @property
    def reference(self) -> LevelResult | None:
        """The level that the others are compared with: the baseline, else the best."""
        return self.baseline if self.baseline is not None else self.best()

    @property
    def comparisons(self) -> int:
        """The number of differences for which Holm's correction accounts.

        A baseline is chosen beforehand: one difference for each other level. The best level
        is chosen by the same data: one difference for each pair of levels.
        """
        others = len(self.levels) - 1
        return others if self.baseline is not None else others * (others + 1) // 2

    def differences(self) -> tuple[Difference | None, ...]:
        """Return the difference of each level from the `reference`, paired by seed.

        See `statistics.compare`.

        Returns:
            One difference for each level, over the seeds that finished with both; negative
            if the level is worse. None for the reference itself, or without such seeds.
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
        differences = dict(zip(paired, compare(list(paired.values())), strict=True))
        return tuple(differences.get((level, reference)) for level in self.levels)


def _val_accuracies(run: Run) -> list[float]:
    return [record.val_accuracy for record in run.history]


def _mean_of(sample: Sequence[float]) -> Estimate | None:
    return estimate(sample) if sample else None


def chance_limit_of(config: RunConfig) -> float:
    """Return the validation accuracy up to which a run of a configuration did not learn."""
    dataset = dataset_of(config)
    return chance_limit(dataset.chance, len(dataset.validation))
