"""Values of one thing, each with its runs over the seeds: which is better, if any?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import Any

from kmlp.config import RunConfig, config_fields, dataset_of, value_text
from kmlp.run import Run
from kmlp.statistics import (
    Estimate,
    chance_limit,
    estimate,
    first_epoch_near_best,
    paired_difference,
)

METRIC = "val_accuracy"
"""What values are compared by: the validation accuracy after the last epoch.
Losses of different loss functions could not be compared, and test data choose
nothing."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ValueResult:
    """The runs of one value of the axis, one a seed."""

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
    def epochs_to_near_best(self) -> float | None:
        """Mean over the finished runs of the first epoch within 1 % of the run's
        best; None if there is none.
        """
        epochs = [
            first_epoch_near_best([e.val_accuracy for e in run.history])
            for run in self.finished
        ]
        return math.fsum(epochs) / len(epochs) if epochs else None

    @property
    def seconds_per_epoch(self) -> float | None:
        """Median over all epochs of all runs; None if there is none."""
        seconds = [record.seconds for run in self.runs for record in run.history]
        return median(seconds) if seconds else None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Comparison:
    """Values that were trained with the same seeds."""

    axis: str
    """What its values are of: a field of `RunConfig`, or `"trial"`."""
    epochs: int
    seeds: tuple[int, ...]
    values: tuple[ValueResult, ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run, value by value."""
        return tuple(run for value in self.values for run in value.runs)

    def called(self, values: str) -> str:
        """What values of the axis are called: `width=32`, `trial 3`."""
        return f"{self.axis}{'=' if self.axis in config_fields() else ' '}{values}"

    def text(self, value: ValueResult) -> str:
        """A value as text."""
        named = self.axis in config_fields()
        return value_text(self.axis, value.value) if named else str(value.value)

    def best(self) -> ValueResult | None:
        """The one of `contenders` with the highest mean validation accuracy.

        Whether it is *better* is for `worse` to say of the others.
        """
        means = {
            index: value.val_accuracy.mean
            for index, value in enumerate(self.values)
            if value in self.contenders and value.val_accuracy is not None
        }
        return self.values[max(means, key=means.__getitem__)] if means else None

    @property
    def contenders(self) -> tuple[ValueResult, ...]:
        """The values with the fewest runs that diverged or failed: the others rank
        behind them.

        Empty if every run of every value did.
        """
        fewest = min(value.diverged + value.failed for value in self.values)
        return tuple(
            value
            for value in self.values
            if value.diverged + value.failed == fewest and value.finished
        )

    def difference(self, value: ValueResult) -> Estimate | None:
        """How far a value is from the best, paired by seed.

        The intervals of all pairs of values hold at once with 95 %, so that one
        that excludes zero is evidence although the data chose the best.

        Returns:
            The difference, negative where the value is worse, over the seeds
            that finished with both; None for the best itself or without seeds.
        """
        best = self.best()
        if best is None or value is best:
            return None
        ours, theirs = _by_seed(value), _by_seed(best)
        seeds = [seed for seed in self.seeds if seed in ours and seed in theirs]
        if not seeds:
            return None
        pairs = math.comb(len(self.values), 2)
        return paired_difference(
            [ours[seed] for seed in seeds],
            [theirs[seed] for seed in seeds],
            comparisons=pairs,
        )

    def worse(self, value: ValueResult) -> bool:
        """Whether the evidence shows that a value is worse than the best."""
        difference = self.difference(value)
        if difference is None or difference.interval is None:
            return False
        return difference.interval[1] < 0


def _by_seed(value: ValueResult) -> dict[int, float]:
    return {run.config.seed: run.val_accuracy for run in value.finished}


def _mean_of(sample: list[float]) -> Estimate | None:
    return estimate(sample) if sample else None


def chance_limit_of(config: RunConfig) -> float:
    """The validation accuracy up to which a run of it counts as not having learned."""
    dataset = dataset_of(config)
    return chance_limit(dataset.chance, len(dataset.validation))
