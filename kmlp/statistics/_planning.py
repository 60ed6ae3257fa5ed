"""The number of seeds that shows a difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from kmlp.statistics._constants import ERROR_RATE, POWER, ROUNDING
from kmlp.statistics._estimates import mean_and_spread

_PLANNING_CONFIDENCE = 0.8
"""The confidence of a range of seeds."""


def seeds_to_resolve(
    difference: float,
    spread: float,
    *,
    comparisons: int = 1,
    most: int = 1000,
    shared: float = 0.0,
) -> int | None:
    """Return the number of seeds at which a test detects a difference with 80 % power.

    Args:
        difference: The true mean difference of two levels.
        spread: Standard deviation of their difference, paired by seed, `spread > 0`.
        comparisons: The number of differences that are tested together. Each is tested at
            `0.05 / comparisons`, the first step of Holm's procedure. Defaults to 1.
        most: The largest number of seeds to consider, at least 2. Defaults to 1000.
        shared: The correction for runs on folds, each a seed here: see `shared_of`.
            Defaults to 0: no folds.

    Returns:
        The smallest number of seeds, at least 2; None if `most` seeds are too few.

    Formula: the smallest `n` with `P(|T| > t(n - 1, 1 - 0.05 / (2 comparisons))) >= 0.8`,
    where `T` is noncentral t with `n - 1` degrees of freedom and the noncentrality
    `difference / (spread sqrt(1 / n + shared))`.

    Example, with the value of `pwr.t.test(d=0.5, power=0.8, type="paired")` in R:
    >>> seeds_to_resolve(0.5, 1.0)
    34

    Reference: J. Cohen (1988), Statistical power analysis for the behavioral sciences.
    """
    from scipy.special import nctdtr, stdtrit

    effect = abs(difference) / spread

    def power(size: int) -> float:
        critical = stdtrit(size - 1, 1 - ERROR_RATE / comparisons / 2)
        # The other tail is neglected: it is below 1e-3 if the power is near 80 %.
        noncentrality = effect / math.sqrt(1 / size + shared)
        return float(1 - nctdtr(size - 1, noncentrality, critical))

    # The power rises with the number of seeds, so that doubling and halving finds it.
    low, high = 1, 2
    while high < most and power(high) < POWER:
        low, high = high, min(2 * high, most)
    if power(high) < POWER:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


def seeds_range(
    differences: Sequence[float],
    *,
    comparisons: int = 1,
    most: int = 1000,
    shared: float = 0.0,
) -> tuple[int, int | None] | None:
    """Return the range of the number of seeds that would show a difference.

    The number depends on the true difference and spread, of which few seeds say little. In
    at least 80 % of studies, the range holds the number that `seeds_to_resolve` gives for
    the truth.

    Args:
        differences: The result of one level minus that of another for each seed.
        comparisons: The number of differences that are tested together. Defaults to 1.
        most: The largest number of seeds to consider, at least 2. Defaults to 1000.
        shared: The correction for runs on folds, each a seed here: see `shared_of`.
            Defaults to 0: no folds.

    Returns:
        The lowest and the highest number of seeds. The highest is None if the range has no
        end, since there may be no difference, or if it is above `most`. None in place of
        the range if even the lowest is, or if the spread is unknown: for one seed, or if
        all differences are equal.

    Raises:
        ValueError: if a sample is empty or has a number that is not finite.

    Formula: `seeds_to_resolve` for both ends of the 80 % interval of the effect, which is
    the difference divided by the spread. The ends are `c sqrt(1 / n + shared)`, where `c`
    is the noncentrality at which `P(T > t)` is 0.1 or 0.9, with the `t` of the paired test.

    Example:
    >>> seeds_range([0.011, 0.002, 0.009, -0.003, 0.008])
    (6, 244)

    Reference: G. Cumming, S. Finch (2001), A primer on the understanding, use, and
    calculation of confidence intervals that are based on central and noncentral
    distributions, Educational and Psychological Measurement 61(4).
    """
    from scipy.special import nctdtrinc

    mean, spread = mean_and_spread(differences)
    if spread is None or spread < ROUNDING:
        return None
    root = 1 / math.sqrt(1 / len(differences) + shared)
    # Beyond this, two or three seeds are enough, and the distribution is slow to evaluate.
    t = min(abs(mean) / spread * root, 1e3)
    tail = (1 - _PLANNING_CONFIDENCE) / 2
    least, largest = (
        float(nctdtrinc(len(differences) - 1, it, t)) / root for it in (1 - tail, tail)
    )
    needed = partial(
        seeds_to_resolve, spread=1.0, comparisons=comparisons, most=most, shared=shared
    )
    low = needed(largest)
    if low is None:
        return None
    high = None
    if least > 0:
        high = needed(least)
    return low, high
