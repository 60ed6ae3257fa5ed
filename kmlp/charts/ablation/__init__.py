"""The charts of an ablation, each a function of it."""

from collections.abc import Callable

import altair as alt

from kmlp.charts.ablation.curves import learning_curves
from kmlp.charts.ablation.seconds import seconds
from kmlp.charts.ablation.steps import steps
from kmlp.charts.ablation.values import values
from kmlp.studies.ablation import Ablation

CHARTS: dict[str, Callable[[Ablation], alt.TopLevelMixin]] = {
    "curves": learning_curves,
    "values": values,
    "seconds": seconds,
    "steps": steps,
}
"""By name; the first line of a function's text says what it shows."""

__all__ = ["CHARTS", "learning_curves", "seconds", "steps", "values"]
