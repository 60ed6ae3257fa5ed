"""Values of a metric as numbers that statistics compare: higher is better."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kmlp.model.metrics import Metric
from kmlp.statistics import Difference, Differences


@dataclass(frozen=True, slots=True)
class Heights:
    """The heights of values: higher is better, and their size is that of an accuracy.

    The height of an accuracy is the accuracy itself.

    Formula: `sign * value / scale`, where the sign is -1 if lower values are better, and
    the scale a power of two.
    """

    sign: int
    scale: float

    @classmethod
    def of(cls, metric: Metric, values: ArrayLike) -> Self:
        """Return the heights of some values of a metric, with one scale for all."""
        return cls(metric.sign, metric.scale(np.ravel(values)))

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the heights of values, of the same shape."""
        return values * (self.sign / self.scale)

    def margin(self, margin: float | None) -> float | None:
        """Return a margin of values as one of heights; None stays None."""
        return None if margin is None else margin / self.scale

    def difference(self, differences: Differences, place: int) -> Difference | None:
        """Return a difference of heights as one of values; its verdict stays the same.

        Args:
            differences: The differences of heights.
            place: The place of one in the arrays.
        """
        height = differences.difference(place)
        if height is None:
            return None
        factor, ends = self.sign * self.scale, height.interval
        return replace(
            height,
            mean=factor * height.mean + 0.0,  # not -0.0
            interval=None
            if ends is None
            else (min(factor * end for end in ends), max(factor * end for end in ends)),
            spread=None if height.spread is None else self.scale * height.spread,
        )
