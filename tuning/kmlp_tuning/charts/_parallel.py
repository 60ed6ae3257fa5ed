"""Parallel coordinates of the trials of a search."""

from __future__ import annotations

import math
from typing import Any

import altair as alt

from kmlp._util.text import count_of
from kmlp.charts.config_lines import Row, pointed, under_pointer
from kmlp.charts.measure import Scale
from kmlp.charts.style import INK, WIDTH, data_of
from kmlp.model.domains import Range, place_in, span
from kmlp_tuning.charts._drawing import (
    best_text,
    colour_of_values,
    errors_of,
    range_text,
    title,
    tooltips,
)
from kmlp_tuning.charts._rows import (
    NONE,
    choices,
    field_title,
    jitter,
    measure_of,
    number_of,
    range_ticks,
    trial_rows,
    value_label,
)
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.trial import Trial
from kmlp_tuning.space.space import SearchSpace

HEIGHT, STEP = 340, 132
_BELOW = -0.1
"""The place on an axis of trials that have no value there."""
_SPREAD = 0.05
"""The part of an axis over which trials with the same choice are spread, from 0 to 1."""


def parallel_coordinates(search: Search) -> alt.LayerChart:
    """Draw a line for each trial, through its values to that of the metric."""
    measure = measure_of(search)
    rows = trial_rows(search)
    domains = search.settings.space.fields
    scale = measure.scale(errors_of(rows))
    lines = line_rows(search, rows, scale)
    labels = label_rows(search, lines, scale)
    last = len(domains)
    lowest = min([0.0, *(label["at"] for label in labels)])
    width = max(STEP * last, WIDTH)
    x = alt.X("axis:Q", scale=alt.Scale(domain=[0, last], nice=False), axis=None)
    y = alt.Y("at:Q", scale=alt.Scale(domain=[lowest - _SPREAD, 1], nice=False), axis=None)
    hover = pointed("trial")
    base = (
        alt.Chart()
        .transform_flatten(["axis", "at"])
        .encode(x, y, detail="trial:N", order="axis:Q")
    )
    lost = base.transform_filter("datum.error === null").mark_line(
        strokeDash=[2, 3], strokeWidth=1.2, color=INK, opacity=0.8
    )
    drawn = base.transform_filter("datum.error !== null").mark_line(strokeJoin="round")
    drawn = drawn.encode(
        color=alt.Color("error:Q", scale=colour_of_values(search, scale), legend=None),
        strokeWidth=alt.when(hover)
        .then(alt.value(4.5))
        .when("datum.kind == 'best'")
        .then(alt.value(4))
        .when("datum.kind == 'finished'")
        .then(alt.value(2))
        .otherwise(alt.value(0.9)),
        opacity=alt.when(hover)
        .then(alt.value(1))
        .when("datum.kind == 'best' || datum.kind == 'finished'")
        .then(alt.value(0.9))
        .otherwise(alt.value(0.65)),
    )
    tooltip = [*tooltips(search), alt.Tooltip("epochs:Q"), measure.tooltip()]
    under = under_pointer(base, hover, tooltip)
    titles = [*(field_title(search, name) for name in domains), measure.title]
    layers = (lost, drawn, *_axes(titles, labels, x, y), *under)
    return alt.LayerChart(layer=layers).properties(
        data=data_of(lines),
        width=width,
        height=HEIGHT,
        title=title(
            search,
            f"Values of the trials and their {measure.name}",
            _note(search),
            best_text(search, "It is the thickest line."),
            "Dotted lines: diverged."
            if any(line["error"] is None for line in lines)
            else "",
            width=width + 60,
        ),
        description=(
            f"Parallel coordinates of {count_of(len(lines), 'trial')} over "
            f"{', '.join(domains)} ({search.headline}): "
            f"{range_text(search, errors_of(rows))}. {best_text(search)}"
        ),
    )


def line_rows(search: Search, rows: list[Row], scale: Scale) -> list[Row]:
    """The rows of `trial_rows` that did not fail, the best last, with two more keys.

    `axis` has the numbers of the axes, from 0, and `at` the places of the line on them,
    from 0 to 1, or below.
    """
    trials = {trial.number: trial for trial in search.trials}
    space, measure = search.settings.space, measure_of(search)
    lines = []
    for row in rows:
        error, trial = row["error"], trials[row["trial"]]
        if row["kind"] == "failed":
            continue
        places = [_at(name, trial, space) for name in space.fields]
        places.append(_BELOW if error is None else round(scale.share(error), 4))
        lines.append(
            {
                **{key: value for key, value in row.items() if key != "errors"},
                "axis": list(range(len(places))),
                "at": places,
                "accuracy_text": value_label(measure, error),
            }
        )
    return sorted(
        lines,
        key=lambda line: (
            -math.inf if line["error"] is None else -measure.badness(line["error"])
        ),
    )


def _axes(titles: list[str], labels: list[Row], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """The axes with their ticks, labels and titles."""
    last = len(titles) - 1
    ends = [{"axis": axis, "at": 0, "end": 1} for axis in range(last + 1)]
    heads = [{"axis": axis, "title": text.split(", ")} for axis, text in enumerate(titles)]
    ticks = alt.Chart(data_of(labels)).encode(x, y)
    return [
        alt.Chart(data_of(ends))
        .mark_rule(strokeWidth=1, color=INK)
        .encode(x, y, y2="end:Q"),
        ticks.mark_tick(orient="horizontal", size=7, thickness=1, color=INK),
        *_texts(ticks.transform_filter(f"datum.axis < {last}"), align="right", dx=-7),
        *_texts(ticks.transform_filter(f"datum.axis == {last}"), align="left", dx=7),
        alt.Chart(data_of(heads))
        .mark_text(fontSize=13, baseline="bottom", dy=-24, lineHeight=15)
        .encode(x, y=alt.value(0), text="title:N"),
    ]


def _texts(base: alt.Chart, **where: Any) -> list[alt.Chart]:
    """Labels that can be read on lines."""
    halo: dict[str, Any] = {"stroke": "white", "strokeWidth": 4, "strokeJoin": "round"}
    return [
        base.mark_text(fontSize=12, **where, **more).encode(text="label:N")
        for more in (halo, {})
    ]


def _note(search: Search) -> str:
    epochs = {
        trial.run.epochs
        for trial in search.trials
        if trial.run and trial.run.status == "finished"
    }
    if len(epochs) < 2:
        return "The darker a line, the better."
    return (
        "The darker a line, the better its trial. Thick lines: all "
        f"{search.settings.max_epochs} epochs. Thin lines: fewer epochs."
    )


def _at(name: str, trial: Trial, space: SearchSpace) -> float:
    """The place of a trial on the axis of a field, from 0 to 1."""
    number = number_of(name, trial, space)
    axis = span(space.fields[name])
    shift = _SPREAD * jitter(trial.number)
    if number is None:
        place = _BELOW + shift
    elif isinstance(axis, Range):
        place = place_in(axis, number)
    else:
        place = _place(axis.values.index(number), len(axis.values)) + shift
    return round(place, 4)


def _place(index: int, choices: int) -> float:
    """The place of a choice on its axis, from 0 to 1."""
    return index / (choices - 1) if choices > 1 else 0.5


def label_rows(search: Search, lines: list[Row], scale: Scale) -> list[Row]:
    """A row for each label: its text, and `axis` and `at` as in `line_rows`."""
    labels = []
    for axis, (name, each) in enumerate(search.settings.space.fields.items()):
        domain = span(each)
        if isinstance(domain, Range):
            ticks = range_ticks(domain)
            places = [(place_in(domain, tick), f"{tick:.4g}") for tick in ticks]
        else:
            texts = choices(name, domain)
            places = [(_place(i, len(texts)), text) for i, text in enumerate(texts)]
        if any(line[name] == NONE for line in lines):
            places.append((_BELOW, NONE))
        labels += [{"axis": axis, "at": at, "label": text} for at, text in places]
    last = len(search.settings.space.fields)
    places = [(scale.share(tick), measure_of(search).text(tick)) for tick in scale.ticks]
    if any(line["error"] is None for line in lines):
        places.append((_BELOW, "diverged"))
    return labels + [{"axis": last, "at": at, "label": text} for at, text in places]
