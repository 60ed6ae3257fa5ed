"""What seeds say: means with intervals, and differences that are paired by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its interval."""

    mean: float
    interval: tuple[float, float] | None
    """Lower and upper end; None with fewer than two seeds, which tell no spread."""
    size: int
    """Number of seeds."""


def estimate(sample: Sequence[float], *, confidence: float = CONFIDENCE) -> Estimate:
    """The mean of a sample with Student's t interval.

    Args:
        sample: One finite number a seed, at least one.
        confidence: The share of samples whose interval holds the true mean, if
            the numbers are independent and normal. Defaults to 0.95.

    Returns:
        The estimate; its interval is None for a sample of one, and of no width
        where all numbers are equal.

    Raises:
        ValueError: if the sample is empty or holds a number that is not finite.

    Formula: `mean +- t(n - 1, (1 + confidence) / 2) * s / sqrt(n)`, where `s`
    is the sample's standard deviation with `n - 1` in its denominator.

    Example:
    >>> estimate([0.96, 0.97, 0.98])
    Estimate(mean=0.97..., interval=(0.9451..., 0.9948...), size=3)
    >>> estimate([0.96]).interval is None
    True

    Reference: Student (1908), The probable error of a mean, Biometrika 6(1).
    """
    size = len(sample)
    if size == 0 or not all(map(math.isfinite, sample)):
        raise ValueError(f"The sample must be finite numbers, at least one: {sample}")
    mean = math.fsum(sample) / size
    if size == 1:
        return Estimate(mean, None, 1)
    from scipy.special import stdtrit

    variance = math.fsum((value - mean) ** 2 for value in sample) / (size - 1)
    half = float(stdtrit(size - 1, (1 + confidence) / 2)) * math.sqrt(variance / size)
    return Estimate(mean, (mean - half, mean + half), size)


def paired_difference(
    first: Sequence[float], second: Sequence[float], *, comparisons: int = 1
) -> Estimate:
    """The mean of `first - second`, paired by seed, with its interval.

    Args:
        first: One number a seed.
        second: The same for the same seeds, in the same order.
        comparisons: How many differences are looked at together: the interval
            is widened so that all of theirs hold at once with 95 %
            (Bonferroni). Comparing with the best of k values, which the same
            data chose, counts as all `k * (k - 1) / 2` pairs. Defaults to 1.

    Returns:
        The difference.

    Raises:
        ValueError: if the sequences differ in length, or as `estimate` does.

    Formula: `estimate(first - second, confidence=1 - 0.05 / comparisons)`

    Example:
    >>> paired_difference([0.96, 0.97, 0.99], [0.95, 0.95, 0.98])
    Estimate(mean=0.013..., interval=(-0.001..., 0.027...), size=3)

    Reference: O. J. Dunn (1961), Multiple comparisons among means, Journal of
    the American Statistical Association 56(293).
    """
    differences = [a - b for a, b in zip(first, second, strict=True)]
    return estimate(differences, confidence=1 - (1 - CONFIDENCE) / comparisons)


def first_epoch_near_best(val_accuracies: Sequence[float]) -> int:
    """The first epoch, from 1, within 1 % of the best one.

    Formula: the first `e` with `accuracy(e) >= 0.99 * max(accuracy)`

    Example:
    >>> first_epoch_near_best([0.90, 0.94, 0.95, 0.947])
    3
    """
    enough = 0.99 * max(val_accuracies)
    return next(
        epoch for epoch, value in enumerate(val_accuracies, start=1) if value >= enough
    )


def chance_limit(chance: float, size: int) -> float:
    """The accuracy up to which a classifier counts as not having learned.

    Args:
        chance: Accuracy of naming the most frequent class always.
        size: Number of images that an accuracy is measured on.

    Formula: `chance + sqrt(chance * (1 - chance) / size)`: one standard error
    of a proportion above chance.

    Example:
    >>> round(chance_limit(0.1124, 10_000), 4)
    0.1156
    """
    return chance + math.sqrt(chance * (1 - chance) / size)
