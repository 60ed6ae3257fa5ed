"""The charts of a search, each a function of it."""

from collections.abc import Callable

import altair as alt

from kmlp_tuning.charts.curves import learning_curves
from kmlp_tuning.charts.fields import fields
from kmlp_tuning.charts.importance import importance
from kmlp_tuning.charts.parallel import parallel_coordinates
from kmlp_tuning.charts.replication import replication
from kmlp_tuning.search.results import Search

CHARTS: dict[str, Callable[[Search], alt.TopLevelMixin]] = {
    "curves": learning_curves,
    "parallel": parallel_coordinates,
    "fields": fields,
    "importance": importance,
    "replication": replication,
}
"""By name; the first line of a function's text says what it shows.

`importance` and `replication` raise `ConfigError` where the search has none.
"""

__all__ = [
    "CHARTS",
    "fields",
    "importance",
    "learning_curves",
    "parallel_coordinates",
    "replication",
]
