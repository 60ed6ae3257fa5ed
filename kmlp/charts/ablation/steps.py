"""The loss of every step."""

from __future__ import annotations

import altair as alt
import numpy as np

from kmlp.charts.ablation.drawing import Row, described, short, title_of
from kmlp.charts.step_losses import (
    cut_text,
    loss_axis,
    loss_limit,
    shown_epochs,
    thinned,
)
from kmlp.charts.style import ORDERED, ORDERED_EXTENT
from kmlp.studies.ablation import Ablation
from kmlp.studies.results import LevelResult
from kmlp.training.run import Run

_WINDOW = 20
"""A running mean is over this part of an epoch's steps."""
_PANEL = 200
"""Pixels of the width of a panel, of which each shows two points."""


def steps(study: Ablation) -> alt.FacetChart:
    """The training loss of every step in an epoch, one run of each value."""
    rows: list[Row] = []
    runs = [(level, run) for level in study.levels if (run := _first(level)) is not None]
    for level, run in runs:
        for number in shown_epochs(run.epochs):
            losses = run.history[number - 1].step_losses
            for kind, places, means in thinned(losses, _PANEL, window=_WINDOW):
                shown = np.isfinite(means)
                rows.append(
                    {
                        "value": study.text(level),
                        "epoch": number,
                        "kind": kind,
                        "step": places[shown].tolist(),
                        "loss": [short(it) for it in means[shown].tolist()],
                    }
                )
    highest = max((it for row in rows for it in row["loss"]), default=1.0)
    start = [float(run.history[0].step_losses[0]) for _, run in runs if run.history]
    limit = loss_limit(highest, start)
    base = alt.Chart().encode(
        x=alt.X("step:Q", title="step in the epoch", scale=alt.Scale(nice=False)),
        y=loss_axis(limit),
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
    faceted = layered.facet(
        facet=alt.Facet(
            "value:N",
            title=study.param,
            sort=[study.text(level) for level, _ in runs],
        ),
        columns=3,
        data={"values": rows},
    ).transform_flatten(["step", "loss"])
    if len({len(run.history[0].step_losses) for _, run in runs if run.history}) > 1:
        faceted = faceted.resolve_scale(x="independent")  # a batch size of 1 has many steps
    return faceted.properties(
        title=title_of(
            study,
            f"Loss of every step by {study.param}",
            "One run of each value, on a log scale that is even below 0.01. Thin: the loss "
            "of steps, of many the lowest and the "
            "highest at each place; thick: the mean over a twentieth of the epoch's steps."
            + cut_text(highest, limit),
            panels=2,
        ),
        description=described(study, "Training loss by step"),
    )


def _first(level: LevelResult) -> Run | None:
    """The run to show of a value: the first that finished, else that has an epoch."""
    runs = [*level.finished, *(run for run in level.runs if run.history)]
    return runs[0] if runs else None
