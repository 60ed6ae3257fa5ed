"""The results of one level: its runs, one for each seed, and their means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import Any

from kmlp.model.metrics import ACCURACY, Metric, Part
from kmlp.statistics import Estimate, estimate, proportion_error, shared_of
from kmlp.studies import _convergence
from kmlp.studies._convergence import TimeToTarget
from kmlp.studies.learning import DataFacts, learned
from kmlp.training.run import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class LevelResult:
    """The runs of one level, one for each seed, and their means.

    A mean over the finished runs is None if no run finished.
    """

    value: Any
    """The value of the parameter."""
    parameters: int
    """The number of parameters."""
    runs: tuple[Run, ...]
    chance_limit: float | None
    """The validation accuracy, from 0 to 1, up to which a run did not learn. None: that of
    a regression, which has no accuracy."""
    validation_images: int | None = None
    """The number of validation images; None: unknown."""
    classes: int | None = None
    """The number of classes; None: unknown."""

    @cached_property
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
        """The number of `unlearned` runs."""
        return len(self.unlearned)

    @cached_property
    def unlearned(self) -> tuple[Run, ...]:
        """The finished runs that are no better than an untrained network."""
        facts = DataFacts(
            chance_limit=self.chance_limit,
            validation_images=self.validation_images,
            classes=self.classes,
        )
        return tuple(run for run in self.finished if not learned(run, facts))

    @property
    def metric(self) -> Metric:
        """The metric by which the runs are compared."""
        return next((run.metric for run in self.runs), ACCURACY)

    def value_of(self, part: Part) -> Estimate | None:
        """Return the mean of the metric on a part of the data, over the finished runs."""
        return self._mean_of(self.metric, [run.value(part) for run in self.finished])

    @cached_property
    def val_value(self) -> Estimate | None:
        """The mean validation value of the metric, over the finished runs."""
        return self.value_of("val")

    @cached_property
    def test_value(self) -> Estimate | None:
        """The mean test value of the metric, over the finished runs."""
        return self.value_of("test")

    @cached_property
    def last_val_value(self) -> Estimate | None:
        """The mean validation value of the metric after the last epoch."""
        last = [run.history[-1].value(self.metric) for run in self.finished]
        return self._mean_of(self.metric, last)

    @cached_property
    def val_accuracy(self) -> Estimate | None:
        """The mean validation accuracy of the finished runs, from 0 to 1, also if another
        metric compares them; None if it was not recorded.
        """
        return self._mean_of(ACCURACY, [run.val_accuracy for run in self.finished])

    @cached_property
    def test_accuracy(self) -> Estimate | None:
        """The mean test accuracy of the finished runs, from 0 to 1."""
        return self._mean_of(ACCURACY, [run.test_accuracy for run in self.finished])

    @cached_property
    def drop(self) -> float:
        """How much worse the mean after the last epoch is than that at the best epochs.

        At least 0; 0 if no run finished.
        """
        if self.last_val_value is None:
            return 0.0
        best = [run.judged_at("best").val_value for run in self.finished]
        return self.metric.sign * (math.fsum(best) / len(best) - self.last_val_value.mean)

    @property
    def image_variance(self) -> float:
        """The variance of the mean validation accuracy from one set of images to another.

        That of a single image if their number is unknown, and 0 if no run finished. It is
        that of a binomial proportion, and known for accuracy only: nan for other metrics.

        Formula: `p (1 - p) / N` for `N` images
        """
        if self.val_value is None:
            return 0.0
        if self.metric != ACCURACY:
            return math.nan
        return proportion_error(self.val_value.mean, self.validation_images or 1) ** 2

    @property
    def val_loss(self) -> Estimate | None:
        """The mean validation loss of the finished runs."""
        return self._mean([run.val_loss for run in self.finished])

    @property
    def val_curve(self) -> tuple[float, ...]:
        """The mean validation value of the metric by epoch, over the finished runs; empty
        if there is none.
        """
        columns = zip(*self._curves, strict=False)
        return tuple(math.fsum(column) / len(column) for column in columns)

    @property
    def best_epoch(self) -> Estimate | None:
        """The epoch with the best validation value, a mean over the finished runs."""
        return self._mean([1 + self.metric.best_place(curve) for curve in self._curves])

    @property
    def area_under_curve(self) -> Estimate | None:
        """The mean height of the validation curve, a mean over the finished runs."""
        return self._mean([_convergence.area_under_curve(curve) for curve in self._curves])

    @property
    def epochs(self) -> Estimate | None:
        """The epochs of a run, a mean over the finished runs."""
        return self._mean([run.epochs for run in self.finished])

    @property
    def gap(self) -> Estimate | None:
        """The mean generalisation gap of the finished runs, as `Metric.gap` defines it.

        By accuracy, it is training minus validation accuracy, from -1 to 1, at the epoch at
        which each run is judged. None for a metric that is not recorded of training.
        """
        gaps = [run.gap for run in self.finished]
        return self._mean(gaps) if all(map(math.isfinite, gaps)) else None

    def epochs_to(self, target: float) -> TimeToTarget:
        """Return the first epoch whose validation value reaches a target.

        Args:
            target: The value of the metric; an accuracy is from 0 to 1.

        Returns:
            The median over all runs, and the number of runs that reach the target.
        """
        return _convergence.time_to_target(
            self.runs, target, _convergence.epochs_to, lambda run: run.epochs
        )

    def seconds_to(self, target: float) -> TimeToTarget:
        """Return the seconds until the validation value reaches a target.

        Args:
            target: The value of the metric; an accuracy is from 0 to 1.

        Returns:
            The median over all runs, and the number of runs that reach the target.
        """
        return _convergence.time_to_target(
            self.runs, target, _convergence.seconds_to, lambda run: run.seconds
        )

    @property
    def shared(self) -> float:
        """The correction for folds: see `kmlp.statistics.shared_of`."""
        return shared_of(next((run.config.folds for run in self.runs), None))

    def _mean_of(self, metric: Metric, sample: Sequence[float]) -> Estimate | None:
        return mean_of(metric, sample, shared=self.shared)

    def _mean(self, sample: Sequence[float]) -> Estimate | None:
        return estimate(sample, shared=self.shared) if sample else None

    @property
    def _curves(self) -> list[tuple[float, ...]]:
        return [run.val_values for run in self.finished]

    @property
    def seconds_per_epoch(self) -> float | None:
        """The wall-clock seconds of an epoch, the median of all runs; None: no epoch."""
        seconds = [record.seconds for run in self.runs for record in run.history]
        return median(seconds) if seconds else None

    @property
    def seconds(self) -> float:
        """The wall-clock seconds of all epochs of a run, the median over the runs."""
        return median(run.seconds for run in self.runs)


def mean_of(
    metric: Metric, sample: Sequence[float], *, shared: float = 0.0
) -> Estimate | None:
    """Return the mean of values of a metric with its interval; None if one is missing.

    Args:
        metric: The metric.
        sample: The values, one for each run.
        shared: See `kmlp.statistics.estimate`. Defaults to 0: no folds.
    """
    if not sample or any(map(math.isnan, sample)):
        return None
    scale = metric.scale(sample)
    low, high = (bound / scale for bound in metric.bounds)
    scaled = estimate(
        [value / scale for value in sample], bounds=(low, high), shared=shared
    )
    ends = scaled.interval
    return replace(
        scaled,
        mean=scale * scaled.mean,
        interval=None if ends is None else (scale * ends[0], scale * ends[1]),
    )
