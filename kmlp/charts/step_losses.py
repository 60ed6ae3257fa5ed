"""Losses of many steps as few points that show the same, and their axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import altair as alt
import numpy as np
from numpy.typing import NDArray

MOST = 5
"""Epochs that are shown of a run: more lines hide each other."""
_CUT = 10
"""Of the loss of the first step: higher ones are cut off, or they would hide the rest."""


def shown_epochs(epochs: int) -> list[int]:
    """At most five epochs, counted from 1: the first, the last, and between them by ratio.

    >>> shown_epochs(3), shown_epochs(10)
    ([1, 2, 3], [1, 2, 3, 6, 10])
    """
    if epochs <= MOST:
        return list(range(1, epochs + 1))
    return sorted({round(it) for it in np.geomspace(1, epochs, MOST)})


def thinned(
    losses: NDArray[np.float32], pixels: int, *, window: int
) -> Iterator[tuple[str, NDArray[np.intp], NDArray[np.float64]]]:
    """The losses of steps, and their running mean, for a chart of some width.

    Args:
        losses: Of shape `(steps,)`.
        pixels: The width of the chart.
        window: A running mean is over this part of the steps: 20 for a twentieth.

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
    size = max(1, count // window)
    ends = np.unique(np.linspace(size, count, min(pixels // 2, count)).astype(np.intp))
    means = [numbers[end - size : end].mean() for end in ends]
    yield "mean", ends, np.array(means)


def loss_limit(highest: float, first: Iterable[float]) -> float:
    """Up to where losses are shown.

    Args:
        highest: The highest of them.
        first: The loss of the first step of each run.
    """
    return min(highest, _CUT * max((it for it in first if np.isfinite(it)), default=1.0))


def cut_text(highest: float, limit: float) -> str:
    """A sentence on losses that are cut off, if there are any."""
    if limit >= highest:
        return ""
    return f" Losses above {limit:.3g} are cut off, up to {highest:.3g}."


def loss_axis(limit: float, low: float = 0.0) -> alt.Y:
    """The axis of losses, which is even below 0.01, and logarithmic above.

    Args:
        limit: The loss at its upper end.
        low: That at its lower end. Defaults to 0.
    """
    return alt.Y(
        "loss:Q",
        title="training loss",
        scale=alt.Scale(
            type="symlog", constant=0.01, domain=[low, limit], nice=False, zero=False
        ),
        axis=alt.Axis(values=loss_ticks(limit, low), format="~g"),
    )


def loss_ticks(highest: float, low: float = 0.0) -> list[float]:
    """What to label on such an axis, more where it has not zero.

    >>> loss_ticks(2.3), loss_ticks(2.3, 0.2), loss_ticks(2.3, 0.7)
    ([0.0, 0.01, 0.1, 1.0], [0.2, 0.5, 1.0, 2.0], [0.7, 0.8, 0.9, 1.0, 2.0])
    """
    found: list[float] = []
    for digits in ((1, 2, 5), range(1, 10)) if low else ((1,),):
        ticks = [digit * 10.0**power for power in range(-2, 7) for digit in digits]
        found = [round(it, 4) for it in [0.0, *ticks] if low <= it <= max(highest, 0.01)]
        if len(found) >= 4:
            break
    return found


def step_ticks(steps: int) -> list[int]:
    """What to label of so many steps, counted from 1: at most ten.

    >>> step_ticks(3), step_ticks(320)
    ([1, 2, 3], [50, 100, 150, 200, 250, 300])
    """
    sizes = (digit * 10**power for power in range(10) for digit in (1, 2, 5))
    size = next(it for it in sizes if steps // it <= 10)
    return list(range(size, steps + 1, size))
