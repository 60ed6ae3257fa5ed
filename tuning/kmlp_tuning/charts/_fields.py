"""The metric of the trials of a search by each field."""

from __future__ import annotations

from typing import Any

import altair as alt

from kmlp._util.text import count_of
from kmlp.charts.accuracy import CROSS
from kmlp.charts.config_lines import Row, pointed
from kmlp.charts.measure import Scale
from kmlp.charts.style import INK, VERMILION, data_of
from kmlp.model.domains import Conditional, Domain, Range
from kmlp.model.text import short_text
from kmlp.studies.judging import judged_text
from kmlp_tuning.charts._drawing import (
    best_text,
    errors_of,
    range_text,
    scheme,
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
    text_of,
    trial_rows,
    value_label,
)
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.trial import Trial
from kmlp_tuning.space.conditions import Parameter
from kmlp_tuning.space.space import SearchSpace

COLUMNS, WIDTH, HEIGHT = 3, 200, 200
_CHARACTER = 6
"""The approximate width of a character in a label, in pixels."""


def fields(search: Search) -> alt.ConcatChart:
    """Draw the metric by each searched field, a point for each trial.

    A field whose domain depends on another one, such as the learning rate on the optimizer,
    has a panel for each value of the other one.
    """
    measure = measure_of(search)
    rows = _rows(search)
    domains = search.settings.space.fields
    parameters = search.settings.space.parameters
    lost = any(row["kind"] == "diverged" for row in rows)
    scale = measure.scale(errors_of(rows), room=0.1 if lost else 0)
    epochs = sorted({row["epochs"] for row in rows if row["error"] is not None})
    hovers = [pointed("trial", f"pointed_{place}") for place in range(len(parameters))]
    # A trial under the pointer in one panel stands out in all panels.
    size = alt.when(hovers[0]).then(alt.value(160))
    for hover in hovers[1:]:
        size = size.when(hover).then(alt.value(160))
    sizes = size.otherwise(alt.value(45))
    panels = [
        _panel(search, place, rows, scale, epochs, sizes).add_params(hover)
        for place, hover in enumerate(hovers)
    ]
    width = WIDTH * max(2, min(COLUMNS, len(parameters))) + 60
    several = (
        "Dark points had more epochs. Compare only points of the same shape."
        if len(epochs) > 1
        else ""
    )
    return alt.concat(*panels, data=data_of(rows), columns=COLUMNS, spacing=24).properties(
        title=title(
            search,
            f"{measure.capital_name} by each field",
            several,
            "Crosses: diverged." if lost else "",
            best_text(search, "It has a circle."),
            width=width,
        ),
        description=(
            f"{measure.capital_name} of {count_of(len(rows), 'trial')} by "
            f"{', '.join(domains)} ({search.headline}): {judged_text(search.at)} "
            f"{range_text(search, errors_of(rows))}. {best_text(search)}"
        ),
    )


def _rows(search: Search) -> list[Row]:
    measure = measure_of(search)
    trials = {trial.number: trial for trial in search.trials}
    rows = []
    for row in trial_rows(search):
        trial = trials[row["trial"]]
        rows.append(
            {
                **{key: value for key, value in row.items() if key != "errors"},
                **_values(search.settings.space, trial),
                "accuracy_text": value_label(measure, row["error"]),
                "jitter": jitter(row["trial"]),
            }
        )
    return rows


def _values(space: SearchSpace, trial: Trial) -> Row:
    """The value of each panel by its key: a number of a range, a text of a choice, or None.

    None has no point: a number without an effect, or the domain of another value of the
    parent.
    """
    values: Row = {}
    for place, parameter in enumerate(space.parameters):
        name = parameter.field
        if isinstance(parameter.domain, Range):
            value: Any = number_of(name, trial, space)
        else:
            value = text_of(name, trial, space)
        conditional = isinstance(space.fields[name], Conditional)
        elsewhere = conditional and not parameter.holds_in(trial.config)
        values[_key(place)] = None if elsewhere else value
    return values


def _key(place: int) -> str:
    return f"value_{place}"


def _heading(search: Search, parameter: Parameter, domain: Domain) -> str:
    """The title of an axis: the field, and the value of its parent if it has one."""
    name = parameter.field
    if not isinstance(domain, Conditional):
        return field_title(search, name)
    [value] = parameter.conditions[domain.parent]
    return f"{name}, {domain.parent} {short_text(domain.parent, value)}"


def _panel(
    search: Search,
    place: int,
    rows: list[Row],
    scale: Scale,
    epochs: list[int],
    sizes: Any,
) -> alt.LayerChart:
    space = search.settings.space
    parameter = space.parameters[place]
    name, domain = parameter.field, parameter.domain
    heading = _heading(search, parameter, space.fields[name])
    encoding: dict[str, Any] = {}
    if isinstance(domain, Range):
        encoding["x"] = alt.X(
            f"{_key(place)}:Q",
            scale=alt.Scale(
                type=domain.sampling,
                domain=[domain.low, domain.high],
                nice=False,
                padding=8,
                zero=alt.Undefined if domain.sampling == "log" else False,
            ),
            axis=alt.Axis(values=range_ticks(domain), format="~r", title=heading),
        )
    else:
        texts = choices(name, domain)
        if any(row[_key(place)] == NONE for row in rows):
            texts = [NONE, *texts]
        encoding["x"] = alt.X(
            f"{_key(place)}:N",
            scale=alt.Scale(domain=texts, paddingInner=0.4),
            axis=alt.Axis(title=heading, labelAngle=_angle(texts), grid=False),
        )
        encoding["xOffset"] = alt.XOffset("jitter:Q", scale=alt.Scale(domain=[-1, 1]))
    first = not place % COLUMNS
    bare = {} if first else {"title": None, "labels": False, "ticks": False}
    shown = alt.Chart().transform_filter(f"datum.{_key(place)} !== null")
    base = shown.encode(**encoding)
    measure = measure_of(search)
    y = measure.y("error", scale, **bare)
    with_value = base.transform_filter("datum.error !== null")
    legend = alt.Legend() if epochs else None
    points = with_value.mark_point(filled=True, opacity=0.8).encode(
        y=y,
        color=alt.Color(
            "epochs:N",
            scale=alt.Scale(domain=epochs, scheme=scheme(reverse=True)),
            legend=legend,
        ),
        shape=alt.Shape("epochs:N", scale=alt.Scale(domain=epochs), legend=legend),
        size=sizes,
        tooltip=[*tooltips(search), alt.Tooltip("epochs:Q"), measure.tooltip()],
    )
    ring = base.transform_filter("datum.kind == 'best'").mark_point(
        shape="circle", size=190, strokeWidth=1.8, color=VERMILION, opacity=1
    )
    crosses = base.transform_filter("datum.kind == 'diverged'").mark_point(
        shape=CROSS, size=40, strokeWidth=1.5, color=INK, opacity=1
    )
    bottom = crosses.encode(y=alt.value(HEIGHT - 10), tooltip=tooltips(search))
    layers = (points, ring.encode(y=y), bottom)
    return alt.LayerChart(layer=layers).properties(width=WIDTH, height=HEIGHT)


def _angle(labels: list[str]) -> int:
    """The angle of the labels of an axis: oblique where they would overlap."""
    return -20 if max(map(len, labels)) * len(labels) * _CHARACTER > WIDTH else 0
