"""Validation accuracy by the value of the parameter."""

from __future__ import annotations

import altair as alt

from kmlp._util.text import percent_text
from kmlp.charts.ablation._drawing import (
    RATIO,
    Row,
    anything_lost,
    described,
    is_numeric,
    on_axis_of,
    title_of,
)
from kmlp.charts.accuracy import CROSS, AccuracyScale, accuracy_text, error_of
from kmlp.charts.style import COLOURS, HEIGHT, WIDTH, data_of
from kmlp.studies.ablation import Ablation

_UNITS = {
    "width": "units in each hidden layer",
    "depth": "hidden layers",
    "batch_size": "images",
    "train_size": "images",
}


def values(study: Ablation) -> alt.LayerChart:
    """Draw validation accuracy by the value of the parameter."""
    rows: list[Row] = []
    means: list[Row] = []
    for level in study.levels:
        place = level.value if is_numeric(study) else study.text(level)
        about = {"place": place, "value": study.text(level)}
        for run in level.runs:
            finished = run.status == "finished"
            error = error_of(run.val_accuracy) if finished else None
            rows.append(
                {
                    **about,
                    "seed": run.config.seed,
                    "error": error,
                    "accuracy_text": run.status if error is None else accuracy_text(error),
                }
            )
        estimate = level.val_accuracy
        if estimate is not None:
            mean_row = {
                **about,
                "error": error_of(estimate.mean),
                "accuracy_text": percent_text(estimate.mean),
            }
            if estimate.interval is not None:
                low, high = (min(1.0, max(0.0, end)) for end in estimate.interval)
                mean_row |= {"low": error_of(low), "high": error_of(high)}
            means.append(mean_row)
    errors = [row["error"] for row in rows if row["error"] is not None]
    errors += [row[key] for row in means for key in ("low", "high") if key in row]
    scale = AccuracyScale.of(errors, room=0.1 if anything_lost(study) else 0.0)
    y = alt.Y("error:Q", scale=scale.scale(), axis=alt.Axis(**scale.axis()))
    x = _axis_of_values(study)
    tooltip = [
        alt.Tooltip("value:N", title=study.param),
        alt.Tooltip("seed:N"),
        alt.Tooltip("accuracy_text:N", title="validation accuracy, %"),
    ]
    base = alt.Chart(data_of(rows)).encode(x=x, tooltip=tooltip)
    mean = alt.Chart(data_of(means)).encode(x=x)
    shift = 9 if len(study.seeds) > 1 else 0
    layers = [
        mean.mark_line(color=COLOURS[0], strokeWidth=1, opacity=0.5).encode(y=y),
        mean.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2, color=COLOURS[0])
        .encode(y=on_axis_of(y, "low:Q"), y2="high:Q"),
        mean.mark_point(filled=True, size=80, shape="square", color=COLOURS[0]).encode(y=y),
        base.transform_filter("datum.error !== null")
        .mark_circle(size=45, color=COLOURS[1], opacity=0.8, xOffset=shift)
        .encode(y=y),
        base.transform_filter("datum.error === null")
        .mark_point(shape=CROSS, size=60, strokeWidth=2, color=COLOURS[1], xOffset=shift)
        .encode(y=alt.value(HEIGHT - 8)),
    ]
    if not is_numeric(study):
        del layers[0]  # names have no order that a line could follow
    note = (
        f"Circles are seeds. Squares are their means with 95 % intervals, "
        f"{study.moment_text}. {_sentence(study)}"
    )
    if len(study.seeds) == 1:
        note = f"One seed, {study.moment_text}. {_sentence(study)}"
    if anything_lost(study):
        note += " Crosses: runs that diverged or failed."
    return alt.LayerChart(layer=layers).properties(
        width=WIDTH,
        height=HEIGHT,
        title=title_of(study, f"Effect of {study.param}", note),
        description=described(study, "Validation accuracy by value"),
    )


def _axis_of_values(study: Ablation) -> alt.X:
    unit = _UNITS.get(study.param)
    title = f"{study.param}, {unit}" if unit else study.param
    numbers = [level.value for level in study.levels]
    if not is_numeric(study):
        names = [study.text(level) for level in study.levels]
        return alt.X("place:N", title=title, sort=names, axis=alt.Axis(labelAngle=0))
    wide = min(numbers) > 0 and max(numbers) >= RATIO * min(numbers)
    return alt.X(
        "place:Q",
        title=f"{title} (log scale)" if wide else title,
        scale=alt.Scale(
            type="log" if wide else "linear",
            domain=[min(numbers), max(numbers)] if len(numbers) > 1 else alt.Undefined,
            nice=False,
            padding=20,
        ),
        axis=alt.Axis(values=numbers, labelOverlap=True, grid=False),
    )


def _sentence(study: Ablation) -> str:
    return study.conclusion.text_without_advice
