"""Holm's correction for several tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kmlp.statistics._constants import ERROR_RATE, Floats


def holm(p_values: ArrayLike, *, family: int | None = None) -> Floats:
    """Return the p-values of several tests with Holm's correction.

    With a probability of at least 95 %, no true hypothesis has an adjusted p-value of
    0.05 or less.

    Args:
        p_values: One p-value for each test, of shape `(..., tests)`.
        family: The number of hypotheses that can be true at once. Defaults to the number of
            p-values.

    Returns:
        The adjusted p-values, of the same shape and in the same order.

    Formula: with `p(1) <= ... <= p(m)`, `max over j <= i of min(1, (m - j + 1) p(j))`

    Example, with the values of R's `p.adjust(p, "holm")`:
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]

    Reference: S. Holm (1979), A simple sequentially rejective multiple test procedure,
    Scandinavian Journal of Statistics 6(2).
    """
    return holm_tests(np.asarray(p_values, float), family)[0]


def holm_tests(p_values: Floats, family: int | None = None) -> tuple[Floats, Floats]:
    """Return the adjusted p-values, and the significance level of each test.

    The first test that is not significant and all that have a higher p-value are done at
    the same level. A test is significant if its p-value is at most its level.
    """
    count = p_values.shape[-1]
    left = np.maximum((count if family is None else family) - np.arange(count), 1)
    order = np.argsort(p_values, axis=-1, kind="stable")
    ascending = np.take_along_axis(p_values, order, -1)
    adjusted = np.minimum(1, np.maximum.accumulate(ascending * left, axis=-1))
    significant = np.logical_and.accumulate(ascending * left <= ERROR_RATE, axis=-1)
    before = np.cumsum(significant, axis=-1) - significant
    levels = ERROR_RATE / np.maximum(left[:1] - before, 1)
    back = np.argsort(order, axis=-1, kind="stable")
    return np.take_along_axis(adjusted, back, -1), np.take_along_axis(levels, back, -1)
