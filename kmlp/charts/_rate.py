"""The learning rate of every step, for studies with a schedule or a warmup."""

from __future__ import annotations

import altair as alt
import numpy as np

from kmlp.charts._by_value import Row
from kmlp.charts._legend import colour_of_values, dash_of_values
from kmlp.charts.measure import RATIO
from kmlp.charts.style import HEIGHT, WIDTH, data_of, short, titled
from kmlp.errors import ConfigError
from kmlp.model.schedules import rate_at, rate_numbers, varies
from kmlp.studies.results import StudyResult
from kmlp.training.run import Run

_POINTS = 400
"""The largest number of points of a line."""


def rate(study: StudyResult, headline: str) -> alt.LayerChart:
    """Draw the learning rate by epoch, a line for each level.

    Args:
        study: The study.
        headline: A summary of the training, in a line.

    Raises:
        ConfigError: if the learning rate of no run varies, or if no run completed an epoch.
    """
    runs = [
        (study.text(level), run)
        for level in study.levels
        for run in [run for run in level.runs if run.steps is not None][:1]
    ]
    if not any(varies(run.config) for _, run in runs):
        raise ConfigError(
            [
                "The learning rate of these runs does not vary. Train with a `schedule`, "
                "such as cosine:10, or with a `warmup`."
            ]
        )
    rows: list[Row] = [
        {"value": text, "epoch": epochs, "rate": rates}
        for text, run in runs
        for epochs, rates in [_line(run)]
    ]
    spread = [number for row in rows for number in row["rate"] if number > 0]
    wide = bool(spread) and min(map(min, (row["rate"] for row in rows))) > 0
    wide = wide and max(spread) > RATIO * min(spread)
    colour, dash = colour_of_values(study), dash_of_values(study)
    lines = (
        alt.Chart(data_of(rows))
        .transform_flatten(["epoch", "rate"])
        .mark_line(strokeWidth=2, interpolate="step-after")
        .encode(
            x=alt.X(
                "epoch:Q",
                title="epochs trained",
                scale=alt.Scale(nice=False),
                axis=alt.Axis(tickMinStep=1, format="d"),
            ),
            y=alt.Y(
                "rate:Q",
                title=f"learning rate{' (log scale)' if wide else ''}",
                scale=alt.Scale(type="log" if wide else "linear"),
            ),
            color=colour,
            strokeDash=dash,
            tooltip=[
                alt.Tooltip("value:N", title=study.param),
                alt.Tooltip("epoch:Q", format=".2f"),
                alt.Tooltip("rate:Q", format=".4g", title="learning rate"),
            ],
        )
    )
    ends = "; ".join(
        f"{study.called(row['value'])}: {row['rate'][0]:.3g} to {row['rate'][-1]:.3g}"
        for row in rows
    )
    return alt.LayerChart(layer=[lines]).properties(
        width=WIDTH,
        height=HEIGHT,
        title=titled(
            f"Learning rate by {study.param}",
            headline,
            "The rate changes with every step. It follows from the configuration, and is "
            "the same for every seed.",
            width=WIDTH + 100,
        ),
        description=f"Learning rate by epoch, {headline}. First and last step: {ends}.",
    )


def _line(run: Run) -> tuple[list[float], list[float]]:
    """The epochs, as fractions, and the learning rates of some steps, the last included.

    Each rate holds to the next step, and the last one to the end of the run.
    """
    assert run.steps is not None
    last = run.epochs * run.steps - 1
    step = np.unique(np.linspace(0, last, min(last + 1, _POINTS)).round())
    rates = rate_at(run.config, step, rate_numbers(run.config, run.steps), np)
    rates = np.broadcast_to(rates, step.shape)
    return (
        [short(number) for number in [*(step / run.steps).tolist(), float(run.epochs)]],
        [short(number) for number in [*rates.tolist(), float(rates[-1])]],
    )
