"""Statistics over seeds: means with intervals, and differences paired by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
"""The level of confidence intervals."""
_ROUNDING = 1e-12
"""Accuracies that differ by less than this count as equal."""
POWER = 0.8
"""Target statistical power."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its confidence interval."""

    mean: float
    interval: tuple[float, float] | None
    """Lower and upper end; None for a single seed, which has no spread."""
    size: int
    """The number of seeds."""


@dataclass(frozen=True, slots=True)
class Difference(Estimate):
    """A mean difference over seeds, one of several that are tested together."""

    p_value: float | None
    """Two-sided p-value of the paired t-test, with Holm's correction for several tests:
    the probability of a difference at least this large if the true one is zero. None, like
    the interval, if `paired_p_value` is None."""
    spread: float | None
    """Standard deviation over the seeds; None for a single seed."""

    @property
    def significant(self) -> bool:
        """True if the interval excludes zero. Then `p_value` is at most 0.05."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def estimate(sample: Sequence[float], *, confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of a sample with Student's t interval.

    Args:
        sample: One finite number for each seed, at least one.
        confidence: The fraction of samples whose interval contains the true mean, if the
            numbers are independent and normal. Defaults to 0.95.

    Returns:
        The estimate. Its interval is None for a sample of one number, and has zero width if
        all numbers are equal. The interval of two numbers reaches 12.7 standard errors to
        each side, because two numbers say little about the spread.

    Raises:
        ValueError: if the sample is empty or has a number that is not finite.

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
    mean, spread = _mean_and_spread(sample)
    if spread is None:
        return None
    from scipy.special import stdtrit

    size = len(sample)
    quantile = float(stdtrit(size - 1, (1 + confidence) / 2))
    half = quantile * spread * math.sqrt(1 + 1 / size)
    return mean - half, mean + half


def paired_p_value(differences: Sequence[float]) -> float | None:
    """Return the p-value of the paired t-test that the true mean difference is zero.

    Args:
        differences: One finite number for each seed: the result of one level minus that of
            another.

    Returns:
        The two-sided p-value; 1 if all differences are zero. None for a single seed, and if
        all differences are equal but not zero: then the spread is unknown. (With few
        seeds, equal differences occur by chance, because an accuracy is a whole number
        of images divided by their total.)

    Raises:
        ValueError: if a sample is empty or has a number that is not finite.

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
    """Return the p-values of several tests with Holm's correction.

    With a probability of at least 95 %, no true hypothesis has an adjusted p-value of
    0.05 or less.

    Args:
        p_values: One p-value for each test.

    Returns:
        The adjusted p-values, in the same order.

    Formula: with `p(1) <= ... <= p(m)`, `max over j <= i of min(1, (m - j + 1) p(j))`

    Example, with the values of R's `p.adjust(p, "holm")`:
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
    """Return several mean differences that are tested together.

    If the same data show which of `k` levels is the best, a comparison of the others
    with it tests all `k (k - 1) / 2` pairs. Then pass all of them.

    Args:
        differences: The differences of each pair, one finite number for each seed, at least
            one. Pairs whose `paired_p_value` is None are not tested and not counted.

    Returns:
        One difference for each pair, in the same order. Its interval has the level at which
        Holm's procedure tests the pair, so the interval excludes zero exactly if the
        p-value is below 0.05. If no pair differs, no interval excludes zero in 95 % of
        cases. Each interval is at least as wide as a 95 % interval of one pair.

    Raises:
        ValueError: if a sample is empty or has a number that is not finite.

    Formula: `estimate(d, confidence=1 - 0.05 / (m - i + 1))` for the pair with the
    `i`th lowest of `m` p-values. The first pair that is not rejected and all pairs
    after it have the `i` of that pair.

    Example:
    >>> clear, close = [0.05, 0.06, 0.055], [0.01, -0.02, 0.01]
    >>> [round(difference.p_value, 3) for difference in compare([clear, close])]
    [0.005, 1.0]

    Reference: S. Holm (1979), as for `holm`.
    """
    raw = [paired_p_value(sample) for sample in differences]
    tested = [p for p in raw if p is not None]
    adjusted = iter(holm(tested))
    levels = iter(_levels(tested))
    compared = []
    for sample, p_value in zip(differences, raw, strict=True):
        mean, spread = _mean_and_spread(sample)
        interval, p = None, None
        if p_value is not None:
            interval = estimate(sample, confidence=1 - next(levels)).interval
            p = next(adjusted)
        compared.append(Difference(mean, interval, len(sample), p_value=p, spread=spread))
    return compared


def _levels(p_values: Sequence[float]) -> list[float]:
    """Return the significance level at which Holm's procedure does each test."""
    levels, left = [0.0] * len(p_values), len(p_values)
    for index in _ascending(p_values):
        levels[index] = (1 - CONFIDENCE) / left
        if p_values[index] <= levels[index] and left > 1:
            left -= 1
    return levels


def seeds_to_resolve(
    difference: float, spread: float, *, comparisons: int = 1, most: int = 1000
) -> int | None:
    """Return the number of seeds at which a test detects a difference with 80 % power.

    Args:
        difference: The true mean difference of two levels.
        spread: Standard deviation of their difference, paired by seed, `spread > 0`.
        comparisons: The number of differences that are tested together. Each is tested at
            `0.05 / comparisons`, the first step of Holm's procedure. Defaults to 1.
        most: The largest number of seeds to consider. Defaults to 1000.

    Returns:
        The smallest number of seeds, at least 2; None if `most` seeds are too few.

    Formula: the smallest `n` with `P(|T| > t(n - 1, 1 - 0.05 / (2 comparisons))) >= 0.8`,
    where `T` is noncentral t with `n - 1` degrees of freedom and the noncentrality
    `sqrt(n) difference / spread`.

    Example, with the value of `pwr.t.test(d=0.5, power=0.8, type="paired")` in R:
    >>> seeds_to_resolve(0.5, 1.0)
    34

    Reference: J. Cohen (1988), Statistical power analysis for the behavioral sciences.
    """
    from scipy.special import nctdtr, stdtrit

    effect = abs(difference) / spread

    def power(size: int) -> float:
        critical = stdtrit(size - 1, 1 - (1 - CONFIDENCE) / comparisons / 2)
        # The other tail is neglected: it is below 1e-3 if the power is near 80 %.
        return float(1 - nctdtr(size - 1, math.sqrt(size) * effect, critical))

    low = 2
    while low <= most and power(low) < POWER:
        low += 1
    return low if low <= most else None


def chance_limit(chance: float, size: int) -> float:
    """Return the accuracy up to which a classifier counts as not having learned.

    Args:
        chance: The accuracy of always predicting the most frequent class, from 0 to 1.
        size: The number of images on which accuracy is measured.

    Formula: `chance + sqrt(chance * (1 - chance) / size)`: one standard error
    of a proportion above chance.

    Example:
    >>> round(chance_limit(0.1124, 10_000), 4)
    0.1156
    """
    return chance + math.sqrt(chance * (1 - chance) / size)


def _mean_and_spread(sample: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean and the standard deviation; None for that of a single number."""
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
