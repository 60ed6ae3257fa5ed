"""The charts of an ablation, each a function of it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import altair as alt
import numpy as np

from kmlp.ablation import Ablation
from kmlp.charts.accuracy import CROSS, AccuracyScale, accuracy_text, error_of
from kmlp.charts.steps import loss_ticks, shown_epochs, thinned
from kmlp.charts.style import COLOURS, HEIGHT, ORDERED, ORDERED_EXTENT, WIDTH
from kmlp.comparison import ValueResult
from kmlp.evidence import conclusion
from kmlp.run import Run
from kmlp.statistics import estimate
from kmlp.texts import count_of

Row = dict[str, Any]

_LETTER = 7.2
"""Pixels of a letter of a subtitle, about."""
_RATIO = 8
"""Values whose largest is so many times the smallest are on a log scale."""
_CUT = 10
"""Of the loss of the first step: higher ones are cut off, or they would hide the rest."""
_PANEL = 200
"""Pixels of the width of a panel of `steps`, of which each shows two points."""
_UNITS = {
    "width": "units in each hidden layer",
    "depth": "hidden layers",
    "batch_size": "images",
    "train_size": "images",
}


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
    loss_axis = alt.Axis(tickCount=5, title=_log_title("validation loss", wide=log))
    loss = _curves(
        study, rows, means, "loss", alt.Y("loss:Q", scale=loss_scale, axis=loss_axis)
    )
    thick = "Thin lines are seeds" if len(study.seeds) > 1 else "One seed"
    band = (
        ", the thick one is their mean, with its 95 % interval by epoch."
        if len(study.seeds) > 1
        else ": there is no interval."
    )
    lost = " Crosses: where runs diverged." if _lost(study) else ""
    return alt.hconcat(accuracy, loss, spacing=40).properties(
        title=_title(study, f"Learning curves by {study.axis}", thick + band + lost, 2),
        description=_described(study, "Validation accuracy and validation loss by epoch"),
    )


def _curves(
    study: Ablation, rows: list[Row], means: list[Row], what: str, y: alt.Y
) -> alt.LayerChart:
    colour = _colour(study)
    epoch = alt.X(
        "epoch:Q",
        title="epoch",
        scale=alt.Scale(domain=[1, max(study.epochs, 2)], nice=False),
        axis=alt.Axis(values=_epoch_ticks(study.epochs), format="d"),
    )
    tooltip = [
        alt.Tooltip("value:N", title=study.axis),
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
        .encode(x=epoch, y=_same_axis(y, f"{low}:Q"), y2=f"{high}:Q", color=colour)
    )
    line = mean.mark_line(strokeWidth=3).encode(
        x=epoch, y=y, color=colour, strokeDash=_dash(study)
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
    for value in study.values:
        text = study.text(value)
        for run in value.runs:
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
                        "loss": _short(record.val_loss) if record.finite else None,
                        "last": record is run.history[-1],
                    }
                )
        for records in zip(*(run.history for run in value.finished), strict=True):
            row: Row = {"value": text, "epoch": records[0].epoch}
            for name, sample in (
                ("error", [100 * (1 - it.val_accuracy) for it in records]),
                ("loss", [it.val_loss for it in records]),
            ):
                found = estimate(sample)
                row[name] = _short(found.mean)
                if found.interval is not None:
                    low, high = found.interval
                    # Neither an error nor a loss is below zero; a log scale ends there.
                    row[f"{name}_low"] = _short(max(low, min(sample) / 2))
                    row[f"{name}_high"] = _short(high)
            means.append(row)
    return rows, means


def _ends(row: Row, name: str) -> Iterator[float]:
    for key in (name, f"{name}_low", f"{name}_high"):
        if row.get(key) is not None:
            yield row[key]


def values(study: Ablation) -> alt.LayerChart:
    """Validation accuracy after the last epoch by the value of the axis."""
    rows: list[Row] = []
    means: list[Row] = []
    for value in study.values:
        place = value.value if _is_numeric(study) else study.text(value)
        about = {"place": place, "value": study.text(value)}
        for run in value.runs:
            finished = run.status == "finished"
            error = error_of(run.val_accuracy) if finished else None
            told = run.status if error is None else accuracy_text(error)
            rows.append({**about, "seed": run.config.seed, "error": error, "told": told})
        found = value.val_accuracy
        if found is not None:
            row = {
                **about,
                "error": error_of(found.mean),
                "told": f"{100 * found.mean:.2f}",
            }
            if found.interval is not None:
                low, high = (min(1.0, max(0.0, it)) for it in found.interval)
                row |= {"low": error_of(low), "high": error_of(high)}
            means.append(row)
    errors = [it["error"] for it in rows if it["error"] is not None]
    errors += [it[key] for it in means for key in ("low", "high") if key in it]
    scale = AccuracyScale.of(errors, room=0.1 if _lost(study) else 0.0)
    y = alt.Y("error:Q", scale=scale.scale(), axis=alt.Axis(**scale.axis()))
    x = _axis_of_values(study)
    tooltip = [
        alt.Tooltip("value:N", title=study.axis),
        alt.Tooltip("seed:N"),
        alt.Tooltip("told:N", title="validation accuracy, %"),
    ]
    base = alt.Chart({"values": rows}).encode(x=x, tooltip=tooltip)
    mean = alt.Chart({"values": means}).encode(x=x)
    shift = 9 if len(study.seeds) > 1 else 0
    layers = [
        mean.mark_line(color=COLOURS[0], strokeWidth=1, opacity=0.5).encode(y=y),
        mean.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2, color=COLOURS[0])
        .encode(y=_same_axis(y, "low:Q"), y2="high:Q"),
        mean.mark_point(filled=True, size=80, shape="square", color=COLOURS[0]).encode(y=y),
        base.transform_filter("datum.error !== null")
        .mark_circle(size=45, color=COLOURS[1], opacity=0.8, xOffset=shift)
        .encode(y=y),
        base.transform_filter("datum.error === null")
        .mark_point(shape=CROSS, size=60, strokeWidth=2, color=COLOURS[1], xOffset=shift)
        .encode(y=alt.value(HEIGHT - 8)),
    ]
    if not _is_numeric(study):
        del layers[0]  # names have no order that a line could follow
    note = (
        f"Circles are seeds, squares their means with 95 % intervals, after "
        f"{count_of(study.epochs, 'epoch')}. {_sentence(study)}"
    )
    if len(study.seeds) == 1:
        note = f"One seed, after {count_of(study.epochs, 'epoch')}. {_sentence(study)}"
    if _lost(study):
        note += " Crosses: runs that diverged or failed."
    return alt.LayerChart(layer=layers).properties(
        width=WIDTH,
        height=HEIGHT,
        title=_title(study, f"What {study.axis} does", note, 1),
        description=_described(study, "Validation accuracy by value"),
    )


def seconds(study: Ablation) -> alt.LayerChart:
    """Validation accuracy by the seconds that it took, epoch by epoch."""
    rows: list[Row] = []
    for value in study.values:
        for records in zip(*(run.history for run in value.finished), strict=True):
            epoch = records[0].epoch
            mean = sum(it.val_accuracy for it in records) / len(records)
            spent = [
                sum(it.seconds for it in run.history[:epoch]) for run in value.finished
            ]
            rows.append(
                {
                    "value": study.text(value),
                    "epoch": epoch,
                    "error": error_of(mean),
                    "told": f"{100 * mean:.2f}",
                    "seconds": _short(sum(spent) / len(spent)),
                }
            )
    scale = AccuracyScale.of(row["error"] for row in rows)
    spread = [row["seconds"] for row in rows if row["seconds"] > 0]
    wide = bool(spread) and max(spread) > _RATIO * min(spread)
    base = alt.Chart({"values": rows}).encode(
        x=alt.X(
            "seconds:Q",
            title=_log_title("seconds of training, mean over the seeds", wide=wide),
            scale=alt.Scale(type="log") if wide else alt.Scale(zero=True),
            axis=alt.Axis(labelOverlap=True, tickCount=6),
        ),
        y=alt.Y("error:Q", scale=scale.scale(), axis=alt.Axis(**scale.axis())),
        color=_colour(study),
        tooltip=[
            alt.Tooltip("value:N", title=study.axis),
            alt.Tooltip("epoch:Q"),
            alt.Tooltip("seconds:Q", format=".2f"),
            alt.Tooltip("told:N", title="validation accuracy, %"),
        ],
    )
    line = base.mark_line(strokeWidth=2).encode(strokeDash=_dash(study))
    points = base.mark_circle(size=40, opacity=1)
    return alt.LayerChart(layer=[line, points]).properties(
        width=WIDTH,
        height=HEIGHT,
        title=_title(
            study,
            f"Time and accuracy by {study.axis}",
            "A point an epoch, from left to right; evaluation and, in the first epoch, "
            "compiling are counted. Runs side by side slow each other down.",
            1,
        ),
        description=_described(study, "Validation accuracy by seconds of training"),
    )


def steps(study: Ablation) -> alt.FacetChart:
    """The training loss of every step in an epoch, one run of each value."""
    rows: list[Row] = []
    runs = [(value, run) for value in study.values if (run := _first(value)) is not None]
    for value, run in runs:
        for number in shown_epochs(run.epochs):
            losses = run.history[number - 1].step_losses
            for kind, places, means in thinned(losses, _PANEL):
                shown = np.isfinite(means)
                rows.append(
                    {
                        "value": study.text(value),
                        "epoch": number,
                        "kind": kind,
                        "step": places[shown].tolist(),
                        "loss": [_short(it) for it in means[shown].tolist()],
                    }
                )
    highest = max((it for row in rows for it in row["loss"]), default=1.0)
    start = [float(run.history[0].step_losses[0]) for _, run in runs if run.history]
    limit = min(highest, _CUT * max((it for it in start if np.isfinite(it)), default=1.0))
    base = alt.Chart().encode(
        x=alt.X("step:Q", title="step in the epoch", scale=alt.Scale(nice=False)),
        y=alt.Y(
            "loss:Q",
            title="training loss",
            scale=alt.Scale(type="symlog", constant=0.01, domain=[0, limit], nice=False),
            axis=alt.Axis(values=loss_ticks(limit), format="~g"),
        ),
        color=alt.Color(
            "epoch:O",
            scale=alt.Scale(scheme=alt.SchemeParams(name=ORDERED, extent=ORDERED_EXTENT)),
            legend=alt.Legend(symbolOpacity=1, symbolStrokeWidth=3),
        ),
    )
    layered = alt.layer(
        base.transform_filter("datum.kind == 'step'").mark_line(
            strokeWidth=0.6, opacity=0.35, clip=True
        ),
        base.transform_filter("datum.kind == 'mean'").mark_line(strokeWidth=2, clip=True),
    ).properties(width=_PANEL, height=160)
    cut = f" Losses above {limit:.3g} are cut off, up to {highest:.3g}."
    faceted = layered.facet(
        facet=alt.Facet(
            "value:N",
            title=study.axis,
            sort=[study.text(value) for value, _ in runs],
        ),
        columns=3,
        data={"values": rows},
    ).transform_flatten(["step", "loss"])
    return faceted.properties(
        title=_title(
            study,
            f"Loss of every step by {study.axis}",
            "One run of each value, on a log scale that is even below 0.01. Thin: the loss "
            "of steps, of many the lowest and the "
            "highest at each place; thick: the mean over a twentieth of the epoch's steps."
            + (cut if limit < highest else ""),
            2,
        ),
        description=_described(study, "Training loss by step"),
    )


CHARTS: dict[str, Callable[[Ablation], alt.TopLevelMixin]] = {
    "curves": learning_curves,
    "values": values,
    "seconds": seconds,
    "steps": steps,
}
"""By name; the first line of a function's text says what it shows."""


def _first(value: ValueResult) -> Run | None:
    """The run to show of a value: the first that finished, else that has an epoch."""
    runs = [*value.finished, *(run for run in value.runs if run.history)]
    return runs[0] if runs else None


def _lost(study: Ablation) -> bool:
    return any(value.diverged or value.failed for value in study.values)


def _is_numeric(study: Ablation) -> bool:
    return all(type(value.value) in (int, float) for value in study.values)


def _axis_of_values(study: Ablation) -> alt.X:
    unit = _UNITS.get(study.axis)
    title = f"{study.axis}, {unit}" if unit else study.axis
    found = [value.value for value in study.values]
    if not _is_numeric(study):
        names = [study.text(value) for value in study.values]
        return alt.X("place:N", title=title, sort=names, axis=alt.Axis(labelAngle=0))
    wide = min(found) > 0 and max(found) >= _RATIO * min(found)
    return alt.X(
        "place:Q",
        title=f"{title} (log scale)" if wide else title,
        scale=alt.Scale(
            type="log" if wide else "linear",
            domain=[min(found), max(found)] if len(found) > 1 else alt.Undefined,
            nice=False,
            padding=20,
        ),
        axis=alt.Axis(values=found, labelOverlap=True, grid=False),
    )


def _same_axis(y: alt.Y, field: str) -> alt.Y:
    """Another field on an axis, which keeps its title."""
    found = y.copy()
    found.shorthand = field
    return found


def _log_title(title: str, *, wide: bool) -> str:
    return f"{title} (log scale)" if wide else title


def _colour(study: Ablation) -> alt.Color:
    """Of the values: by lightness where they have an order, which grey shows, too."""
    names = [study.text(value) for value in study.values]
    legend = alt.Legend(
        title=study.axis, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1
    )
    if _is_numeric(study):
        scheme = alt.SchemeParams(name=ORDERED, extent=ORDERED_EXTENT)
        scale = alt.Scale(domain=names, scheme=scheme)
        return alt.Color("value:O", scale=scale, sort=names, legend=legend)
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(names))]
    return alt.Color(
        "value:N", scale=alt.Scale(domain=names, range=colours), sort=names, legend=legend
    )


def _dash(study: Ablation) -> alt.StrokeDash:
    """Tells the values apart without their colours."""
    names = [study.text(value) for value in study.values]
    dashes = [[1, 0], [8, 3], [3, 2], [8, 3, 2, 3], [12, 4], [1, 2]]
    ranges = [dashes[place % len(dashes)] for place in range(len(names))]
    return alt.StrokeDash(
        "value:N",
        scale=alt.Scale(domain=names, range=ranges),
        sort=names,
        legend=alt.Legend(title=study.axis),
    )


def _title(study: Ablation, text: str, note: str, panels: int) -> alt.TitleParams:
    lines = [study.headline, note]
    width = int((WIDTH + 100) * (1.4 if panels > 1 else 1) / _LETTER)
    wrapped = [part for it in lines for part in textwrap.wrap(it, width)]
    return alt.TitleParams(text, subtitle=wrapped)


def _sentence(study: Ablation) -> str:
    return conclusion(study).split(" If ")[0]


def _described(study: Ablation, what: str) -> str:
    """The text alternative: what is shown, with the numbers that matter."""
    numbers = "; ".join(
        f"{study.called(study.text(value))}: {100 * value.val_accuracy.mean:.2f} %"
        for value in study.values
        if value.val_accuracy is not None
    )
    return f"{what}, {study.headline}. Means after the last epoch: {numbers or 'none'}."


def _short(number: float) -> float:
    """Five digits, so that files are small."""
    return float(f"{number:.5g}")
