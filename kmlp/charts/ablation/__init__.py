"""The charts of an ablation, each a function of it."""

from collections.abc import Callable

import altair as alt

from kmlp.charts._boundary import boundary
from kmlp.charts._rate import rate
from kmlp.charts.ablation._curves import learning_curves
from kmlp.charts.ablation._seconds import seconds
from kmlp.charts.ablation._steps import steps
from kmlp.charts.ablation._tuning import tuning
from kmlp.charts.ablation._values import values
from kmlp.charts.gap import gap
from kmlp.studies.ablation import Ablation

CHARTS: dict[str, Callable[[Ablation], alt.TopLevelMixin]] = {
    "curves": learning_curves,
    "values": values,
    "gap": lambda study: gap(study, study.headline),
    "rate": lambda study: rate(study, study.headline),
    "seconds": seconds,
    "steps": steps,
    "boundary": lambda study: boundary(study, study.headline),
    "tuning": tuning,
}
"""The functions by the name of the chart; the docstring of each describes it.

`rate` raises `ConfigError` if the learning rate of no run varies, `boundary` unless the
dataset is a table of two columns, and `tuning` if no field was retuned.
"""

__all__ = ["CHARTS", "learning_curves", "seconds", "steps", "tuning", "values"]
