"""The best trials of a search beside their replications with other seeds."""

from __future__ import annotations

import altair as alt

from kmlp._util.text import count_of
from kmlp.charts.accuracy import CROSS, error_of
from kmlp.charts.config_lines import Row, accuracy_tooltip
from kmlp.charts.style import BLUE, INK, VERMILION, WIDTH, data_of
from kmlp.statistics import estimate
from kmlp.studies.cells import percent
from kmlp.studies.level_result import LevelResult
from kmlp.studies.results import StudyResult
from kmlp_tuning.charts._drawing import replication_of, title
from kmlp_tuning.charts._rows import accuracy_label, text_of
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.trial import Trial

_STEP = 40
"""The height of a row, in pixels."""
_BELOW = 10
"""The distance of the mean below its seeds, in pixels."""

SEARCH, SEED, MEAN = "in the search", "another seed", "mean of these, 95 % interval"
_STYLES = {
    SEARCH: (VERMILION, "diamond", 150),
    SEED: (BLUE, "circle", 60),
    MEAN: (INK, "square", 60),
}
"""The colour, shape and size of each kind of point."""


def replication(search: Search) -> alt.LayerChart:
    """Draw the accuracies of the best trials in the search and with other seeds.

    They are compared after the same number of epochs.

    Raises:
        ConfigError: if no trial was trained with another seed.
    """
    study = replication_of(search)
    rows = replication_rows(search, study)
    lost = any(row["accuracy"] is None for row in rows)
    names = list(dict.fromkeys(row["name"] for row in rows))
    scale = alt.Scale(domain=_domain(rows, lost=lost), nice=False, zero=False)
    x = alt.X("accuracy:Q", scale=scale, title="validation accuracy, %")
    y = alt.Y("name:N", sort=names, axis=alt.Axis(title=None, grid=True, ticks=False))
    kinds = {row["kind"] for row in rows if row["accuracy"] is not None}
    styles = {kind: style for kind, style in _STYLES.items() if kind in kinds}
    base = alt.Chart().encode(
        y=y,
        tooltip=[
            alt.Tooltip("name:N", title="trial"),
            alt.Tooltip("kind:N", title="what"),
            alt.Tooltip("seed:N"),
            accuracy_tooltip(),
            alt.Tooltip("values:N"),
        ],
    )
    marked = base.transform_filter("datum.accuracy !== null").encode(
        x=x,
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(
                domain=[*styles], range=[colour for colour, _, _ in styles.values()]
            ),
            legend=alt.Legend(title=None, orient="bottom", labelLimit=0),
        ),
        shape=alt.Shape(
            "kind:N",
            scale=alt.Scale(
                domain=[*styles], range=[shape for _, shape, _ in styles.values()]
            ),
        ),
    )
    marks = [
        marked.transform_filter(f"datum.kind == '{kind}'").mark_point(
            filled=True, opacity=0.9, size=size, yOffset=_BELOW if kind == MEAN else 0
        )
        for kind, (_, _, size) in styles.items()
    ]
    intervals = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2, color=INK, yOffset=_BELOW, y2Offset=_BELOW)
        .encode(x=alt.X("low:Q"), x2="high:Q")
    )
    crosses = base.transform_filter("datum.accuracy === null").mark_point(
        shape=CROSS, size=50, strokeWidth=1.8, color=INK, opacity=1
    )
    optimism, outcome = _optimism_text(search, study), search.conclusion.text
    outcome = outcome[0].upper() + outcome[1:]
    layers = (intervals, *marks, crosses.encode(x=alt.value(10)))
    return alt.LayerChart(layer=layers).properties(
        data=data_of(rows),
        width=WIDTH,
        height=_STEP * len(names),
        title=title(
            search,
            "The best trials with other seeds",
            optimism,
            outcome,
            "Crosses: runs that diverged or failed." if lost else "",
            width=WIDTH + 170,
        ),
        description=f"{optimism} {outcome} ({search.headline}).",
    )


def replication_rows(search: Search, study: StudyResult) -> list[Row]:
    """A row for each point: the accuracies in the search, of other seeds, and their mean.

    Each trial has points after the epochs that it had when it was selected, and after all
    epochs.

    Args:
        search: The search.
        study: Its replication.
    """
    trials = {trial.number: trial for trial in search.trials}
    return [
        row
        for level in study.levels
        for epochs in sorted({search.selected_at_epoch[level.value], study.epochs})
        for row in _rows(search, trials[level.value], level, epochs)
    ]


def _rows(search: Search, trial: Trial, level: LevelResult, epochs: int) -> list[Row]:
    about = {
        "name": f"trial {trial.number}, {count_of(epochs, 'epoch')}",
        "values": ", ".join(
            f"{name}={text_of(name, trial, search.settings.space)}"
            for name in search.settings.space.fields
        ),
    }

    def row(kind: str, accuracy: float | None, seed: str, **more: float) -> Row:
        error = None if accuracy is None else error_of(accuracy)
        percent = None if error is None else round(100 - error, 4)
        return {
            **about,
            "kind": kind,
            "seed": seed,
            "accuracy": percent,
            "accuracy_text": accuracy_label(error),
            **more,
        }

    rows = []
    accuracy = search.selection_value(trial)
    if epochs == search.selected_at_epoch[trial.number] and accuracy is not None:
        rows.append(row(SEARCH, accuracy, str(trial.config.seed)))
    finished = [run.truncated(epochs) for run in level.finished]
    for run in finished:
        rows.append(row(SEED, run.val_accuracy, str(run.config.seed)))
    for run in level.runs:
        if run not in level.finished:
            rows.append(row(SEED, None, str(run.config.seed)))
    if len(finished) > 1:
        mean = estimate([run.val_accuracy for run in finished], bounds=(0, 1))
        ends = dict(zip(("low", "high"), mean.interval or (), strict=False))
        rows.append(
            row(
                MEAN,
                mean.mean,
                "all of these",
                **{name: round(100 * end, 4) for name, end in ends.items()},
            )
        )
    return rows


def _domain(rows: list[Row], *, lost: bool) -> list[float]:
    """The ends of the axis.

    Args:
        rows: The rows of the chart.
        lost: True if runs have no accuracy, which need room at the lower end.
    """
    ends = [row[key] for row in rows for key in ("accuracy", "low", "high") if key in row]
    accuracies = [end for end in ends if end is not None] or [0, 100]
    span = max(accuracies) - min(accuracies)
    margin = max(0.04 * span, 0.5 - span / 2)
    return [
        min(accuracies) - margin * (3 if lost else 1),
        min(100, max(accuracies) + margin),
    ]


def _optimism_text(search: Search, study: StudyResult) -> str:
    """The optimism of the search for each trial, in a sentence."""
    trials = {trial.number: trial for trial in search.trials}
    optimisms = {
        level.value: search.optimism(trials[level.value]) for level in study.levels
    }
    parts = [
        f"{percent(optimism, signed=True)} (trial {number})"
        for number, optimism in optimisms.items()
        if optimism is not None
    ]
    if not parts:
        return "No run with another seed has an accuracy."
    return (
        "The highest accuracies of a search are too high on average. Here, accuracy in the "
        f"search minus the mean of the other seeds is {', '.join(parts)} points."
    )
