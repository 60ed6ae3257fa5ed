"""The accuracy and the generalisation gap of each level, in two panels."""

from __future__ import annotations

import altair as alt

from kmlp._util.text import percent_text
from kmlp.charts._by_value import (
    MOST_DESCRIBED,
    anything_lost,
    ends_of,
    mean_rows,
    metric_panel,
    seed_rows,
    value_panel,
)
from kmlp.charts.style import WIDTH, titled
from kmlp.studies.measured_text import accuracy_text
from kmlp.studies.results import StudyResult

_WIDTH = 0.8 * WIDTH
"""The width of each panel, in pixels."""
_TITLE = ["generalisation gap, points", "(training - validation accuracy)"]
_MARGIN = 0.06
"""The part of the axis of gaps that stays free at each end, from 0 to 1."""
_LEAST = 0.5
"""The smallest length of the axis of gaps, in points."""


def gap(study: StudyResult, headline: str) -> alt.HConcatChart:
    """Draw validation accuracy and generalisation gap by level, side by side.

    Args:
        study: The study.
        headline: A summary of the training, in a line.
    """
    if len(study.seeds) == 1:
        note = f"One seed, {study.moment_text}."
    else:
        note = (
            "Circles are seeds. Squares are their means with 95 % intervals, "
            f"{study.moment_text}."
        )
    note += (
        " Gap: training accuracy minus validation accuracy at the same epoch. "
        f"{accuracy_text(run.config for run in study.runs)} It can be below the validation "
        "accuracy."
    )
    if anything_lost(study):
        note += " Crosses: runs that diverged or failed."
    panels = [
        panel.properties(width=_WIDTH) for panel in (metric_panel(study), _gap_panel(study))
    ]
    return alt.hconcat(*panels, spacing=40).properties(
        title=titled(
            f"Generalisation gap by {study.param}", headline, note, width=2.2 * _WIDTH
        ),
        description=_described(study, headline),
    )


def _gap_panel(study: StudyResult) -> alt.LayerChart:
    rows = seed_rows(study, "gap", lambda run: _points(run.gap), lambda gap: f"{gap:.2f}")
    means = mean_rows(study, "gap", lambda level: level.gap, _points)
    ends = [0.0, *ends_of(rows, "gap"), *ends_of(means, "gap")]
    low, high = min(ends), max(ends)
    margin = _MARGIN * max(high - low, _LEAST)
    low -= margin * (3 if anything_lost(study) else 1)
    domain = [low, max(high, low + _LEAST) + margin]
    y = alt.Y(
        "gap:Q",
        scale=alt.Scale(domain=domain, nice=False),
        axis=alt.Axis(title=_TITLE, tickCount=6),
    )
    panel = value_panel(study, "gap", rows, means, y, "gap, points")
    zero = (
        alt.Chart(alt.InlineData(values=[{"gap": 0}]))
        .mark_rule(strokeDash=[4, 3], opacity=0.7)
        .encode(y=y)
    )
    panel.layer = [zero, *panel.layer]
    return panel


def _points(share: float) -> float:
    """A difference of accuracies in points.

    >>> _points(0.0512)
    5.12
    """
    return round(100 * share, 3)


def _described(study: StudyResult, headline: str) -> str:
    """The text alternative: the content of the chart, and both means of each level.

    Of many levels, it has those with the smallest and the largest gap.
    """
    means = [
        (level.gap.mean, level.val_accuracy.mean, study.called(study.text(level)))
        for level in study.levels
        if level.gap is not None and level.val_accuracy is not None
    ]
    content = f"Validation accuracy and generalisation gap by {study.param}"
    if len(means) > MOST_DESCRIBED:
        means = [min(means), max(means)]
        content = f"{content}, with the smallest and the largest gap of {len(study.levels)}"
    numbers = "; ".join(
        f"{name}: {percent_text(accuracy)} %, gap {percent_text(gap, signed=True)} points"
        for gap, accuracy, name in means
    )
    return f"{content}, {headline}. Means {study.moment_text}: {numbers or 'none'}."
