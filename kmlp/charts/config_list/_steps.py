"""The loss of every step of the best configuration."""

from __future__ import annotations

import altair as alt
import numpy as np

from kmlp._util.text import count_of
from kmlp.charts._step_losses import cut_text, loss_axis, loss_limit, step_ticks, thinned
from kmlp.charts.config_lines import HEIGHT, WIDTH, Row
from kmlp.charts.style import ORDERED, ORDERED_EXTENT, data_of, titled
from kmlp.errors import ConfigError
from kmlp.studies.config_list import ConfigList
from kmlp.studies.level_result import LevelResult
from kmlp.training.run import Run

_WINDOW = 50
"""The ratio of all steps to the steps that the running mean covers."""
_LOW = 0.02
"""The axis of losses begins with zero only if a loss is below this."""
_FEW = 12
"""The largest number of epochs that each have an entry in the legend."""


def steps(study: ConfigList) -> alt.LayerChart:
    """Draw the training loss of every step of the best configuration, over all epochs.

    The run is the configuration's first finished one. If no run of any configuration
    finished, it is the first one that has an epoch.

    Raises:
        ConfigError: if no run has an epoch.
    """
    level, run = _shown(study)
    rows = step_rows(run)
    losses = [loss for row in rows for loss in row["loss"]]
    highest = max(losses, default=1.0)
    lowest = min(losses, default=0.0)
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
    is_best = study.best() is not None and len(study.levels) > 1
    configuration = f"configuration {level.value}{', the best' if is_best else ''}"
    seed = f"seed {run.config.seed}" if len(level.runs) > 1 else ""
    note = f"The scale is logarithmic{'' if low else ', and linear below 0.01'}."
    if any(row["kind"] == "step" for row in rows):
        note += (
            " Thin lines: the loss of each step; where steps share a pixel, their lowest "
            f"and highest loss. Thick lines: the mean over 1/{_WINDOW} of all steps."
        )
    ended = "" if run.status == "finished" else f" The run {run.status}."
    return alt.LayerChart(layer=[thin, thick]).properties(
        data=data_of(rows),
        width=WIDTH,
        height=HEIGHT,
        title=titled(
            f"Loss of every step of {configuration}",
            study.headline,
            ", ".join(filter(None, [seed, study.changes_text(level)])),
            f"{note}{cut_text(highest, limit)}{ended}",
            width=WIDTH + 60,
        ),
        description=(
            f"Training loss by step of {configuration}, "
            f"over {count_of(run.epochs, 'epoch')} "
            f"({study.headline}). {study.best_text()}"
        ),
    )


def step_rows(run: Run) -> list[Row]:
    """Two rows for each epoch, with lists: the losses of its steps, and their running mean.

    A run of few steps has only the losses, drawn as the mean is. Each row includes the
    first point of the next epoch, so that the line has no gap.
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
                    "loss": [float(f"{loss:.5g}") for loss in shown[part]],
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
