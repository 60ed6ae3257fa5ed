"""The best trials of a search beside their replications with other seeds."""

from __future__ import annotations

import altair as alt

from kmlp._util.text import count_of
from kmlp.charts.accuracy import CROSS
from kmlp.charts.config_lines import Row
from kmlp.charts.style import BLUE, INK, VERMILION, WIDTH, data_of, short
from kmlp.model.metrics import Metric
from kmlp.studies.cells import measured
from kmlp.studies.level_result import LevelResult, mean_of
from kmlp.studies.results import StudyResult
from kmlp_tuning.charts._drawing import replication_of, title
from kmlp_tuning.charts._rows import measure_of, text_of, value_label
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
    """Draw the metric of the best trials in the search and with other seeds.

    They are compared after the same number of epochs.

    Raises:
        ConfigError: if no trial was trained with another seed.
    """
    measure = measure_of(search)
    study = replication_of(search)
    rows = replication_rows(search, study)
    lost = any(row["accuracy"] is None for row in rows)
    names = list(dict.fromkeys(row["name"] for row in rows))
    scale = alt.Scale(
        domain=_domain(rows, measure.metric, lost=lost), nice=False, zero=False
    )
    x = alt.X("accuracy:Q", scale=scale, title=measure.title)
    y = alt.Y("name:N", sort=names, axis=alt.Axis(title=None, grid=True, ticks=False))
    kinds = {row["kind"] for row in rows if row["accuracy"] is not None}
    styles = {kind: style for kind, style in _STYLES.items() if kind in kinds}
    base = alt.Chart().encode(
        y=y,
        tooltip=[
            alt.Tooltip("name:N", title="trial"),
            alt.Tooltip("kind:N", title="what"),
            alt.Tooltip("seed:N"),
            measure.tooltip(),
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
    """A row for each point: the values in the search, of other seeds, and their mean.

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

    measure = measure_of(search)
    metric = measure.metric

    def row(kind: str, value: float | None, seed: str, **more: float) -> Row:
        number = None if value is None else measure.number(value)
        shown = number
        if number is not None and metric.share:
            shown = round(100 - number, 4)
        return {
            **about,
            "kind": kind,
            "seed": seed,
            "accuracy": shown,
            "accuracy_text": value_label(measure, number),
            **more,
        }

    rows = []
    value = search.selection_value(trial)
    if epochs == search.selected_at_epoch[trial.number] and value is not None:
        rows.append(row(SEARCH, value, str(trial.config.seed)))
    finished = [run.truncated(epochs) for run in level.finished]
    for run in finished:
        rows.append(row(SEED, run.val_value, str(run.config.seed)))
    for run in level.runs:
        if run not in level.finished:
            rows.append(row(SEED, None, str(run.config.seed)))
    if len(finished) > 1:
        mean = mean_of(metric, [run.val_value for run in finished])
        assert mean is not None
        ends = dict(zip(("low", "high"), mean.interval or (), strict=False))
        rows.append(
            row(
                MEAN,
                mean.mean,
                "all of these",
                **{name: _drawn(metric, end) for name, end in ends.items()},
            )
        )
    return rows


def _drawn(metric: Metric, value: float) -> float:
    """The place of a value on the axis: that of a share in percent."""
    return round(100 * value, 4) if metric.share else short(value)


def _domain(rows: list[Row], metric: Metric, *, lost: bool) -> list[float]:
    """The ends of the axis.

    Args:
        rows: The rows of the chart.
        metric: The metric.
        lost: True if runs have no value, which need room at the lower end.
    """
    ends = [row[key] for row in rows for key in ("accuracy", "low", "high") if key in row]
    accuracies = [end for end in ends if end is not None] or [0, 100]
    span = max(accuracies) - min(accuracies)
    least = 1.0 if metric.share else 0.01 * max(map(abs, accuracies))
    margin = max(0.04 * span, (least - span) / 2)
    high = max(accuracies) + margin
    return [
        min(accuracies) - margin * (3 if lost else 1),
        min(100, high) if metric.share else high,
    ]


def _optimism_text(search: Search, study: StudyResult) -> str:
    """The optimism of the search for each trial, in a sentence."""
    trials = {trial.number: trial for trial in search.trials}
    optimisms = {
        level.value: search.optimism(trials[level.value]) for level in study.levels
    }
    metric = search.settings.metric
    parts = [
        f"{measured(metric, optimism, signed=True)} (trial {number})"
        for number, optimism in optimisms.items()
        if optimism is not None
    ]
    if not parts:
        article = "an" if metric.title[0] in "aeiou" else "a"
        return f"No run with another seed has {article} {metric.title}."
    unit = f" {metric.difference_unit}" if metric.difference_unit else ""
    size = "high" if metric.higher_is_better else "low"
    here, mean = f"{metric.title} in the search", "the mean of the other seeds"
    minus = f"{here} minus {mean}" if metric.higher_is_better else f"{mean} minus {here}"
    return (
        f"The {metric.best_word} {metric.titles} of a search are too {size} on average. "
        f"Here, {minus} is {', '.join(parts)}{unit}."
    )
