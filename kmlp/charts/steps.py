"""Losses of many steps as few points that show the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MOST = 5
"""Epochs that are shown of a run: more lines hide each other."""
_WINDOW = 20
"""A running mean is over this part of an epoch's steps."""


def shown_epochs(epochs: int) -> list[int]:
    """At most five epochs, counted from 1: the first, the last, and between them by ratio.

    >>> shown_epochs(3), shown_epochs(10)
    ([1, 2, 3], [1, 2, 3, 6, 10])
    """
    if epochs <= MOST:
        return list(range(1, epochs + 1))
    return sorted({round(it) for it in np.geomspace(1, epochs, MOST)})


def thinned(
    losses: NDArray[np.float32], pixels: int
) -> Iterator[tuple[str, NDArray[np.intp], NDArray[np.float64]]]:
    """The losses of an epoch's steps, and their running mean, for a chart of some width.

    Args:
        losses: Of shape `(steps,)`.
        pixels: The width of the chart.

    Yields:
        `"step"` and `"mean"`, each with steps counted from 1 and losses. Of the steps that
        share a pixel, those with the lowest and the highest loss are kept, so that a line
        through them covers the same pixels as a line through all.
    """
    count = len(losses)
    numbers = losses.astype(np.float64)
    bins = np.array_split(np.arange(count), min(pixels, count))
    kept = sorted(
        {int(it[pick(numbers[it])]) for it in bins for pick in (np.argmin, np.argmax)}
    )
    places = np.array(kept, dtype=np.intp)
    yield "step", places + 1, numbers[places]
    window = max(1, count // _WINDOW)
    ends = np.unique(np.linspace(window, count, min(pixels // 2, count)).astype(np.intp))
    means = [numbers[end - window : end].mean() for end in ends]
    yield "mean", ends, np.array(means)


def loss_ticks(highest: float) -> list[float]:
    """What to label on an axis of losses that is even below 0.01, and logarithmic above.

    >>> loss_ticks(2.3)
    [0.0, 0.01, 0.1, 1.0]
    """
    ticks = [0.0, 0.01, 0.1, *(10.0**power for power in range(7))]
    return [it for it in ticks if it <= max(highest, 0.01)]
