"""Learning curves: accuracy and loss by epoch."""

from __future__ import annotations

import math

import altair as alt

from kmlp.charts._by_value import Row, anything_lost, ends_of, on_axis_of
from kmlp.charts._legend import colour_of_values, dash_of_values
from kmlp.charts.ablation._drawing import (
    described,
    log_title,
    title_of,
)
from kmlp.charts.accuracy import CROSS
from kmlp.charts.measure import Measure
from kmlp.charts.style import HEIGHT, WIDTH, data_of, short
from kmlp.model.metrics import LOSS, Metric
from kmlp.statistics import estimate
from kmlp.studies.ablation import Ablation
from kmlp.training.run import EpochRecord


def learning_curves(study: Ablation) -> alt.HConcatChart:
    """Draw the metric and the loss by epoch: the seeds, their mean, its interval.

    The loss has a panel of its own unless it is the metric.
    """
    measure = Measure(study.metric)
    rows, means = _by_epoch(study, measure)
    numbers = [*ends_of(rows, "error"), *ends_of(means, "error")]
    y = measure.y("error", measure.scale(numbers))
    panels = [_curves(study, rows, means, "error", y, measure)]
    losses = [*ends_of(rows, "loss")]
    log = bool(losses) and min(losses) > 0
    loss_scale = alt.Scale(type="log" if log else "linear", nice=False)
    loss_axis = alt.Axis(tickCount=5, title=log_title("validation loss", wide=log))
    loss_y = alt.Y("loss:Q", scale=loss_scale, axis=loss_axis)
    content = measure.capital_name
    if measure.metric.name != LOSS.name:
        panels.append(_curves(study, rows, means, "loss", loss_y, measure))
        content += " and validation loss"
    note = (
        f"Thin lines are {study.replicate}s. A thick line is their mean, with its 95 % "
        "interval by epoch."
        if len(study.seeds) > 1
        else "One seed has no interval."
    )
    if study.patience is not None and len(study.seeds) > 1:
        note += " It ends where the first seed stops."
    if anything_lost(study):
        note += " Crosses: where runs diverged."
    title = f"Learning curves by {study.param}"
    return alt.hconcat(*panels, spacing=40).properties(
        title=title_of(study, title, note, panels=len(panels)),
        description=described(study, f"{content} by epoch"),
    )


def _curves(
    study: Ablation,
    rows: list[Row],
    means: list[Row],
    quantity: str,
    y: alt.Y,
    measure: Measure,
) -> alt.LayerChart:
    colour = colour_of_values(study)
    epoch = alt.X(
        "epoch:Q",
        title="epoch",
        scale=alt.Scale(domain=[1, max(study.epochs, 2)], nice=False),
        axis=alt.Axis(values=_epoch_ticks(study.epochs), format="d"),
    )
    tooltip = [
        alt.Tooltip("value:N", title=study.param),
        alt.Tooltip("seed:N"),
        alt.Tooltip("epoch:Q"),
        measure.tooltip(),
        alt.Tooltip("loss:Q", title="validation loss", format=".4f"),
    ]
    seeds = alt.Chart(data_of(rows)).transform_filter(f"isValid(datum.{quantity})")
    thin = seeds.mark_line(strokeWidth=1, opacity=0.45).encode(
        x=epoch,
        y=y,
        color=colour,
        detail=["seed:N"],
    )
    # A line of one point is invisible.
    dots = seeds.mark_circle(size=25 if study.epochs == 1 else 12, opacity=0.6).encode(
        x=epoch, y=y, color=colour, tooltip=tooltip
    )
    crosses = (
        alt.Chart(data_of(rows))
        .transform_filter("datum.status == 'diverged' && datum.last")
        .mark_point(shape=CROSS, size=60, strokeWidth=2)
        .encode(x=epoch, y=alt.value(HEIGHT - 8), color=colour, tooltip=tooltip)
    )
    mean = alt.Chart(data_of(means))
    low, high = f"{quantity}_low", f"{quantity}_high"
    band = (
        mean.transform_filter(f"isValid(datum.{low})")
        .mark_area(opacity=0.15)
        .encode(x=epoch, y=on_axis_of(y, f"{low}:Q"), y2=f"{high}:Q", color=colour)
    )
    line = mean.mark_line(strokeWidth=3).encode(
        x=epoch, y=y, color=colour, strokeDash=dash_of_values(study)
    )
    several = len(study.seeds) > 1
    layers = [band, thin, dots, line, crosses] if several else [thin, dots, crosses]
    return alt.LayerChart(layer=layers).properties(width=WIDTH * 0.8, height=HEIGHT)


def _epoch_ticks(epochs: int) -> list[int]:
    """At most twelve epochs at even distances, with the last one."""
    return list(range(epochs, 0, -math.ceil(epochs / 12)))


def _by_epoch(study: Ablation, measure: Measure) -> tuple[list[Row], list[Row]]:
    """A row for each epoch of each run, and one for each epoch of each level's mean."""
    rows: list[Row] = []
    means: list[Row] = []
    for level in study.levels:
        text = study.text(level)
        for run in level.runs:
            for record in run.history:
                value = record.value(measure.metric)
                error = measure.number(value) if record.finite else None
                rows.append(
                    {
                        "value": text,
                        "seed": run.config.seed,
                        "status": run.status,
                        "epoch": record.epoch,
                        "error": error,
                        "accuracy_text": "-" if error is None else measure.text(error),
                        "loss": short(record.val_loss) if record.finite else None,
                        "last": record is run.history[-1],
                    }
                )
        for records in zip(*(run.history for run in level.finished), strict=False):
            row: Row = {"value": text, "epoch": records[0].epoch}
            for name, sample in (
                ("error", [_drawn(record, measure.metric) for record in records]),
                ("loss", [record.val_loss for record in records]),
            ):
                mean = estimate(sample, shared=level.shared)
                row[name] = short(mean.mean)
                if mean.interval is not None:
                    low, high = mean.interval
                    if name == "error" and measure.metric.share:
                        low = max(low, 0.0)  # if a run makes no error, `least` is 0
                    # A log scale has no zero, and errors and losses are seldom below.
                    least = min(sample)
                    row[f"{name}_low"] = short(max(low, least / 2) if least > 0 else low)
                    row[f"{name}_high"] = short(high)
            means.append(row)
    return rows, means


def _drawn(record: EpochRecord, metric: Metric) -> float:
    """The number that is drawn for an epoch, without rounding."""
    value = record.value(metric)
    return 100 * (1 - value) if metric.share else value
