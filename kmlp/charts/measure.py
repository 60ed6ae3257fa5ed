"""Values of a metric as they are drawn: shares by their errors, others as they are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import altair as alt

from kmlp.charts.accuracy import TITLE, AccuracyScale, accuracy_text, error_of
from kmlp.charts.style import short
from kmlp.model.metrics import ACCURACY, Metric, Part, significant

RATIO = 8
"""The ratio of the largest value to the smallest from which a scale is logarithmic."""
_MARGIN = 0.06
"""The part of an axis that stays free at each end, from 0 to 1."""
_TICKS = 6
"""The approximate number of labels of an axis."""


@dataclass(frozen=True, slots=True)
class ValueScale:
    """The scale of an axis of values, linear or logarithmic, used as `AccuracyScale` is."""

    low: float
    """The value at the lower end."""
    high: float
    """The value at the upper end."""
    log: bool
    """True if the scale is logarithmic."""

    @classmethod
    def of(cls, values: Iterable[float], *, room: float = 0.0) -> Self:
        """The scale that shows all given values.

        Args:
            values: The values. There may be none.
            room: The part of the scale, from 0 to 1, that stays free at the lower end, for
                runs without a value. Defaults to 0.
        """
        values = list(values) or [0.0, 1.0]
        low, high = min(values), max(values)
        log = low > 0 and high >= RATIO * low
        if log:
            low, high = math.log(low), math.log(high)
        length = (high - low) or abs(high) or 1.0
        margin = _MARGIN * length
        low, high = low - margin - length * room / (1 - room), high + margin
        if log:
            low, high = math.exp(low), math.exp(high)
        return cls(low, high, log)

    def share(self, value: float) -> float:
        """The place of a value on the scale, from 0 at the lower end to 1."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return (at - low) / (high - low)

    @property
    def ticks(self) -> list[float]:
        """The values to label, the smallest first.

        >>> ValueScale(0.07, 0.42, log=False).ticks, ValueScale(0.1, 3, log=True).ticks
        ([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.5, 1.0, 2.0])
        """
        if self.log:
            powers = range(math.floor(math.log10(self.low)), 16)
            steps = [float(f"{part}e{power}") for power in powers for part in (1, 2, 5)]
            ticks = [tick for tick in steps if self.low <= tick <= self.high]
            return ticks[:: math.ceil(len(ticks) / _TICKS) or 1]
        rough = (self.high - self.low) / _TICKS
        ten = 10.0 ** math.floor(math.log10(rough))
        step = next(part * ten for part in (1, 2, 5, 10) if part * ten >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [float(f"{number * step:.10g}") for number in range(first, last + 1)]

    def scale(self) -> alt.Scale:
        """The scale as Altair takes it."""
        return alt.Scale(
            type="log" if self.log else "linear",
            domain=[short(self.low), short(self.high)],
            nice=False,
            zero=False,
        )

    def axis(self, **options: Any) -> dict[str, Any]:
        """The ticks of the axis, as arguments of `alt.Axis`.

        Args:
            **options: Further arguments, which override these.
        """
        return {"values": self.ticks, "format": "~r", **options}


Scale = AccuracyScale | ValueScale
"""The scale of an axis of a metric."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric on a part of the data, as charts draw it.

    A share, such as accuracy, is drawn by its error in percent, on a logarithmic scale with
    shares as labels. Any other metric is drawn as it is.
    """

    metric: Metric = ACCURACY
    part: Part = "val"

    @property
    def name(self) -> str:
        """The name in texts, such as `validation accuracy`."""
        return self.metric.named(self.part)

    @property
    def capital_name(self) -> str:
        """The name with a capital first letter, to begin a sentence."""
        return f"{self.name[0].upper()}{self.name[1:]}"

    @property
    def title(self) -> str:
        """The title of a tooltip: the name with the unit."""
        unit = self.metric.unit
        return f"{self.name}, {unit}" if unit else self.name

    def number(self, value: float) -> float:
        """Return the number that is drawn for a value: of a share, its error in percent."""
        return error_of(value) if self.metric.share else short(value)

    def text(self, number: float) -> str:
        """Return the value of a number that is drawn, as text without its unit."""
        return accuracy_text(number) if self.metric.share else significant(number, 4)

    def expression(self, field: str) -> str:
        """Return the same text as a Vega expression, a share with two decimals.

        Args:
            field: The field that has the number, such as `datum.errors`.
        """
        if self.metric.share:
            return f"format(100 - {field}, '.2f')"
        return f"format({field}, '.4~r')"

    def badness(self, number: float) -> float:
        """Return a number that is drawn so that it is lower if the value is better."""
        better_up = self.metric.higher_is_better and not self.metric.share
        return -number if better_up else number

    def scale(self, numbers: Iterable[float], *, room: float = 0.0) -> Scale:
        """Return the scale of numbers that are drawn.

        Args:
            numbers: The numbers.
            room: The part that stays free at the lower end. Defaults to 0.
        """
        kind = AccuracyScale if self.metric.share else ValueScale
        return kind.of(numbers, room=room)

    def axis_title(self, scale: Scale) -> str | list[str]:
        """Return the title of the axis, with a note if its scale is logarithmic."""
        if isinstance(scale, AccuracyScale):
            return [self.title, *TITLE[1:]]
        return f"{self.title} (log scale)" if scale.log else self.title

    def y(self, field: str, scale: Scale, **options: Any) -> alt.Y:
        """Return the vertical axis of numbers that are drawn.

        Args:
            field: The field that has them.
            scale: Their scale.
            **options: Further arguments of `alt.Axis`.
        """
        axis = scale.axis(**{"title": self.axis_title(scale), **options})
        return alt.Y(f"{field}:Q", scale=scale.scale(), axis=alt.Axis(**axis))

    def tooltip(self, field: str = "accuracy_text") -> alt.Tooltip:
        """Return the tooltip of a value, which a column has as text.

        Args:
            field: The column. Defaults to "accuracy_text".
        """
        return alt.Tooltip(f"{field}:N", title=self.title)
