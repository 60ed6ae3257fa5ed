"""Learning curves: accuracy and loss by epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator

import altair as alt

from kmlp.charts.ablation.drawing import (
    Row,
    anything_lost,
    colour_of_values,
    dash_of_values,
    described,
    log_title,
    on_axis_of,
    short,
    title_of,
)
from kmlp.charts.accuracy import CROSS, AccuracyScale, accuracy_text, error_of
from kmlp.charts.style import HEIGHT, WIDTH
from kmlp.statistics import estimate
from kmlp.studies.ablation import Ablation


def learning_curves(study: Ablation) -> alt.HConcatChart:
    """Validation accuracy and loss by epoch: the seeds, their mean and its interval."""
    rows, means = _by_epoch(study)
    errors = [it for row in [*rows, *means] for it in _ends(row, "error")]
    scale = AccuracyScale.of(errors)
    losses = [it for row in rows for it in _ends(row, "loss")]
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
    thick = "Thin lines are seeds" if len(study.seeds) > 1 else "One seed"
    band = (
        ", the thick one is their mean, with its 95 % interval by epoch."
        if len(study.seeds) > 1
        else ": there is no interval."
    )
    lost = " Crosses: where runs diverged." if anything_lost(study) else ""
    return alt.hconcat(accuracy, loss, spacing=40).properties(
        title=title_of(
            study, f"Learning curves by {study.param}", thick + band + lost, panels=2
        ),
        description=described(study, "Validation accuracy and validation loss by epoch"),
    )


def _curves(
    study: Ablation, rows: list[Row], means: list[Row], what: str, y: alt.Y
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
        alt.Tooltip("told:N", title="validation accuracy, %"),
        alt.Tooltip("loss:Q", title="validation loss", format=".4f"),
    ]
    seeds = alt.Chart({"values": rows}).transform_filter(f"isValid(datum.{what})")
    thin = seeds.mark_line(strokeWidth=1, opacity=0.45).encode(
        x=epoch,
        y=y,
        color=colour,
        detail=["seed:N"],
    )
    # A line of one point is not seen.
    dots = seeds.mark_circle(size=25 if study.epochs == 1 else 12, opacity=0.6).encode(
        x=epoch, y=y, color=colour, tooltip=tooltip
    )
    crosses = (
        alt.Chart({"values": rows})
        .transform_filter("datum.status == 'diverged' && datum.last")
        .mark_point(shape=CROSS, size=60, strokeWidth=2)
        .encode(x=epoch, y=alt.value(HEIGHT - 8), color=colour, tooltip=tooltip)
    )
    mean = alt.Chart({"values": means})
    low, high = f"{what}_low", f"{what}_high"
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
    """At most about ten epochs at even distances, the last one among them."""
    return list(range(epochs, 0, -math.ceil(epochs / 12)))


def _by_epoch(study: Ablation) -> tuple[list[Row], list[Row]]:
    """A row for each epoch of each run, and one for each epoch of each value's mean."""
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
                        "told": "-" if error is None else accuracy_text(error),
                        "loss": short(record.val_loss) if record.finite else None,
                        "last": record is run.history[-1],
                    }
                )
        for records in zip(*(run.history for run in level.finished), strict=True):
            row: Row = {"value": text, "epoch": records[0].epoch}
            for name, sample in (
                ("error", [100 * (1 - it.val_accuracy) for it in records]),
                ("loss", [it.val_loss for it in records]),
            ):
                found = estimate(sample)
                row[name] = short(found.mean)
                if found.interval is not None:
                    low, high = found.interval
                    # Neither an error nor a loss is below zero; a log scale ends there.
                    row[f"{name}_low"] = short(max(low, min(sample) / 2))
                    row[f"{name}_high"] = short(high)
            means.append(row)
    return rows, means


def _ends(row: Row, name: str) -> Iterator[float]:
    for key in (name, f"{name}_low", f"{name}_high"):
        if row.get(key) is not None:
            yield row[key]
