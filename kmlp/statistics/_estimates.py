"""Means over seeds, with the intervals of the mean and of one more run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kmlp.statistics._constants import CONFIDENCE, ROUNDING


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its confidence interval."""

    mean: float
    interval: tuple[float, float] | None
    """Lower and upper end; None if the spread is unknown: for a single seed, and if all
    seeds are equal."""
    size: int
    """The number of seeds."""
    cut: bool = False
    """True if an end of the interval was beyond the bounds of the quantity, and was cut."""


def estimate(
    sample: Sequence[float],
    *,
    confidence: float = CONFIDENCE,
    bounds: tuple[float, float] | None = None,
    shared: float = 0.0,
) -> Estimate:
    """Return the mean of a sample with Student's t interval.

    Args:
        sample: One finite number for each seed, or for each seed and fold, at least one.
        confidence: The fraction of samples whose interval contains the true mean, if the
            numbers are independent and normal. Defaults to 0.95.
        bounds: The smallest and the largest possible number, such as (0, 1) for an
            accuracy. The interval is cut there. Defaults to None: it is not cut.
        shared: For runs on folds, the number of validation examples of a fold divided by
            that of its training examples: see `shared_of`. Defaults to 0: no folds.

    Returns:
        The estimate. Its interval is None for a sample of one number, and if all numbers
        are equal: then an interval of zero width would claim too much. The interval of two
        numbers reaches 12.7 standard errors to each side, because two numbers say little
        about the spread.

    Raises:
        ValueError: if the sample is empty or has a number that is not finite.

    Formula: `mean +- t(n - 1, (1 + confidence) / 2) * s * sqrt(1 / n + shared)`, where `s`
    is the sample's standard deviation with `n - 1` in its denominator.

    Example:
    >>> estimate([0.96, 0.97, 0.98])
    Estimate(mean=0.97..., interval=(0.9451..., 0.9948...), size=3, cut=False)
    >>> estimate([0.98, 0.99, 1.0], bounds=(0, 1))
    Estimate(mean=0.98..., interval=(0.9651..., 1), size=3, cut=True)
    >>> estimate([0.96]).interval is None
    True

    Reference: Student (1908), The probable error of a mean, Biometrika 6(1); for folds,
    C. Nadeau, Y. Bengio (2003), Inference for the generalization error, Machine Learning
    52(3).
    """
    size = len(sample)
    mean, spread = mean_and_spread(sample)
    if spread is None or spread < ROUNDING:
        return Estimate(mean, None, size)
    from scipy.special import stdtrit

    half = float(stdtrit(size - 1, (1 + confidence) / 2)) * spread
    half *= math.sqrt(1 / size + shared)
    low, high = mean - half, mean + half
    if bounds is None or (bounds[0] <= low and high <= bounds[1]):
        return Estimate(mean, (low, high), size)
    return Estimate(mean, (max(low, bounds[0]), min(high, bounds[1])), size, cut=True)


def prediction_interval(
    sample: Sequence[float], *, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Return the prediction interval for one more number of a sample.

    Args:
        sample: One finite number for each seed, at least one.
        confidence: The fraction of samples whose interval contains the next number, if the
            numbers are independent and normal. Defaults to 0.95.

    Returns:
        Lower and upper end; None for a sample of one number, which has no spread.

    Raises:
        ValueError: if a sample is empty or has a number that is not finite.

    Formula: `mean +- t(n - 1, (1 + confidence) / 2) * s * sqrt(1 + 1 / n)`

    Example:
    >>> low, high = prediction_interval([0.96, 0.97, 0.98])
    >>> round(low, 4), round(high, 4)
    (0.9203, 1.0197)

    Reference: W. Q. Meeker, G. J. Hahn, L. A. Escobar (2017), Statistical Intervals,
    2nd edition, Wiley, chapter 4.
    """
    mean, spread = mean_and_spread(sample)
    if spread is None:
        return None
    from scipy.special import stdtrit

    size = len(sample)
    quantile = float(stdtrit(size - 1, (1 + confidence) / 2))
    half = quantile * spread * math.sqrt(1 + 1 / size)
    return mean - half, mean + half


def shared_of(folds: int | None) -> float:
    """Return the correction for runs on folds, which share training examples.

    With K folds, each example is in the training parts of K - 1 runs. Their results are
    therefore correlated, and their mean varies more than that of independent results.
    Nadeau and Bengio estimate its variance as `s^2 (1 / n + shared)`, where `shared` is the
    number of validation examples of a fold divided by that of its training examples. More
    seeds, each with folds of its own, lower only the first term.

    Args:
        folds: The number of folds K, `K >= 2`. None: no folds.

    Returns:
        `1 / (K - 1)`; 0 without folds.

    Example:
    >>> shared_of(5), shared_of(None)
    (0.25, 0.0)

    Reference: C. Nadeau, Y. Bengio (2003), Inference for the generalization error, Machine
    Learning 52(3); R. R. Bouckaert, E. Frank (2004), Evaluating the replicability of
    significance tests for comparing learning algorithms, PAKDD, for repeated folds.
    """
    return 0.0 if folds is None else 1 / (folds - 1)


def mean_and_spread(sample: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean and the standard deviation; None for that of a single number.

    Raises:
        ValueError: if the sample is empty or has a number that is not finite.
    """
    size = len(sample)
    if size == 0 or not all(map(math.isfinite, sample)):
        raise ValueError(f"The sample must be finite numbers, at least one: {sample}")
    mean = math.fsum(sample) / size
    if size == 1:
        return mean, None
    variance = math.fsum((value - mean) ** 2 for value in sample) / (size - 1)
    return mean, math.sqrt(variance)
