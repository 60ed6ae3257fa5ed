"""The loss of every step of the best trial."""

from __future__ import annotations

import altair as alt
import numpy as np

from kmlp._util.text import count_of
from kmlp.charts.step_losses import cut_text, loss_axis, loss_limit, step_ticks, thinned
from kmlp.charts.style import ORDERED, ORDERED_EXTENT, titled
from kmlp.charts.trial_lines import HEIGHT, WIDTH, Row
from kmlp.errors import ConfigError
from kmlp.studies.config_list import ConfigList
from kmlp.studies.results import LevelResult
from kmlp.training.run import Run

_WINDOW = 50
"""A running mean is over this part of the steps."""
_LOW = 0.02
"""The axis of losses begins with zero only if one is below."""
_FEW = 12
"""Epochs that each have an entry in the legend."""


def steps(study: ConfigList) -> alt.LayerChart:
    """The training loss of every step of the best trial, over all of its epochs.

    It is of the trial's first seed that finished; where none did, of the first run that
    has an epoch.

    Raises:
        ConfigError: if no run has one.
    """
    level, run = _shown(study)
    rows = step_rows(run)
    shown = [it for row in rows for it in row["loss"]]
    highest = max(shown, default=1.0)
    lowest = min(shown, default=0.0)
    low = 0.95 * lowest if lowest >= _LOW else 0.0
    limit = loss_limit(highest, [float(run.history[0].step_losses[0])])
    count = sum(len(record.step_losses) for record in run.history)
    few = run.epochs <= _FEW
    scale = alt.Scale(scheme=alt.SchemeParams(name=ORDERED, extent=ORDERED_EXTENT))
    entries = alt.Legend(symbolOpacity=1, symbolStrokeWidth=3, symbolType="stroke")
    legend = entries if few else alt.Legend(gradientOpacity=1)
    base = (
        alt.Chart()
        .transform_flatten(["step", "loss"])
        .encode(
            x=alt.X(
                "step:Q",
                title="step",
                scale=alt.Scale(nice=False, zero=False),
                axis=alt.Axis(values=step_ticks(count), format=",d"),
            ),
            y=loss_axis(limit, low),
            color=alt.Color(
                "epoch:O" if few else "epoch:Q",
                scale=scale,
                legend=None if run.epochs == 1 else legend,
            ),
            detail="epoch:O",
        )
    )
    thin = base.transform_filter("datum.kind == 'step'").mark_line(
        strokeWidth=0.6, opacity=0.35, clip=True
    )
    thick = base.transform_filter("datum.kind == 'mean'").mark_line(
        strokeWidth=2, clip=True
    )
    best = study.best() is not None
    of = f"configuration {level.value}" + (
        ", the best" if best and len(study.levels) > 1 else ""
    )
    seed = f"seed {run.config.seed}" if len(level.runs) > 1 else ""
    note = f"On a log scale{'' if low else ' that is even below 0.01'}."
    if any(row["kind"] == "step" for row in rows):
        note += (
            " Thin: the loss of steps, of many the lowest and the highest at each place; "
            f"thick: the mean over 1/{_WINDOW} of them."
        )
    ended = "" if run.status == "finished" else f" The run {run.status}."
    return alt.LayerChart(layer=[thin, thick]).properties(
        data={"values": rows},
        width=WIDTH,
        height=HEIGHT,
        title=titled(
            f"Loss of every step of {of}",
            study.headline,
            ", ".join(filter(None, [seed, study.changes_text(level)])),
            f"{note}{cut_text(highest, limit)}{ended}",
            width=WIDTH + 60,
        ),
        description=(
            f"Training loss by step of {of}, over {count_of(run.epochs, 'epoch')} "
            f"({study.headline}). {study.best_text()}"
        ),
    )


def step_rows(run: Run) -> list[Row]:
    """A row for each epoch's losses and one for their running mean, as lists; of few steps
    the losses alone, in the place of their mean.

    Each goes on to the first point of the next epoch, so that the line has no gap.
    """
    counts = [len(record.step_losses) for record in run.history]
    losses = np.concatenate([record.step_losses for record in run.history])
    ends = np.cumsum(counts)
    rows: list[Row] = []
    lines = list(thinned(losses, WIDTH, window=_WINDOW))
    for kind, places, shown in lines if len(losses) >= 2 * _WINDOW else lines[1:]:
        finite = np.isfinite(shown)
        places, shown = places[finite], shown[finite]
        stops = np.searchsorted(places, ends, side="right")
        for epoch, (start, stop) in enumerate(zip([0, *stops], stops, strict=False), 1):
            part = slice(start, stop + 1)
            rows.append(
                {
                    "epoch": epoch,
                    "kind": kind,
                    "step": places[part].tolist(),
                    "loss": [float(f"{it:.5g}") for it in shown[part]],
                }
            )
    return rows


def _shown(study: ConfigList) -> tuple[LevelResult, Run]:
    best = study.best()
    for level in [best] if best is not None else study.levels:
        for run in (*level.finished, *level.runs):
            if run.history:
                return level, run
    raise ConfigError([f'No run of "{study.name}" has an epoch, so there is no loss.'])
