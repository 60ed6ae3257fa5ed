"""The charts of a list of configurations, each a function of it."""

from collections.abc import Callable

import altair as alt

from kmlp.charts._boundary import boundary
from kmlp.charts._rate import rate
from kmlp.charts.config_list._curves import learning_curves
from kmlp.charts.config_list._steps import steps
from kmlp.charts.gap import gap
from kmlp.studies.config_list import ConfigList

CHARTS: dict[str, Callable[[ConfigList], alt.TopLevelMixin]] = {
    "curves": learning_curves,
    "gap": lambda study: gap(study, study.headline),
    "rate": lambda study: rate(study, study.headline),
    "steps": steps,
    "boundary": lambda study: boundary(study, study.headline),
}
"""The functions by the name of the chart; the docstring of each describes it.

`steps` raises `ConfigError` if no run has an epoch, `rate` if the learning rate of no run
varies, and `boundary` unless the dataset is a table of two columns.
"""

__all__ = ["CHARTS", "learning_curves", "steps"]
