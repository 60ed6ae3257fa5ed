"""The levels that can be the best: those that do not lose more runs than others."""

from __future__ import annotations

import numpy as np

from kmlp.statistics._constants import ERROR_RATE, Booleans, Integers
from kmlp.statistics._holm import holm
from kmlp.statistics._proportions import fisher_p_value


def contenders(lost: Integers, finished: Integers, *, spending: float = 1.0) -> Booleans:
    """Return True for each level that does not rank behind the others.

    A level ranks behind if no run finished. It also ranks behind if it is shown that more
    of its runs are lost: by Fisher's exact test against all levels with a lower share, with
    Holm's correction for the number of levels.

    Args:
        lost: The number of runs of each level that diverged or failed, of shape
            `(..., levels)`.
        finished: The number of its finished runs.
        spending: The part of the significance level that is spent at this look at the
            results. Defaults to 1: there is a single look.

    Example, 9 of 10 runs diverged against none, and against 3 of 10:
    >>> contenders(np.array([0, 9, 3]), np.array([10, 1, 7])).tolist()
    [True, False, True]
    """
    count = lost.shape[-1]
    if count < 2 or not lost.any():
        return finished > 0
    total = lost + finished
    # Shares are compared as fractions of whole numbers, so equal ones are equal.
    lower = (
        lost[..., None, :] * total[..., :, None] < lost[..., :, None] * total[..., None, :]
    )
    others = [np.where(lower, it[..., None, :], 0).sum(-1) for it in (lost, total)]
    p_values = np.where(lower.any(-1), fisher_p_value(lost, total, *others), 1.0)
    # The level with the lowest share cannot rank behind, so there is one test less.
    adjusted = holm(np.minimum(1, p_values / spending), family=count - 1)
    return (finished > 0) & (adjusted > ERROR_RATE)
