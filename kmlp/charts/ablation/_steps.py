"""The loss of every step of one run of each level."""

from __future__ import annotations

import altair as alt
import numpy as np

from kmlp.charts._by_value import Row
from kmlp.charts._step_losses import (
    cut_text,
    loss_axis,
    loss_limit,
    shown_epochs,
    thinned,
)
from kmlp.charts.ablation._drawing import described, title_of
from kmlp.charts.style import ORDERED, ORDERED_EXTENT, data_of, short
from kmlp.studies.ablation import Ablation
from kmlp.studies.level_result import LevelResult
from kmlp.training.run import Run

_WINDOW = 20
"""The ratio of an epoch's steps to the steps that the running mean covers."""
_PANEL = 200
"""The width of a panel in pixels; each pixel shows two points."""


def steps(study: Ablation) -> alt.FacetChart:
    """Draw the training loss of every step in an epoch, for one run of each level."""
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
                        "loss": [short(loss) for loss in means[shown].tolist()],
                    }
                )
    highest = max((loss for row in rows for loss in row["loss"]), default=1.0)
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
        data=data_of(rows),
    ).transform_flatten(["step", "loss"])
    if len({len(run.history[0].step_losses) for _, run in runs if run.history}) > 1:
        faceted = faceted.resolve_scale(x="independent")  # a batch size of 1 has many steps
    return faceted.properties(
        title=title_of(
            study,
            f"Loss of every step by {study.param}",
            "One run of each value. The scale is logarithmic, and linear below 0.01. Thin "
            "lines: the loss of each step; where steps share a pixel, their lowest and "
            f"highest loss. Thick lines: the mean over 1/{_WINDOW} of the epoch's steps."
            + cut_text(highest, limit),
            panels=2,
        ),
        description=described(study, "Training loss by step"),
    )


def _first(level: LevelResult) -> Run | None:
    """The run of a level to show: the first finished one, else the first with an epoch."""
    runs = [*level.finished, *(run for run in level.runs if run.history)]
    return runs[0] if runs else None
