"""The importance of the fields of a search."""

from __future__ import annotations

import altair as alt

from kmlp._util.text import count_of
from kmlp.charts.config_lines import Row
from kmlp.charts.style import BLUE, INK, WIDTH, data_of
from kmlp.errors import ConfigError
from kmlp.model.metrics import Metric, significant
from kmlp_tuning.charts._drawing import title
from kmlp_tuning.search.importance import MIN_TRIALS, Importances
from kmlp_tuning.search.results import Search

_STEP = 30
"""Pixels of a field."""


def importance(search: Search) -> alt.LayerChart:
    """Draw the importance of each field for the metric, with 95 % intervals.

    Raises:
        ConfigError: if there are too few trials to estimate the importance.
    """
    importances = search.importances
    if importances is None:
        usable = sum(bool(trial.run and trial.run.epochs) for trial in search.trials)
        raise ConfigError(
            [
                f"The search {search.name} has {count_of(usable, 'trial')} with an epoch, "
                f"but importances need at least {MIN_TRIALS}, of which some neither "
                "diverged nor failed. Search with more trials."
            ]
        )
    rows = _rows(importances)
    form = ".2f" if importances.metric.share else ".3~r"
    y = alt.Y("field:N", sort=None, axis=alt.Axis(title=None, grid=False))
    base = alt.Chart(data_of(rows)).encode(y)
    x = alt.X("points:Q", title=_title(importances.metric))
    bars = base.mark_bar(color=BLUE, opacity=0.45, height=14).encode(x)
    intervals = base.mark_rule(strokeWidth=2, color=INK).encode(
        x=alt.X("low:Q"), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=60, color=INK, opacity=1).encode(
        x,
        tooltip=[
            "field:N",
            alt.Tooltip("points:Q", format=form),
            alt.Tooltip("low:Q", format=form),
            alt.Tooltip("high:Q", format=form),
        ],
    )
    zero = alt.Chart(data_of([{}])).mark_rule(color=INK).encode(x=alt.datum(0))

    def text(number: float) -> str:
        return f"{number:.2f}" if importances.metric.share else significant(number, 3)

    numbers = ", ".join(
        f"{row['field']} {text(row['points'])} ({text(row['low'])} to {text(row['high'])})"
        for row in rows
    )
    layers = (bars, zero, intervals, points)
    return alt.LayerChart(layer=layers).properties(
        width=WIDTH,
        height=_STEP * len(rows),
        title=title(
            search,
            importances.title,
            importances.meaning,
            "Lines: 95 % intervals.",
            width=WIDTH + 60,
        ),
        description=f"{importances.meaning} {numbers} ({search.headline}).",
    )


def _title(metric: Metric) -> str:
    if metric.share:
        return "error of the prediction, percentage points more"
    unit = metric.difference_unit or metric.title
    return f"error of the prediction, more {unit}"


def _rows(importances: Importances) -> list[Row]:
    """A row for each field, of shares in percentage points, the most important first."""
    rows, factor = [], importances.metric.factor
    for field in importances.fields:
        mean = field.drop.mean
        low, high = field.drop.interval or (mean, mean)
        points = {"points": mean, "low": low, "high": high}
        rows.append(
            {
                "field": field.field,
                **{name: round(factor * number, 4) for name, number in points.items()},
            }
        )
    return rows
