"""Differences paired by seed, pair by pair."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kmlp.statistics._constants import CONFIDENCE, ROUNDING
from kmlp.statistics._differences import Difference, VerdictText
from kmlp.statistics._estimates import estimate, mean_and_spread
from kmlp.statistics._holm import holm


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
    mean, spread = mean_and_spread(differences)
    if spread is None:
        return None
    if spread < ROUNDING:
        return 1.0 if abs(mean) < ROUNDING else None
    from scipy.special import stdtr

    size = len(differences)
    return float(2 * stdtr(size - 1, -abs(mean) * math.sqrt(size) / spread))


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
    adjusted = iter(holm(tested).tolist())
    levels = iter(_levels(tested))
    compared = []
    for sample, p_value in zip(differences, raw, strict=True):
        mean, spread = mean_and_spread(sample)
        interval, p = None, None
        if p_value is not None:
            interval = estimate(sample, confidence=1 - next(levels)).interval
            p = next(adjusted)
        differs = interval is not None and not interval[0] <= 0 <= interval[1]
        verdict: VerdictText = "undecided"
        if differs:
            verdict = "better" if mean > 0 else "worse"
        compared.append(
            Difference(
                mean, interval, len(sample), p_value=p, spread=spread, verdict=verdict
            )
        )
    return compared


def _levels(p_values: Sequence[float]) -> list[float]:
    """Return the significance level at which Holm's procedure does each test."""
    levels, left = [0.0] * len(p_values), len(p_values)
    for index in _ascending(p_values):
        levels[index] = (1 - CONFIDENCE) / left
        if p_values[index] <= levels[index] and left > 1:
            left -= 1
    return levels


def _ascending(numbers: Sequence[float]) -> list[int]:
    return sorted(range(len(numbers)), key=numbers.__getitem__)
