"""The axis of accuracies: logarithmic in the error, with accuracies as labels.

A model with 98 % makes half as many errors as one with 96 %. A model with 20 % makes
hardly fewer errors than one with 18 %. On a linear axis both differences look the same,
and a run that learned nothing pushes all others onto one line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import altair as alt

TITLE = ["validation accuracy, %", "(errors on a log scale)"]
CROSS = "M-1,-1L1,1M1,-1L-1,1"
"""The shape of the mark of a run that diverged, which has no accuracy."""

_CONSTANT = 0.1
"""The error in percent below which the scale is nearly linear, so that zero has a place."""
_LEAST = 0.2
"""The smallest logarithm of the ratio of the errors at both ends."""
_MARGIN = 0.04
"""The part of an axis that stays free at each end, from 0 to 1."""


def error_of(accuracy: float) -> float:
    """The error in percent of an accuracy (0 to 1).

    >>> error_of(0.972)
    2.8
    """
    return round(100 * (1 - accuracy), 3)


@dataclass(frozen=True, slots=True)
class AccuracyScale:
    """The scale of an axis of errors."""

    best: float
    """The error at the upper end, in percent."""
    worst: float
    """The error at the lower end, in percent."""

    @classmethod
    def of(cls, errors: Iterable[float], *, room: float = 0.0) -> Self:
        """The scale that shows all given errors.

        Args:
            errors: The errors in percent. There may be none.
            room: The part of the scale, from 0 to 1, that stays free at the lower end, for
                runs without an accuracy. Defaults to 0.
        """
        places = [_place(error) for error in errors] or [_place(1), _place(90)]
        low, high = min(places), max(places)
        few = max(0.0, _LEAST - (high - low)) / 2
        low, high = low - few, high + few
        margin = _MARGIN * (high - low)
        high += margin + (high - low) * room / (1 - room)
        return cls(max(0.0, _error(low - margin)), _error(high))

    def share(self, error: float) -> float:
        """The place of an error on the scale, from 0 at the lower end to 1."""
        low, high = _place(self.worst), _place(self.best)
        return (_place(error) - low) / (high - low)

    @property
    def ticks(self) -> list[float]:
        """The errors to label, in percent, the smallest first.

        >>> AccuracyScale(1.8, 92).ticks, AccuracyScale(2.1, 3.1).ticks
        ([2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 50.0, 90.0], [2.2, 2.4, 2.6, 2.8, 3.0])
        """
        steps = [digit * 10.0**power for power in range(-2, 2) for digit in (1, 2, 5)]
        more = [3 * 10.0**power for power in range(-2, 2)]
        ticks = [
            round(tick, 4)
            for tick in sorted([0.0, *steps, *more, 90.0])
            if self.best <= tick <= self.worst
        ]
        if len(ticks) >= 4:
            return ticks
        worst = min(self.worst, 100.0)
        step = next((step for step in steps if (worst - self.best) / step <= 8), steps[-1])
        first, last = math.ceil(self.best / step), math.floor(worst / step)
        return [round(number * step, 4) for number in range(first, last + 1)]

    def scale(self) -> alt.Scale:
        """The scale as Altair takes it, for errors in percent."""
        return alt.Scale(
            type="symlog",
            constant=_CONSTANT,
            domain=[self.worst, self.best],
            nice=False,
            zero=False,
        )

    def axis(self, **options: Any) -> dict[str, Any]:
        """The ticks and labels of the axis, as arguments of `alt.Axis`.

        Args:
            **options: Further arguments, which override these.
        """
        return {
            "values": self.ticks,
            "labelExpr": "format(100 - datum.value, '.6~r')",
            "title": TITLE,
            **options,
        }


def accuracy_text(error: float) -> str:
    """The accuracy of an error in percent, as text.

    >>> accuracy_text(2.8)
    '97.2'
    """
    return f"{100 - error:.6g}"


def _place(error: float) -> float:
    return math.log1p(error / _CONSTANT)


def _error(place: float) -> float:
    return _CONSTANT * math.expm1(place)
