"""What seeds say: means with intervals, and differences that are paired by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
_ROUNDING = 1e-12
"""Accuracies that differ by less are equal."""
POWER = 0.8
"""How likely a difference is to be found with the number of seeds that is said to do."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its interval."""

    mean: float
    interval: tuple[float, float] | None
    """Lower and upper end; None with fewer than two seeds, which tell no spread."""
    size: int
    """Number of seeds."""


@dataclass(frozen=True, slots=True)
class Difference(Estimate):
    """A mean difference over seeds, one of several that are looked at together."""

    p_value: float | None
    """How likely differences of this size or more are where there is none, with Holm's
    correction for looking at several; None where it cannot be told: see `paired_p_value`.
    The interval is None then, too."""
    spread: float | None
    """Standard deviation over the seeds; None with fewer than two."""

    @property
    def significant(self) -> bool:
        """Whether the interval excludes zero; then `p_value` is at most 0.05."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def estimate(sample: Sequence[float], *, confidence: float = CONFIDENCE) -> Estimate:
    """The mean of a sample with Student's t interval.

    Args:
        sample: One finite number a seed, at least one.
        confidence: The share of samples whose interval holds the true mean, if
            the numbers are independent and normal. Defaults to 0.95.

    Returns:
        The estimate; its interval is None for a sample of one, and of no width
        where all numbers are equal. With two numbers it is 12.7 standard errors
        wide to each side, as it has to be.

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
    mean, spread = _mean_and_spread(sample)
    if spread is None:
        return Estimate(mean, None, size)
    from scipy.special import stdtrit

    half = float(stdtrit(size - 1, (1 + confidence) / 2)) * spread / math.sqrt(size)
    return Estimate(mean, (mean - half, mean + half), size)


def prediction_interval(
    sample: Sequence[float], *, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Where one more number of a sample would be.

    Args:
        sample: As for `estimate`.
        confidence: The share of samples whose interval holds the next number, if the
            numbers are independent and normal. Defaults to 0.95.

    Returns:
        Lower and upper end; None for a sample of one, which tells no spread.

    Raises:
        ValueError: as `estimate`.

    Formula: `mean +- t(n - 1, (1 + confidence) / 2) * s * sqrt(1 + 1 / n)`

    Example:
    >>> low, high = prediction_interval([0.96, 0.97, 0.98])
    >>> round(low, 4), round(high, 4)
    (0.9203, 1.0197)

    Reference: W. Q. Meeker, G. J. Hahn, L. A. Escobar (2017), Statistical Intervals,
    2nd edition, Wiley, chapter 4.
    """
    mean, spread = _mean_and_spread(sample)
    if spread is None:
        return None
    from scipy.special import stdtrit

    size = len(sample)
    quantile = float(stdtrit(size - 1, (1 + confidence) / 2))
    half = quantile * spread * math.sqrt(1 + 1 / size)
    return mean - half, mean + half


def paired_p_value(differences: Sequence[float]) -> float | None:
    """How likely a mean this far from zero is where the true one is zero (paired t-test).

    Args:
        differences: One finite number a seed: one value's result less another's.

    Returns:
        Two-sided; 1 where all differences are zero. None for a single seed, and where all
        are equal but not zero: then they tell no spread to measure the mean by. (Of few
        seeds that happens by chance, as an accuracy is a number of images.)

    Raises:
        ValueError: as `estimate`.

    Formula: `2 * P(T(n - 1) > |mean| / (s / sqrt(n)))`

    Example, R's documented one (`t.test` of its `sleep` data, paired):
    >>> extra = [-1.2, -2.4, -1.3, -1.3, 0.0, -1.0, -1.8, -0.8, -4.6, -1.4]
    >>> round(paired_p_value(extra), 6)
    0.002833

    Reference: Student (1908), The probable error of a mean, Biometrika 6(1).
    """
    mean, spread = _mean_and_spread(differences)
    if spread is None:
        return None
    if spread < _ROUNDING:
        return 1.0 if abs(mean) < _ROUNDING else None
    from scipy.special import stdtr

    size = len(differences)
    return float(2 * stdtr(size - 1, -abs(mean) * math.sqrt(size) / spread))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of tests that are looked at together, with Holm's correction.

    Of all those whose hypothesis is true, one is at most 0.05 in 5 % of cases.

    Args:
        p_values: One a test.

    Returns:
        The adjusted ones, in the same order.

    Formula: with `p(1) <= ... <= p(m)`, `max over j <= i of min(1, (m - j + 1) p(j))`

    Example, as R's `p.adjust(p, "holm")` has it:
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]

    Reference: S. Holm (1979), A simple sequentially rejective multiple test procedure,
    Scandinavian Journal of Statistics 6(2).
    """
    adjusted, highest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(_ascending(p_values)):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def compare(differences: Sequence[Sequence[float]]) -> list[Difference]:
    """Several mean differences that are looked at together.

    Comparing with the best of k values, which the same data chose, is looking at all
    `k (k - 1) / 2` pairs: give them all.

    Args:
        differences: Of each pair the differences, one finite number a seed, at least one.
            Pairs without a `paired_p_value` are not tested, and count for nothing.

    Returns:
        One a pair, in the same order. Its interval is at the level at which Holm's
        procedure tests it, so it excludes zero exactly where the p-value is below 0.05:
        in 95 % of cases none does where there is no difference, and each interval is at
        least as wide as one of 95 % by itself.

    Raises:
        ValueError: as `estimate`.

    Formula: `estimate(d, confidence=1 - 0.05 / (m - i + 1))` for the pair with the
    `i`th lowest of `m` p-values; from the first on that is not rejected, with its `i`.

    Example:
    >>> clear, close = [0.05, 0.06, 0.055], [0.01, -0.02, 0.01]
    >>> [round(it.p_value, 3) for it in compare([clear, close])]
    [0.005, 1.0]

    Reference: S. Holm (1979), as for `holm`.
    """
    raw = [paired_p_value(sample) for sample in differences]
    tested = [p for p in raw if p is not None]
    adjusted = iter(holm(tested))
    levels = iter(_levels(tested))
    found = []
    for sample, p_value in zip(differences, raw, strict=True):
        mean, spread = _mean_and_spread(sample)
        interval, p = None, None
        if p_value is not None:
            interval = estimate(sample, confidence=1 - next(levels)).interval
            p = next(adjusted)
        found.append(Difference(mean, interval, len(sample), p_value=p, spread=spread))
    return found


def _levels(p_values: Sequence[float]) -> list[float]:
    """The significance level at which Holm's procedure looks at each of the tests."""
    levels, left = [0.0] * len(p_values), len(p_values)
    for index in _ascending(p_values):
        levels[index] = (1 - CONFIDENCE) / left
        if p_values[index] <= levels[index] and left > 1:
            left -= 1
    return levels


def seeds_to_resolve(
    difference: float, spread: float, *, comparisons: int = 1, most: int = 1000
) -> int | None:
    """How many seeds it takes to find a difference with a probability of 80 %.

    Args:
        difference: The true mean difference of two values.
        spread: Standard deviation of their difference, paired by seed, `spread > 0`.
        comparisons: How many differences are looked at together: each is tested at
            `0.05 / comparisons`, the first step of Holm's procedure. Defaults to 1.
        most: The most seeds to think of. Defaults to 1000.

    Returns:
        The least number, at least 2; None if `most` do not do.

    Formula: the least `n` with `P(|T| > t(n - 1, 1 - 0.05 / (2 comparisons))) >= 0.8`,
    where `T` is noncentral t with `n - 1` degrees of freedom and the noncentrality
    `sqrt(n) difference / spread`.

    Example, as `pwr.t.test(d=0.5, power=0.8, type="paired")` of R's pwr has it:
    >>> seeds_to_resolve(0.5, 1.0)
    34

    Reference: J. Cohen (1988), Statistical power analysis for the behavioral sciences.
    """
    from scipy.special import nctdtr, stdtrit

    effect = abs(difference) / spread

    def power(size: int) -> float:
        critical = stdtrit(size - 1, 1 - (1 - CONFIDENCE) / comparisons / 2)
        # The other tail's part is below 1e-3 wherever the power is near 80 %.
        return float(1 - nctdtr(size - 1, math.sqrt(size) * effect, critical))

    low = 2
    while low <= most and power(low) < POWER:
        low += 1
    return low if low <= most else None


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


def _mean_and_spread(sample: Sequence[float]) -> tuple[float, float | None]:
    """The mean, and the standard deviation if there are two numbers at least."""
    size = len(sample)
    if size == 0 or not all(map(math.isfinite, sample)):
        raise ValueError(f"The sample must be finite numbers, at least one: {sample}")
    mean = math.fsum(sample) / size
    if size == 1:
        return mean, None
    variance = math.fsum((value - mean) ** 2 for value in sample) / (size - 1)
    return mean, math.sqrt(variance)


def _ascending(numbers: Sequence[float]) -> list[int]:
    return sorted(range(len(numbers)), key=numbers.__getitem__)
