"""Losses of many steps, reduced to as many points as a chart can show, and their axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import altair as alt
import numpy as np
from numpy.typing import NDArray

MOST = 5
"""The largest number of epochs of a run to show: more lines would hide each other."""
_CUT = 10
"""The highest loss to show, as a multiple of the loss of the first step. Higher losses
would flatten all others.
"""


def shown_epochs(epochs: int) -> list[int]:
    """At most five epochs, from 1: the first, the last, and others at equal ratios.

    >>> shown_epochs(3), shown_epochs(10)
    ([1, 2, 3], [1, 2, 3, 6, 10])
    """
    if epochs <= MOST:
        return list(range(1, epochs + 1))
    return sorted({round(epoch) for epoch in np.geomspace(1, epochs, MOST)})


def thinned(
    losses: NDArray[np.float32], pixels: int, *, window: int
) -> Iterator[tuple[str, NDArray[np.intp], NDArray[np.float64]]]:
    """Reduce the losses of steps, and their running mean, to the width of a chart.

    Args:
        losses: The losses, of shape `(steps,)`.
        pixels: The width of the chart.
        window: The ratio of all steps to the steps that the running mean covers: 20 for
            a twentieth.

    Yields:
        `"step"` and `"mean"`, each with step numbers, from 1, and losses. Of the steps that
        share a pixel, the ones with the lowest and the highest loss stay. A line through
        them covers the same pixels as a line through all steps.
    """
    count = len(losses)
    exact = losses.astype(np.float64)
    bins = np.array_split(np.arange(count), min(pixels, count))
    extremes = {
        int(steps[pick(exact[steps])]) for steps in bins for pick in (np.argmin, np.argmax)
    }
    places = np.array(sorted(extremes), dtype=np.intp)
    yield "step", places + 1, exact[places]
    size = max(1, count // window)
    ends = np.unique(np.linspace(size, count, min(pixels // 2, count)).astype(np.intp))
    means = [exact[end - size : end].mean() for end in ends]
    yield "mean", ends, np.array(means)


def loss_limit(highest: float, first: Iterable[float]) -> float:
    """The highest loss to show.

    Args:
        highest: The highest of all losses.
        first: The loss of the first step of each run.
    """
    finite = (loss for loss in first if np.isfinite(loss))
    return min(highest, _CUT * max(finite, default=1.0))


def cut_text(highest: float, limit: float) -> str:
    """A sentence on losses that are cut off; empty if there are none."""
    if limit >= highest:
        return ""
    return f" Losses above {limit:.3g} are cut off; the highest is {highest:.3g}."


def loss_axis(limit: float, low: float = 0.0) -> alt.Y:
    """The axis of losses: logarithmic, but nearly linear below 0.01.

    Args:
        limit: The loss at the upper end.
        low: The loss at the lower end. Defaults to 0.
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
    """The losses to label on the axis of `loss_axis`.

    >>> loss_ticks(2.3), loss_ticks(2.3, 0.2), loss_ticks(2.3, 0.7)
    ([0.0, 0.01, 0.1, 1.0], [0.2, 0.5, 1.0, 2.0], [0.7, 0.8, 0.9, 1.0, 2.0])
    """
    top = max(highest, 0.01)
    ticks: list[float] = []
    for digits in ((1, 2, 5), range(1, 10)) if low else ((1,),):
        losses = [digit * 10.0**power for power in range(-2, 7) for digit in digits]
        ticks = [round(loss, 4) for loss in [0.0, *losses] if low <= loss <= top]
        if len(ticks) >= 4:
            break
    return ticks


def step_ticks(steps: int) -> list[int]:
    """The steps to label, counted from 1: at most ten.

    >>> step_ticks(3), step_ticks(320)
    ([1, 2, 3], [50, 100, 150, 200, 250, 300])
    """
    sizes = (digit * 10**power for power in range(10) for digit in (1, 2, 5))
    size = next(size for size in sizes if steps // size <= 10)
    return list(range(size, steps + 1, size))
