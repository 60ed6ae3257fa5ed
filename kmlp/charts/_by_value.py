"""Panels of a quantity by level: each seed, the means over the seeds, their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import altair as alt

from kmlp.charts.accuracy import CROSS
from kmlp.charts.measure import RATIO, Measure
from kmlp.charts.style import COLOURS, HEIGHT, WIDTH, data_of
from kmlp.model.metrics import Part
from kmlp.model.params import all_fields
from kmlp.statistics import Estimate
from kmlp.studies.level_result import LevelResult
from kmlp.studies.results import StudyResult
from kmlp.training.run import Run

Row = dict[str, Any]

MOST_DESCRIBED = 12
"""The largest number of levels whose means a text alternative lists."""
_UNITS = {
    "width": "units in each hidden layer",
    "depth": "hidden layers",
}


def is_numeric(study: StudyResult) -> bool:
    """Return True if the levels are values of a field, and all are numbers."""
    return study.param in all_fields() and all(
        type(level.value) in (int, float) for level in study.levels
    )


def anything_lost(study: StudyResult) -> bool:
    """Return True if a run diverged or failed."""
    return any(level.diverged or level.failed for level in study.levels)


def on_axis_of(y: alt.Y, field: str) -> alt.Y:
    """The same axis with another field; the title stays."""
    other = y.copy()
    other.shorthand = field
    return other


def seed_rows(
    study: StudyResult,
    name: str,
    of_run: Callable[[Run], float],
    text: Callable[[float], str],
) -> list[Row]:
    """A row for each run, with a number that is None if the run diverged or failed.

    Args:
        study: The study.
        name: The key of the number.
        of_run: Returns the number of a finished run.
        text: Returns the number as text, for the key `{name}_text`.
    """
    rows = []
    for level in study.levels:
        for run in level.runs:
            number = of_run(run) if run.status == "finished" else None
            rows.append(
                {
                    **_place(study, level),
                    "seed": run.config.seed,
                    name: number,
                    f"{name}_text": run.status if number is None else text(number),
                }
            )
    return rows


def mean_rows(
    study: StudyResult,
    name: str,
    of_level: Callable[[LevelResult], Estimate | None],
    number_of: Callable[[float], float],
) -> list[Row]:
    """A row for each level with a mean, and the ends of its interval if it has one.

    Args:
        study: The study.
        name: The key of the number; the ends are `{name}_low` and `{name}_high`.
        of_level: Returns the mean of a level.
        number_of: Returns the number that is drawn for a mean or an end.
    """
    rows = []
    for level in study.levels:
        estimate = of_level(level)
        if estimate is None:
            continue
        row = {**_place(study, level), name: number_of(estimate.mean)}
        for end, limit in zip(("low", "high"), estimate.interval or (), strict=False):
            row[f"{name}_{end}"] = number_of(limit)
        rows.append(row)
    return rows


def ends_of(rows: Sequence[Row], name: str) -> Iterator[float]:
    """Yield every number of rows that is drawn, with the ends of the intervals."""
    for row in rows:
        for key in (name, f"{name}_low", f"{name}_high"):
            if row.get(key) is not None:
                yield row[key]


def metric_panel(study: StudyResult, part: Part = "val") -> alt.LayerChart:
    """Draw the metric by level: accuracies on the logarithmic scale of their errors.

    Args:
        study: The study.
        part: "val" or "test". Defaults to "val".
    """
    measure = Measure(study.metric, part)
    key = "error" if study.metric.share else "metric"

    def number(run: Run) -> float:
        return measure.number(run.value(part))

    rows = seed_rows(study, key, number, measure.text)
    means = mean_rows(study, key, lambda level: level.value_of(part), measure.number)
    ends = [*ends_of(rows, key), *ends_of(means, key)]
    scale = measure.scale(ends, room=0.1 if anything_lost(study) else 0.0)
    y = measure.y(key, scale)
    return value_panel(study, key, rows, means, y, measure.title)


def value_panel(
    study: StudyResult, name: str, rows: list[Row], means: list[Row], y: alt.Y, title: str
) -> alt.LayerChart:
    """Draw a number by level.

    Args:
        study: The study.
        name: The key of the number.
        rows: The result of `seed_rows`.
        means: The result of `mean_rows`.
        y: The axis of the number.
        title: The name of the number, for tooltips.
    """
    x = axis_of_values(study)
    tooltip = [
        alt.Tooltip("value:N", title=study.param),
        alt.Tooltip("seed:N"),
        alt.Tooltip(f"{name}_text:N", title=title),
    ]
    base = alt.Chart(data_of(rows)).encode(x=x, tooltip=tooltip)
    mean = alt.Chart(data_of(means)).encode(x=x)
    shift = 9 if len(study.seeds) > 1 else 0
    layers = [
        mean.mark_line(color=COLOURS[0], strokeWidth=1, opacity=0.5).encode(y=y),
        mean.transform_filter(f"isValid(datum.{name}_low)")
        .mark_rule(strokeWidth=2, color=COLOURS[0])
        .encode(y=on_axis_of(y, f"{name}_low:Q"), y2=f"{name}_high:Q"),
        mean.mark_point(filled=True, size=80, shape="square", color=COLOURS[0]).encode(y=y),
        base.transform_filter(f"datum.{name} !== null")
        .mark_circle(size=45, color=COLOURS[1], opacity=0.8, xOffset=shift)
        .encode(y=y),
        base.transform_filter(f"datum.{name} === null")
        .mark_point(shape=CROSS, size=60, strokeWidth=2, color=COLOURS[1], xOffset=shift)
        .encode(y=alt.value(HEIGHT - 8)),
    ]
    if not is_numeric(study):
        del layers[0]  # names have no order that a line could follow
    return alt.LayerChart(layer=layers).properties(width=WIDTH, height=HEIGHT)


def axis_of_values(study: StudyResult) -> alt.X:
    """The axis of the levels: a scale of numbers, or names in the order of the study."""
    counted = study.param in ("batch_size", "train_size")
    unit = study.noun if counted else _UNITS.get(study.param)
    title = f"{study.param}, {unit}" if unit else study.param
    numbers = [level.value for level in study.levels]
    if not is_numeric(study):
        names = [study.text(level) for level in study.levels]
        return alt.X("place:N", title=title, sort=names, axis=alt.Axis(labelAngle=0))
    wide = min(numbers) > 0 and max(numbers) >= RATIO * min(numbers)
    whole = {*map(type, numbers)} == {int}
    return alt.X(
        "place:Q",
        title=f"{title} (log scale)" if wide else title,
        scale=alt.Scale(
            type="log" if wide else "linear",
            domain=[min(numbers), max(numbers)] if len(numbers) > 1 else alt.Undefined,
            nice=False,
            padding=20,
        ),
        axis=alt.Axis(
            values=numbers,
            format=",d" if whole else alt.Undefined,
            labelOverlap=True,
            grid=False,
        ),
    )


def _place(study: StudyResult, level: LevelResult) -> Row:
    text = study.text(level)
    return {"place": level.value if is_numeric(study) else text, "value": text}
