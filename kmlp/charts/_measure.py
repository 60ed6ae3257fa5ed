"""Values of a metric as they are drawn: accuracies by their errors, others as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from kmlp.charts.accuracy import TITLE, AccuracyScale, accuracy_text, error_of
from kmlp.charts.style import short
from kmlp.model.metrics import Metric, Part, significant

RATIO = 8
"""The ratio of the largest value to the smallest from which a scale is logarithmic."""
_MARGIN = 0.06
"""The part of a linear axis that stays free at each end, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class ValueScale:
    """A scale of an axis of values, linear or logarithmic."""

    low: float
    """The value at the lower end."""
    high: float
    """The value at the upper end."""
    log: bool
    """True if the scale is logarithmic."""

    @classmethod
    def of(cls, values: Iterable[float], *, room: float = 0.0) -> ValueScale:
        """Return the scale that shows all given values.

        Args:
            values: The values. There may be none.
            room: The part of the scale, from 0 to 1, that stays free at the lower end, for
                runs without a value. Defaults to 0.
        """
        values = list(values) or [0.0, 1.0]
        low, high = min(values), max(values)
        if low > 0 and high >= RATIO * low:
            factor = (high / low) ** _MARGIN
            free = (high / low) ** (room / (1 - room))
            return cls(low / factor / free, high * factor, log=True)
        length = (high - low) or abs(high) or 1.0
        margin = _MARGIN * length
        return cls(low - margin - length * room / (1 - room), high + margin, log=False)

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
        return {"tickCount": 6, **options}


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric on a part of the data, as charts draw it.

    A share, such as accuracy, is drawn by its error in percent, on a logarithmic scale with
    shares as labels. Any other metric is drawn as it is.
    """

    metric: Metric
    part: Part = "val"

    @property
    def name(self) -> str:
        """The name in texts, such as `validation accuracy`."""
        return self.metric.named(self.part)

    @property
    def title(self) -> str:
        """The title of a tooltip: the name with the unit."""
        unit = self.metric.unit
        return f"{self.name}, {unit}" if unit else self.name

    def number(self, value: float) -> float:
        """Return the number drawn for a value: of a share, its error in percent."""
        return error_of(value) if self.metric.share else short(value)

    def text(self, number: float) -> str:
        """Return the value of a number that is drawn, as text without its unit."""
        return accuracy_text(number) if self.metric.share else significant(number, 4)

    def scale(self, numbers: Sequence[float], *, room: float = 0.0) -> Any:
        """Return the scale of numbers that are drawn.

        Args:
            numbers: The numbers.
            room: The part that stays free at the lower end. Defaults to 0.
        """
        kind = AccuracyScale if self.metric.share else ValueScale
        return kind.of(numbers, room=room)

    def axis_title(self, scale: Any) -> str | list[str]:
        """Return the title of the axis, with a note if its scale is logarithmic."""
        if self.metric.share:
            return [self.title, *TITLE[1:]]
        return f"{self.title} (log scale)" if scale.log else self.title

    def y(self, field: str, numbers: Sequence[float], *, room: float = 0.0) -> alt.Y:
        """Return the vertical axis of numbers that are drawn.

        Args:
            field: The field that has them.
            numbers: The numbers.
            room: The part that stays free at the lower end. Defaults to 0.
        """
        scale = self.scale(numbers, room=room)
        axis = alt.Axis(**scale.axis(title=self.axis_title(scale)))
        return alt.Y(f"{field}:Q", scale=scale.scale(), axis=axis)
