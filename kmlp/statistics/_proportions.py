"""Shares: of images classified right, and of runs that diverged."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from kmlp.statistics._constants import CONFIDENCE, Floats


def wilson_interval(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share.

    Args:
        count: The number of runs (or images) that have the property, `0 <= count <= total`.
        total: The number of all, at least 1.

    Returns:
        Lower and upper end, from 0 to 1.

    Formula: `(p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)`, where
    `z` is the 97.5 % quantile of the normal distribution.

    Example, 1 of 20 runs diverged:
    >>> low, high = wilson_interval(1, 20)
    >>> round(low, 3), round(high, 3)
    (0.009, 0.236)

    Reference: E. B. Wilson (1927), Probable inference, the law of succession, and
    statistical inference, Journal of the American Statistical Association 22(158).
    """
    from scipy.special import ndtri

    z = float(ndtri((1 + CONFIDENCE) / 2))
    share, square = count / total, z**2 / total
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total))
    low, high = ((share + square / 2 + it) / (1 + square) for it in (-half, half))
    return max(0.0, low), min(1.0, high)


def proportion_error(share: float, total: int) -> float:
    """Return the standard error of a share, such as of an accuracy of so many images.

    Args:
        share: The share, from 0 to 1.
        total: The number of all, at least 1.

    Formula: `sqrt(share (1 - share) / total)`

    Example, an accuracy of 97 % on 10,000 images:
    >>> round(proportion_error(0.97, 10_000), 4)
    0.0017
    """
    return math.sqrt(share * (1 - share) / total)


def chance_limit(chance: float, size: int) -> float:
    """Return the accuracy up to which a classifier counts as not having learned.

    Args:
        chance: The accuracy of always predicting the most frequent class, from 0 to 1.
        size: The number of images on which accuracy is measured.

    Returns:
        The limit, at most 1.

    Formula: `chance + 3 sqrt(chance * (1 - chance) / size)`: three standard errors of a
    proportion above chance.

    Example:
    >>> round(chance_limit(0.1124, 10_000), 4)
    0.1219
    """
    return min(1.0, chance + 3 * proportion_error(chance, size))


def fisher_p_value(
    count: ArrayLike, total: ArrayLike, other_count: ArrayLike, other_total: ArrayLike
) -> Floats:
    """Return the p-value of Fisher's exact test that two shares are equal.

    Args:
        count: The numbers of runs that have the property, an array of any shape.
        total: The numbers of runs, of the same shape.
        other_count: Those of the runs to compare with.
        other_total: Their numbers.

    Returns:
        The two-sided p-values, of the common shape: the probability of the tables that are
        at most as likely as the given one, if all four margins are fixed.

    Formula: the sum of `h(x) = C(n, x) C(m, K - x) / C(n + m, K)` over all `x` with
    `h(x) <= h(count)`, where `K` is the number of both that have the property.

    Example, 3 of 3 runs diverged against 0 of 3:
    >>> round(float(fisher_p_value(3, 3, 0, 3)), 3)
    0.1

    Reference: R. A. Fisher (1935), The logic of inductive inference, Journal of the Royal
    Statistical Society 98(1).
    """
    from scipy.special import gammaln

    a, n, c, m = (
        np.asarray(it)[..., None] for it in (count, total, other_count, other_total)
    )
    property_total = a + c

    def log_choose(whole: Floats, part: Floats) -> Floats:
        inside = (part >= 0) & (part <= whole)
        part = np.where(inside, part, 0)
        logarithm = gammaln(whole + 1) - gammaln(part + 1) - gammaln(whole - part + 1)
        return np.where(inside, logarithm, -np.inf)

    def log_probability(x: Floats) -> Floats:
        chosen = log_choose(n, x) + log_choose(m, property_total - x)
        return chosen - log_choose(n + m, property_total)

    possible = log_probability(np.arange(np.max(n, initial=0) + 1))
    as_rare = possible <= log_probability(a) + 1e-7
    p_value: Floats = np.minimum(1, np.where(as_rare, np.exp(possible), 0).sum(-1))
    return p_value
