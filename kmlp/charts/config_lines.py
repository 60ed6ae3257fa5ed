"""A line for each configuration: the metric by epoch, up to its last epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import altair as alt

from kmlp.charts.accuracy import CROSS
from kmlp.charts.measure import Measure
from kmlp.charts.style import BLUE, GREY, INK, VERMILION, data_of

Row = dict[str, Any]

ACCURACIES = Measure()
"""Validation accuracy, as charts draw it."""

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
"""The colour and the dashes of each kind of line, from back to front."""
_MANY = 60
"""More lines than this are drawn thinner."""
_GROUND = HEIGHT - 12
"""The height at which divergence is marked, which has no accuracy, in pixels."""


def line_of(
    values: Iterable[float], *, lost: int | None, measure: Measure = ACCURACIES
) -> Row:
    """The part of a row that `config_lines` draws: the errors by epoch, and the end.

    Args:
        values: The validation value after each epoch.
        lost: The epoch in which the configuration diverged, or None.
        measure: The metric. Defaults to accuracy.
    """
    errors = list(map(measure.number, values))
    return {"epochs": len(errors), "errors": errors, "lost": lost}


def back_to_front(
    rows: Iterable[Row], noun: str, measure: Measure = ACCURACIES
) -> list[Row]:
    """Sort rows as they are drawn: by kind, and the best of each kind last."""
    order = list(LOOKS)
    return sorted(
        rows,
        key=lambda row: (
            order.index(row["kind"]),
            -measure.badness(row["errors"][-1]) if row["errors"] else -math.inf,
            row[noun],
        ),
    )


def config_lines(
    rows: list[Row],
    divergences: list[Row],
    *,
    noun: str,
    x: alt.X,
    tooltip: Iterable[alt.Tooltip],
    divergence_tooltip: Iterable[alt.Tooltip],
    measure: Measure = ACCURACIES,
) -> alt.LayerChart:
    """Draw the lines. The best one has a label, and the one under the pointer stands out.

    Args:
        rows: A row for each configuration, from back to front. Its keys are the noun, with
            the configuration's number; `kind`, one of `LOOKS`; `epochs`, the number of
            epochs with a value; `errors`, the number after each of them that `Measure`
            draws: for accuracies, the error in percent;
            `lost`, the epoch in which a configuration of the kind "diverged" did so; and
            the fields of the tooltip.
        divergences: A row for each epoch in which runs diverged. Its keys are `epoch`;
            `diverged`, the number of these runs; and the fields of its tooltip.
        noun: The word for a configuration: "trial" in a search.
        x: The axis of `epoch`.
        tooltip: The tooltip of a line, without the epoch and the accuracy.
        divergence_tooltip: The tooltip of an epoch in which runs diverged, without the
            epoch and the number.
        measure: The metric. Defaults to accuracy.
    """
    curves = [
        {**row, "epoch": list(range(1, row["epochs"] + 1))} for row in rows if row["errors"]
    ]
    scale = measure.scale(
        (error for row in curves for error in row["errors"]),
        room=0.1 if divergences else 0,
    )
    kinds = [kind for kind in reversed(LOOKS) if any(row["kind"] == kind for row in curves)]
    hover = pointed(noun)
    legend = alt.Legend(
        title=None, orient="bottom", symbolType="stroke", symbolStrokeWidth=2.5
    )
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[LOOKS[kind][0] for kind in kinds]),
        legend=legend if len(kinds) > 1 else None,  # Vega cannot draw an empty one
    )
    dash = alt.StrokeDash(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[LOOKS[kind][1] for kind in kinds]),
        legend=legend if len(kinds) > 1 else None,
    )
    thin = 0.8 if len(curves) > _MANY else 1.2
    base = (
        alt.Chart()
        .transform_flatten(["epoch", "errors"])
        .transform_calculate(accuracy_text=measure.expression("datum.errors"))
        .encode(
            x=x,
            y=measure.y("errors", scale),
            detail=f"{noun}:N",
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
        .transform_calculate(label=f"'{noun} ' + datum.{noun}")
        .mark_text(align="left", dx=8, fontSize=12, color=VERMILION, fontWeight="bold")
        .encode(text="label:N")
    )
    line_tooltip = [*tooltip, alt.Tooltip("epoch:Q"), measure.tooltip()]
    crosses = alt.Chart(data_of(divergences)).encode(
        x=x,
        y=alt.value(_GROUND),
        tooltip=[alt.Tooltip("epoch:Q"), alt.Tooltip("diverged:Q"), *divergence_tooltip],
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
        lines, falls, dots, mark, counts, label, *under_pointer(base, hover, line_tooltip)
    )  # fmt: skip
    return alt.LayerChart(layer=layers).properties(
        data=data_of(curves), width=WIDTH, height=HEIGHT
    )


def even_epochs(last: int) -> alt.X:
    """The axis of epochs with a linear scale."""
    margin = 0.03 * last
    return alt.X(
        "epoch:Q",
        scale=alt.Scale(domain=[1 - margin, last + margin], nice=False, zero=False),
        axis=alt.Axis(tickMinStep=1, format="d", title="epoch"),
    )


def pointed(noun: str, name: str = "pointed") -> alt.Parameter:
    """The configuration under the pointer; none at first.

    Args:
        noun: The column of the configuration's number.
        name: The name of the parameter. Defaults to "pointed".
    """
    return alt.selection_point(
        name=name,
        fields=[noun],
        on="pointerover",
        clear="pointerout",
        empty=False,
    )


def under_pointer(
    base: alt.Chart, hover: alt.Parameter, tooltip: list[alt.Tooltip]
) -> list[alt.Chart]:
    """Invisible wide lines and points, which are easier to point at than thin lines.

    The lines select their configuration. The points show the tooltip, because a line shows
    it only at its points.
    """
    lines = base.mark_line(stroke="transparent", strokeWidth=9)
    points = base.mark_point(opacity=0, size=80)
    return [lines.add_params(hover), points.encode(tooltip=tooltip)]
