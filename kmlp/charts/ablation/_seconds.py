"""Time against the metric."""

from __future__ import annotations

import altair as alt

from kmlp.charts._by_value import Row
from kmlp.charts._legend import colour_of_values, dash_of_values
from kmlp.charts.ablation._drawing import (
    described,
    log_title,
    title_of,
)
from kmlp.charts.measure import RATIO, Measure
from kmlp.charts.style import HEIGHT, WIDTH, data_of, short
from kmlp.studies.ablation import Ablation


def seconds(study: Ablation) -> alt.LayerChart:
    """Draw the metric by seconds of training, a point for each epoch."""
    measure = Measure(study.metric)
    rows: list[Row] = []
    for level in study.levels:
        for records in zip(*(run.history for run in level.finished), strict=False):
            epoch = records[0].epoch
            mean = sum(it.value(measure.metric) for it in records) / len(records)
            spent = [
                sum(record.seconds for record in run.history[:epoch])
                for run in level.finished
            ]
            rows.append(
                {
                    "value": study.text(level),
                    "epoch": epoch,
                    "error": measure.number(mean),
                    "accuracy_text": measure.metric.number(mean),
                    "seconds": short(sum(spent) / len(spent)),
                }
            )
    scale = measure.scale(row["error"] for row in rows)
    spread = [row["seconds"] for row in rows if row["seconds"] > 0]
    wide = bool(spread) and max(spread) > RATIO * min(spread)
    base = alt.Chart(data_of(rows)).encode(
        x=alt.X(
            "seconds:Q",
            title=log_title(
                f"seconds of training, mean over the {study.replicate}s", wide=wide
            ),
            scale=alt.Scale(type="log") if wide else alt.Scale(zero=True),
            axis=alt.Axis(labelOverlap=True, tickCount=6),
        ),
        y=measure.y("error", scale),
        color=colour_of_values(study),
        tooltip=[
            alt.Tooltip("value:N", title=study.param),
            alt.Tooltip("epoch:Q"),
            alt.Tooltip("seconds:Q", format=".2f"),
            measure.tooltip(),
        ],
    )
    line = base.mark_line(strokeWidth=2).encode(strokeDash=dash_of_values(study))
    points = base.mark_circle(size=40, opacity=1)
    return alt.LayerChart(layer=[line, points]).properties(
        width=WIDTH,
        height=HEIGHT,
        title=title_of(
            study,
            f"Time and {measure.metric.title} by {study.param}",
            "Each epoch is a point. Seconds include evaluation, and in the first epoch "
            "compilation. Runs that are trained at the same time slow each other down.",
        ),
        description=described(study, f"{measure.capital_name} by seconds of training"),
    )
