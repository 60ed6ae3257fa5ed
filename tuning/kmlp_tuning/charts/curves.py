"""The learning curves of a search."""

from __future__ import annotations

import altair as alt

from kmlp.charts.accuracy import CROSS, AccuracyScale
from kmlp.texts import count_of
from kmlp_tuning.charts.drawing import (
    BLUE,
    GREY,
    INK,
    VERMILION,
    accuracy_tooltip,
    best_text,
    data,
    errors_of,
    pointed,
    range_text,
    title,
    tooltips,
    under_pointer,
)
from kmlp_tuning.charts.rows import KINDS, Row, trial_rows
from kmlp_tuning.search import Search
from kmlp_tuning.settings import HALVING

WIDTH, HEIGHT = 560, 340
_FEW = 10
"""Epochs that are all labelled."""
_MANY = 60
"""Trials that are drawn thinner."""

_COLOURS = {
    "failed": INK,
    "diverged": INK,
    "stopped": GREY,
    "waiting": GREY,
    "finished": BLUE,
    "best": VERMILION,
}
_DASHES = {
    "failed": [1, 3],
    "diverged": [2, 2],
    "stopped": [1, 0],
    "waiting": [6, 3],
    "finished": [1, 0],
    "best": [1, 0],
}


def learning_curves(search: Search) -> alt.LayerChart:
    """Validation accuracy by epoch, a line a trial that ends where it was stopped."""
    rows = trial_rows(search)
    curves = [
        {**row, "epoch": list(range(1, row["epochs"] + 1))} for row in rows if row["errors"]
    ]
    lost = _lost(rows)
    scale = AccuracyScale.of(
        (error for row in curves for error in row["errors"]), room=0.1 if lost else 0
    )
    kinds = [it for it in reversed(KINDS) if any(row["kind"] == it for row in curves)]
    hover = pointed()
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[_COLOURS[it] for it in kinds]),
        legend=alt.Legend(
            title=None, orient="bottom", symbolType="stroke", symbolStrokeWidth=2.5
        ),
    )
    dash = alt.StrokeDash(
        "kind:N", scale=alt.Scale(domain=kinds, range=[_DASHES[it] for it in kinds])
    )
    thin = 0.8 if len(curves) > _MANY else 1.2
    base = (
        alt.Chart()
        .transform_flatten(["epoch", "errors"])
        .transform_calculate(told="format(100 - datum.errors, '.2f')")
        .encode(
            x=_epochs(search),
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
        .transform_calculate(label="'trial ' + datum.trial")
        .mark_text(align="left", dx=8, fontSize=12, color=VERMILION, fontWeight="bold")
        .encode(text="label:N")
    )
    tooltip = [*tooltips(search), alt.Tooltip("epoch:Q"), accuracy_tooltip()]
    under = under_pointer(base, hover, tooltip)
    crosses = alt.Chart(data(lost)).encode(
        x=_epochs(search),
        y=alt.value(HEIGHT - 12),
        tooltip=["epoch:Q", "diverged:Q", "trials:N"],
    )
    mark = crosses.mark_point(shape=CROSS, size=50, strokeWidth=1.8, color=INK, opacity=1)
    falls = (
        base.transform_filter("datum.kind == 'diverged' && datum.epoch == datum.epochs")
        .mark_rule(strokeDash=_DASHES["diverged"], strokeWidth=thin, color=INK, opacity=0.6)
        .encode(x2="lost:Q", y2=alt.value(HEIGHT - 12))
    )
    count = crosses.transform_filter("datum.diverged > 1").mark_text(
        dx=8, align="left", fontSize=12
    )
    counts = count.encode(text="diverged:Q")
    layers = (lines, falls, dots, mark, counts, label, *under)
    return alt.LayerChart(layer=layers).properties(
        data=data(curves),
        width=WIDTH,
        height=HEIGHT,
        title=title(
            search,
            "Learning curves of the trials",
            best_text(search),
            "A line ends where its trial was stopped; vertical lines are rungs."
            if _rungs(search)
            else "",
            "Crosses mark the epochs in which trials diverged." if lost else "",
            width=WIDTH + 60,
        ),
        description=(
            f"Validation accuracy by epoch of {count_of(len(rows), 'trial')} "
            f"({search.headline}): after their last epochs {range_text(errors_of(rows))}. "
            f"{best_text(search)}"
        ),
    )


def _lost(rows: list[Row]) -> list[Row]:
    """A row an epoch in which trials diverged."""
    epochs = sorted({row["lost"] for row in rows if row["lost"] is not None})
    found = []
    for epoch in epochs:
        trials = sorted(row["trial"] for row in rows if row["lost"] == epoch)
        found.append(
            {
                "epoch": epoch,
                "diverged": len(trials),
                "trials": ", ".join(map(str, trials)),
            }
        )
    return found


def _rungs(search: Search) -> list[int]:
    """The epochs of all rungs; empty if there is one only, so that nothing is stopped."""
    settings = search.settings
    rungs = {rung.epochs for bracket in settings.plan() for rung in bracket.rungs}
    return sorted(rungs) if settings.algorithm in HALVING and len(rungs) > 1 else []


def _epochs(search: Search) -> alt.X:
    """By their logarithm where rungs are, which are so many times as long as the last."""
    last, rungs = search.settings.max_epochs, _rungs(search)
    if rungs:
        return alt.X(
            "epoch:Q",
            scale=alt.Scale(type="log", domain=[1 / last**0.03, last**1.03], nice=False),
            axis=alt.Axis(
                values=sorted({1, *rungs, *(range(2, last) if last <= _FEW else ())}),
                format="d",
                title="epoch",
                gridOpacity=alt.condition(
                    alt.FieldOneOfPredicate("value", rungs),
                    alt.value(1),
                    alt.value(0),
                ),
            ),
        )
    margin = 0.03 * last
    return alt.X(
        "epoch:Q",
        scale=alt.Scale(domain=[1 - margin, last + margin], nice=False, zero=False),
        axis=alt.Axis(tickMinStep=1, format="d", title="epoch"),
    )
