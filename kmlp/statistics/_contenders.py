"""The levels that rank behind the others, because they lose more runs."""

from __future__ import annotations

import numpy as np

from kmlp.statistics._constants import ERROR_RATE, Booleans, Integers
from kmlp.statistics._holm import holm
from kmlp.statistics._proportions import fisher_p_value


def ranks_behind(lost: Integers, finished: Integers, *, spending: float = 1.0) -> Booleans:
    """Return True for each level that is shown to lose more of its runs than the others.

    The test is Fisher's exact one, against all levels with a lower share, with Holm's
    correction for the number of levels.

    Args:
        lost: The number of runs of each level that diverged or failed, of shape
            `(..., levels)`.
        finished: The number of its finished runs.
        spending: The part of the significance level that is spent at this look at the
            results. Defaults to 1: there is a single look.

    Example, 9 and 3 of 10 runs diverged, and none:
    >>> ranks_behind(np.array([9, 3, 0]), np.array([1, 7, 10])).tolist()
    [True, False, False]
    """
    count = lost.shape[-1]
    if count < 2 or not lost.any():
        return np.zeros(lost.shape, bool)
    total = lost + finished
    # Shares are compared as fractions of whole numbers, so equal ones are equal.
    lower = lost[..., None, :] * total[..., None] < lost[..., None] * total[..., None, :]
    others = [np.where(lower, it[..., None, :], 0).sum(-1) for it in (lost, total)]
    p_values = np.where(lower.any(-1), fisher_p_value(lost, total, *others), 1.0)
    # The level with the lowest share cannot rank behind, so there is one test less.
    behind: Booleans = (
        holm(np.minimum(1, p_values / spending), family=count - 1) <= ERROR_RATE
    )
    return behind
