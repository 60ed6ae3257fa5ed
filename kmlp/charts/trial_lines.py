"""A line a trial: validation accuracy by epoch, up to where the trial ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import altair as alt

from kmlp.charts.accuracy import CROSS, AccuracyScale
from kmlp.charts.style import BLUE, GREY, INK, VERMILION

Row = dict[str, Any]

WIDTH, HEIGHT = 560, 340
LOOKS: dict[str, tuple[str, list[int]]] = {
    "failed": (INK, [1, 3]),
    "diverged": (INK, [2, 2]),
    "did not learn": (GREY, [1, 0]),
    "stopped": (GREY, [1, 0]),
    "waiting": (GREY, [6, 3]),
    "finished": (BLUE, [1, 0]),
    "best": (VERMILION, [1, 0]),
}
"""The colour and the dashes of what a trial is drawn as, from back to front."""
_MANY = 60
"""Trials that are drawn thinner."""
_GROUND = HEIGHT - 12
"""Where what diverged is marked, which has no accuracy."""


def trial_lines(
    rows: list[Row],
    lost: list[Row],
    *,
    x: alt.X,
    tooltip: Iterable[alt.Tooltip],
    lost_tooltip: Iterable[alt.Tooltip],
    noun: str = "trial",
) -> alt.LayerChart:
    """The lines, the best one labelled; that under the pointer stands out.

    Args:
        rows: One a trial, from back to front: `trial`, its number; `kind`, one of `LOOKS`;
            `epochs`, how many have an accuracy; `errors`, in percent after each of them;
            `lost`, the epoch in which a trial of the kind "diverged" did; and what the
            tooltip shows.
        lost: One an epoch in which runs diverged: `epoch`, `diverged`, their number, and
            what its tooltip shows.
        x: The axis of `epoch`.
        tooltip: What is told of a trial, beside the epoch and the accuracy.
        lost_tooltip: What is told of an epoch in which runs diverged, likewise.
        noun: What a line is of, as the best one is labelled. Defaults to "trial".
    """
    curves = [
        {**row, "epoch": list(range(1, row["epochs"] + 1))} for row in rows if row["errors"]
    ]
    scale = AccuracyScale.of(
        (error for row in curves for error in row["errors"]), room=0.1 if lost else 0
    )
    kinds = [it for it in reversed(LOOKS) if any(row["kind"] == it for row in curves)]
    hover = pointed()
    legend = alt.Legend(
        title=None, orient="bottom", symbolType="stroke", symbolStrokeWidth=2.5
    )
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[LOOKS[it][0] for it in kinds]),
        legend=legend if len(kinds) > 1 else None,  # an empty one cannot be drawn
    )
    dash = alt.StrokeDash(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[LOOKS[it][1] for it in kinds]),
        legend=legend if len(kinds) > 1 else None,
    )
    thin = 0.8 if len(curves) > _MANY else 1.2
    base = (
        alt.Chart()
        .transform_flatten(["epoch", "errors"])
        .transform_calculate(told="format(100 - datum.errors, '.2f')")
        .encode(
            x=x,
            y=alt.Y("errors:Q", scale=scale.scale(), axis=alt.Axis(**scale.axis())),
            detail="trial:N",
        )
    )
    lines = base.mark_line().encode(
        color=colour,
        strokeDash=dash,
        strokeWidth=alt.when(hover)
        .then(alt.value(3.5))
        .when("datum.kind == 'best'")
        .then(alt.value(3))
        .otherwise(alt.value(thin)),
        opacity=alt.when(hover)
        .then(alt.value(1))
        .when("datum.kind == 'best' || datum.kind == 'finished'")
        .then(alt.value(0.9))
        .otherwise(alt.value(0.6)),
    )
    ends = base.transform_filter("datum.epoch == datum.epochs")
    dots = (
        ends.transform_filter("datum.kind != 'diverged'")
        .mark_point(filled=True, opacity=0.9)
        .encode(
            color=colour,
            size=alt.when("datum.kind == 'best'")
            .then(alt.value(60))
            .otherwise(alt.value(18)),
        )
    )
    label = (
        ends.transform_filter("datum.kind == 'best'")
        .transform_calculate(label=f"'{noun} ' + datum.trial")
        .mark_text(align="left", dx=8, fontSize=12, color=VERMILION, fontWeight="bold")
        .encode(text="label:N")
    )
    told = [*tooltip, alt.Tooltip("epoch:Q"), accuracy_tooltip()]
    crosses = alt.Chart({"values": lost}).encode(
        x=x,
        y=alt.value(_GROUND),
        tooltip=[alt.Tooltip("epoch:Q"), alt.Tooltip("diverged:Q"), *lost_tooltip],
    )
    mark = crosses.mark_point(shape=CROSS, size=50, strokeWidth=1.8, color=INK, opacity=1)
    falls = (
        base.transform_filter("datum.kind == 'diverged' && datum.epoch == datum.epochs")
        .mark_rule(
            strokeDash=LOOKS["diverged"][1], strokeWidth=thin, color=INK, opacity=0.6
        )
        .encode(x2="lost:Q", y2=alt.value(_GROUND))
    )
    count = crosses.transform_filter("datum.diverged > 1").mark_text(
        dx=8, align="left", fontSize=12
    )
    counts = count.encode(text="diverged:Q")
    layers = (
        lines, falls, dots, mark, counts, label, *under_pointer(base, hover, told)
    )  # fmt: skip
    return alt.LayerChart(layer=layers).properties(
        data={"values": curves}, width=WIDTH, height=HEIGHT
    )


def even_epochs(last: int) -> alt.X:
    """The axis of epochs that are at even distances."""
    margin = 0.03 * last
    return alt.X(
        "epoch:Q",
        scale=alt.Scale(domain=[1 - margin, last + margin], nice=False, zero=False),
        axis=alt.Axis(tickMinStep=1, format="d", title="epoch"),
    )


def accuracy_tooltip() -> alt.Tooltip:
    """An accuracy as text, in the column `told`."""
    return alt.Tooltip("told:N", title="validation accuracy, %")


def pointed(name: str = "pointed") -> alt.Parameter:
    """The trial under the pointer; none at first."""
    return alt.selection_point(
        name=name,
        fields=["trial"],
        on="pointerover",
        clear="pointerout",
        empty=False,
    )


def under_pointer(
    base: alt.Chart, hover: alt.Parameter, tooltip: list[alt.Tooltip]
) -> list[alt.Chart]:
    """What cannot be seen, and is easier to point at than thin lines: wide ones, which
    point out their trial, and points, as a line shows no tooltip between its points.
    """
    lines = base.mark_line(stroke="transparent", strokeWidth=9)
    points = base.mark_point(opacity=0, size=80)
    return [lines.add_params(hover), points.encode(tooltip=tooltip)]
