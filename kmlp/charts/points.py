"""The rows of a table of two columns as points."""

from __future__ import annotations

from typing import Any

import altair as alt

from kmlp.charts.style import COLOURS, ORDERED, ORDERED_EXTENT, data_of, short, titled
from kmlp.data import Examples
from kmlp.errors import ConfigError

_SIDE = 420
"""The side of the chart, in pixels."""
_MOST_POINTS = 5000
"""The maximum number of points. More would hide each other."""


def points(name: str, examples: Examples) -> alt.Chart:
    """Draw the training rows of a table of two columns, coloured by class or target.

    Args:
        name: The name of the dataset.
        examples: Its examples. Only the first 5000 training rows are drawn. Their order
            does not depend on the classes.

    Raises:
        ConfigError: if the table does not have two columns of numbers.
    """
    schema = examples.schema
    columns = schema.columns if schema else ()
    if schema is None or len(columns) != 2 or any(column.categories for column in columns):
        raise ConfigError(
            [
                f"The rows of {name} cannot be drawn as points, which need a table of "
                "exactly two columns, both of numbers."
            ]
        )
    x, y = (column.name for column in columns)
    train = examples.train
    classes = examples.class_names
    rows = [
        {
            "x": short(row[0]),
            "y": short(row[1]),
            "target": classes[int(target)] if classes else short(target),
        }
        for row, target in zip(train.x[:_MOST_POINTS], train.y[:_MOST_POINTS], strict=True)
    ]
    title = schema.target + f", {schema.unit}" * bool(schema.unit)
    colour = (
        alt.Color("target:N", title=title).scale(domain=list(classes), range=list(COLOURS))
        if classes
        else alt.Color("target:Q", title=title).scale(
            scheme=alt.SchemeParams(name=ORDERED, extent=ORDERED_EXTENT)
        )
    )
    data: Any = data_of(rows)
    shown = "" if len(rows) == len(train) else f"{len(rows):,} of "
    chart: alt.Chart = (
        alt.Chart(data)
        .mark_circle(size=24, opacity=0.75)
        .encode(
            x=alt.X("x:Q", title=x).scale(zero=False),
            y=alt.Y("y:Q", title=y).scale(zero=False),
            color=colour,
        )
        .properties(
            width=_SIDE,
            height=_SIDE,
            title=titled(name, f"{shown}{len(train):,} training rows", width=_SIDE),
            description=f"The training rows of {name} as points: {y} by {x}, coloured by "
            f"{schema.target}.",
        )
    )
    return chart
