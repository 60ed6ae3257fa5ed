"""The metric and the generalisation gap of each level, in two panels."""

from __future__ import annotations

import altair as alt

from kmlp.charts._by_value import (
    MOST_DESCRIBED,
    anything_lost,
    ends_of,
    mean_rows,
    metric_panel,
    seed_rows,
    value_panel,
)
from kmlp.charts.measure import Measure
from kmlp.charts.style import WIDTH, short, titled
from kmlp.model.metrics import Metric, significant
from kmlp.studies.measured_text import gap_text, training_text
from kmlp.studies.results import StudyResult

_WIDTH = 0.8 * WIDTH
"""The width of each panel, in pixels."""
_MARGIN = 0.06
"""The part of the axis of gaps that stays free at each end, from 0 to 1."""
_LEAST = 0.005
"""The smallest length of the axis of gaps of a share, from 0 to 1."""


def gap(study: StudyResult, headline: str) -> alt.HConcatChart:
    """Draw the metric and the generalisation gap by level, side by side.

    Args:
        study: The study.
        headline: A summary of the training, in a line.
    """
    if len(study.seeds) == 1:
        note = f"One seed, {study.moment_text}."
    else:
        note = (
            f"Circles are {study.replicate}s. Squares are their means with 95 % intervals, "
            f"{study.moment_text}."
        )
    note += (
        f" Gap: {gap_text(study.metric)} at the same epoch. "
        f"{training_text(study.metric, (run.config for run in study.runs))} "
        f"{_sign_text(study.metric)}"
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
    metric = study.metric

    def text(gap: float) -> str:
        return f"{gap:.2f}" if metric.share else significant(gap, 3)

    def drawn(gap: float) -> float:
        return _points(gap) if metric.share else short(gap)

    rows = seed_rows(study, "gap", lambda run: drawn(run.gap), text)
    means = mean_rows(study, "gap", lambda level: level.gap, drawn)
    ends = [0.0, *ends_of(rows, "gap"), *ends_of(means, "gap")]
    low, high = min(ends), max(ends)
    least = 100 * _LEAST if metric.share else 0.01 * max(abs(low), abs(high), 1e-6)
    margin = _MARGIN * max(high - low, least)
    low -= margin * (3 if anything_lost(study) else 1)
    domain = [low, max(high, low + least) + margin]
    y = alt.Y(
        "gap:Q",
        scale=alt.Scale(domain=domain, nice=False),
        axis=alt.Axis(title=_title(metric), tickCount=6),
    )
    panel = value_panel(study, "gap", rows, means, y, _title(metric)[0])
    zero = (
        alt.Chart(alt.InlineData(values=[{"gap": 0}]))
        .mark_rule(strokeDash=[4, 3], opacity=0.7)
        .encode(y=y)
    )
    panel.layer = [zero, *panel.layer]
    return panel


def _title(metric: Metric) -> list[str]:
    """The title of the axis of gaps, with the unit."""
    unit = f", {metric.difference_unit}" if metric.difference_unit else ""
    first, second = ("training", "validation")
    if not metric.higher_is_better:
        first, second = second, first
    return [f"generalisation gap{unit}", f"({first} - {second} {metric.title})"]


def _sign_text(metric: Metric) -> str:
    """A sentence on the sign of gaps."""
    word = "below" if metric.higher_is_better else "above"
    return f"It can be {word} the {metric.named('val')}."


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
        (level.gap.mean, level.val_value.mean, study.called(study.text(level)))
        for level in study.levels
        if level.gap is not None and level.val_value is not None
    ]
    metric = study.metric
    name = Measure(metric).capital_name
    content = f"{name} and generalisation gap by {study.param}"
    if len(means) > MOST_DESCRIBED:
        means = [min(means), max(means)]
        content = f"{content}, with the smallest and the largest gap of {len(study.levels)}"
    numbers = "; ".join(
        f"{level}: {metric.text(value)}, gap {_gap_text(metric, gap)}"
        for gap, value, level in means
    )
    return f"{content}, {headline}. Means {study.moment_text}: {numbers or 'none'}."


def _gap_text(metric: Metric, gap: float) -> str:
    unit = f" {metric.difference_unit}" if metric.difference_unit else ""
    return f"{metric.number(gap, signed=True, digits=3)}{unit}"
