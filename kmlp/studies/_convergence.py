"""Measures of how fast a run learned, from its validation value after each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kmlp.training.run import Run

NEAR = 1.1
"""The multiple of the best level's error up to which an error is near the best."""
_ROUNDING = 5e-7
"""A value that is worse than a target by less than this, times its size above 1, reaches
the target, because values are rounded to float32."""


@dataclass(frozen=True, slots=True)
class TimeToTarget:
    """The time in which the runs of a level reach a target."""

    target: float
    """The validation value of the metric; an accuracy is from 0 to 1."""
    median: float | None
    """The median over all runs, with those that do not reach the target. None: fewer than
    half of the runs reach the target."""
    limit: float
    """The longest time for which a run was trained."""
    reached: int
    """The number of runs that reach the target."""
    runs: int
    """The number of all runs."""


def near_best(runs: Sequence[Run]) -> float | None:
    """Return the validation value whose error is at most a tenth above that of runs.

    Args:
        runs: The runs of the best level, at least one, all finished.

    Returns:
        The value; None if the metric knows no error, or if the error is negative.

    Formula: `1 - 1.1 (1 - a)` for accuracy, where `a` is the mean over the runs of the
    highest validation accuracy; 1.1 times the mean of the lowest value for an error.
    """
    metric = runs[0].metric
    best = [metric.best(run.val_values) for run in runs]
    error = metric.error(math.fsum(best) / len(best))
    return None if error is None or error < 0 else metric.of_error(NEAR * error)


def area_under_curve(values: Sequence[float]) -> float:
    """Return the area under the curve of the validation value, divided by its width.

    This is the mean height of the curve. If two runs end with the same accuracy, the run
    that learned faster has the larger area; with the same loss, the smaller one. The area
    depends on the number of epochs.

    Formula: trapezoids: `sum(value(e) + value(e + 1)) / 2 / (epochs - 1)`. For a single
    epoch, the area is its value.

    Example:
    >>> round(area_under_curve([0.8, 0.9, 0.96]), 3)
    0.89
    """
    if len(values) == 1:
        return values[0]
    inner = math.fsum(values) - (values[0] + values[-1]) / 2
    return inner / (len(values) - 1)


def epochs_to(run: Run, target: float) -> int | None:
    """Return the first epoch, from 1, whose validation value reaches a target.

    Args:
        run: The run.
        target: A value of the metric of the run; an accuracy is from 0 to 1.

    Returns:
        The epoch; None if the run does not reach the target, or if it did not finish.
    """
    if run.status != "finished":
        return None
    sign = run.metric.sign
    enough = sign * target - _ROUNDING * max(1.0, abs(target))
    heights = ((record.epoch, sign * record.value(run.metric)) for record in run.history)
    return next((epoch for epoch, height in heights if height >= enough), None)


def seconds_to(run: Run, target: float) -> float | None:
    """Return the wall-clock seconds of the epochs up to `epochs_to`.

    The time includes compilation and evaluation.

    Args:
        run: The run.
        target: A value of the metric of the run; an accuracy is from 0 to 1.

    Returns:
        The seconds; None if `epochs_to` is None.
    """
    epochs = epochs_to(run, target)
    if epochs is None:
        return None
    return sum(record.seconds for record in run.history[:epochs])


def time_to_target(
    runs: Sequence[Run],
    target: float,
    time_to: Callable[[Run, float], float | None],
    time_of: Callable[[Run], float],
) -> TimeToTarget:
    """Return the time in which the runs of a level reach a target.

    Of a run that failed, the median uses only that it did not reach the target before it
    failed. A run that diverged never reaches the target.

    Args:
        runs: The runs, at least one.
        target: A value of the metric of the run; an accuracy is from 0 to 1.
        time_to: `epochs_to` or `seconds_to`.
        time_of: The whole time of a run, in the same unit.
    """
    reaching = [(run, time_to(run, target)) for run in runs]
    times = [time for _, time in reaching if time is not None]
    longest = max(map(time_of, runs))
    limits = [
        longest if run.status == "diverged" else time_of(run)
        for run, time in reaching
        if time is None
    ]
    return TimeToTarget(
        target=target,
        median=kaplan_meier_median(times, limits),
        limit=longest,
        reached=len(times),
        runs=len(runs),
    )


def kaplan_meier_median(times: Sequence[float], limits: Sequence[float]) -> float | None:
    """Return the median of times of which some are only known to be longer than a limit.

    Args:
        times: The known times.
        limits: For each other time, the limit that it exceeds.

    Returns:
        The shortest time that at most half of all times exceed, by the Kaplan-Meier
        estimate. None: by that estimate, more than half exceed the longest known time.

    Example:
    >>> kaplan_meier_median([2, 3, 3, 8], limits=[10])
    3.0
    >>> kaplan_meier_median([2], limits=[10, 10]) is None
    True

    Reference: E. L. Kaplan, P. Meier (1958), Nonparametric estimation from incomplete
    observations, Journal of the American Statistical Association 53(282).
    """
    if not times:
        return None
    from scipy.stats import CensoredData, ecdf

    exceeding = ecdf(CensoredData(uncensored=list(times), right=list(limits))).sf
    [places] = (exceeding.probabilities <= 0.5 + 1e-9).nonzero()
    return float(exceeding.quantiles[places[0]]) if len(places) else None
