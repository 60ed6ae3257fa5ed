"""The charts of trials, each a function of them."""

from collections.abc import Callable

import altair as alt

from kmlp.charts.trials.curves import learning_curves
from kmlp.charts.trials.steps import steps
from kmlp.studies.config_list import Trials

CHARTS: dict[str, Callable[[Trials], alt.TopLevelMixin]] = {
    "curves": learning_curves,
    "steps": steps,
}
"""By name; the first line of a function's text says what it shows.

`steps` raises `ConfigError` where no run has an epoch.
"""

__all__ = ["CHARTS", "learning_curves", "steps"]
