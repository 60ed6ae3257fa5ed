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
from kmlp.charts.accuracy import CROSS, AccuracyScale, accuracy_text, error_of
from kmlp.charts.style import HEIGHT, WIDTH, data_of, short
from kmlp.statistics import estimate
from kmlp.studies.ablation import Ablation


def learning_curves(study: Ablation) -> alt.HConcatChart:
    """Draw validation accuracy and loss by epoch: the seeds, their mean, its interval."""
    rows, means = _by_epoch(study)
    errors = [*ends_of(rows, "error"), *ends_of(means, "error")]
    scale = AccuracyScale.of(errors)
    losses = [*ends_of(rows, "loss")]
    accuracy = _curves(
        study,
        rows,
        means,
        "error",
        alt.Y("error:Q", scale=scale.scale(), axis=alt.Axis(**scale.axis())),
    )
    log = bool(losses) and min(losses) > 0
    loss_scale = alt.Scale(type="log" if log else "linear", nice=False)
    loss_axis = alt.Axis(tickCount=5, title=log_title("validation loss", wide=log))
    loss = _curves(
        study, rows, means, "loss", alt.Y("loss:Q", scale=loss_scale, axis=loss_axis)
    )
    note = (
        "Thin lines are seeds. A thick line is their mean, with its 95 % interval by epoch."
        if len(study.seeds) > 1
        else "One seed has no interval."
    )
    if study.patience is not None and len(study.seeds) > 1:
        note += " It ends where the first seed stops."
    if anything_lost(study):
        note += " Crosses: where runs diverged."
    return alt.hconcat(accuracy, loss, spacing=40).properties(
        title=title_of(study, f"Learning curves by {study.param}", note, panels=2),
        description=described(study, "Validation accuracy and validation loss by epoch"),
    )


def _curves(
    study: Ablation, rows: list[Row], means: list[Row], quantity: str, y: alt.Y
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
        alt.Tooltip("accuracy_text:N", title="validation accuracy, %"),
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


def _by_epoch(study: Ablation) -> tuple[list[Row], list[Row]]:
    """A row for each epoch of each run, and one for each epoch of each level's mean."""
    rows: list[Row] = []
    means: list[Row] = []
    for level in study.levels:
        text = study.text(level)
        for run in level.runs:
            for record in run.history:
                error = error_of(record.val_accuracy) if record.finite else None
                rows.append(
                    {
                        "value": text,
                        "seed": run.config.seed,
                        "status": run.status,
                        "epoch": record.epoch,
                        "error": error,
                        "accuracy_text": "-" if error is None else accuracy_text(error),
                        "loss": short(record.val_loss) if record.finite else None,
                        "last": record is run.history[-1],
                    }
                )
        for records in zip(*(run.history for run in level.finished), strict=False):
            row: Row = {"value": text, "epoch": records[0].epoch}
            for name, sample in (
                ("error", [100 * (1 - record.val_accuracy) for record in records]),
                ("loss", [record.val_loss for record in records]),
            ):
                mean = estimate(sample)
                row[name] = short(mean.mean)
                if mean.interval is not None:
                    low, high = mean.interval
                    # A log scale has no zero, and errors and losses are never below.
                    row[f"{name}_low"] = short(max(low, min(sample) / 2))
                    row[f"{name}_high"] = short(high)
            means.append(row)
    return rows, means
