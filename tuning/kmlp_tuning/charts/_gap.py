"""The generalisation gap of the best trials of a search, with other seeds."""

from __future__ import annotations

import altair as alt

from kmlp.charts.gap import gap
from kmlp_tuning.charts._drawing import replication_of
from kmlp_tuning.search.results import Search


def gap_of_replications(search: Search) -> alt.HConcatChart:
    """Draw validation accuracy and generalisation gap of the trials that were replicated.

    Raises:
        ConfigError: if no trial was trained with another seed.
    """
    return gap(replication_of(search), search.headline)
