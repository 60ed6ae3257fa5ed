"""The axis of accuracies: by the logarithm of the error, with accuracies as its labels.

A model with 98 % makes half as many errors as one with 96 %, and one with 20 % hardly
fewer than one with 18 %: on an axis of equal steps both look the same, and where one run
learned nothing all others lie on one line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import altair as alt

TITLE = ["validation accuracy, %", "(errors on a log scale)"]
CROSS = "M-1,-1L1,1M1,-1L-1,1"
"""The shape of what diverged, which has no accuracy."""

_CONSTANT = 0.1
"""Percentage points of error, below which the scale is even, so that it has a zero."""
_LEAST = 0.2
"""The logarithm of the ratio of the errors at both ends, at least."""
_MARGIN = 0.04
"""Share of an axis that stays free at each end."""


def error_of(accuracy: float) -> float:
    """The error in percent of an accuracy (0 to 1).

    >>> error_of(0.972)
    2.8
    """
    return round(100 * (1 - accuracy), 3)


@dataclass(frozen=True, slots=True)
class AccuracyScale:
    """A scale on which all of some errors are."""

    best: float
    """The error at its upper end, in percent."""
    worst: float
    """That at its lower end."""

    @classmethod
    def of(cls, errors: Iterable[float], *, room: float = 0.0) -> Self:
        """The scale of errors in percent.

        Args:
            errors: None of them will do.
            room: Share of the scale that stays free at its lower end, for what has no
                accuracy. Defaults to 0.
        """
        places = [_place(it) for it in errors] or [_place(1), _place(90)]
        low, high = min(places), max(places)
        few = max(0.0, _LEAST - (high - low)) / 2
        low, high = low - few, high + few
        margin = _MARGIN * (high - low)
        high += margin + (high - low) * room / (1 - room)
        return cls(max(0.0, _error(low - margin)), _error(high))

    def share(self, error: float) -> float:
        """Where an error is on the scale, from 0, its lower end, to 1."""
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
        found = [
            round(it, 4)
            for it in sorted([0.0, *steps, *more, 90.0])
            if self.best <= it <= self.worst
        ]
        if len(found) >= 4:
            return found
        worst = min(self.worst, 100.0)
        step = next((it for it in steps if (worst - self.best) / it <= 8), steps[-1])
        first, last = math.ceil(self.best / step), math.floor(worst / step)
        return [round(number * step, 4) for number in range(first, last + 1)]

    def scale(self) -> alt.Scale:
        """For errors in percent."""
        return alt.Scale(
            type="symlog",
            constant=_CONSTANT,
            domain=[self.worst, self.best],
            nice=False,
            zero=False,
        )

    def axis(self, **options: Any) -> dict[str, Any]:
        """The ticks and labels of such an axis.

        Args:
            **options: More of `alt.Axis`.
        """
        return {
            "values": self.ticks,
            "labelExpr": "format(100 - datum.value, '.6~r')",
            "title": TITLE,
            **options,
        }


def accuracy_text(error: float) -> str:
    """The accuracy of an error in percent.

    >>> accuracy_text(2.8)
    '97.2'
    """
    return f"{100 - error:.6g}"


def _place(error: float) -> float:
    return math.log1p(error / _CONSTANT)


def _error(place: float) -> float:
    return _CONSTANT * math.expm1(place)
