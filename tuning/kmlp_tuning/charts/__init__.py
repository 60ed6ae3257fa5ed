"""The charts of a search, each drawn by a function."""

from collections.abc import Callable

import altair as alt

from kmlp_tuning.charts._curves import learning_curves
from kmlp_tuning.charts._fields import fields
from kmlp_tuning.charts._gap import gap_of_replications
from kmlp_tuning.charts._importance import importance
from kmlp_tuning.charts._parallel import parallel_coordinates
from kmlp_tuning.charts._replication import replication
from kmlp_tuning.search.results import Search

CHARTS: dict[str, Callable[[Search], alt.TopLevelMixin]] = {
    "curves": learning_curves,
    "parallel": parallel_coordinates,
    "fields": fields,
    "importance": importance,
    "replication": replication,
    "gap": gap_of_replications,
}
"""The functions by the name of the chart; the docstring of each describes it.

`importance`, `replication` and `gap` raise `ConfigError` where the search has none.
"""

__all__ = [
    "CHARTS",
    "fields",
    "gap_of_replications",
    "importance",
    "learning_curves",
    "parallel_coordinates",
    "replication",
]
