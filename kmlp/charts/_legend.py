"""The colours and dashes of lines by level."""

from __future__ import annotations

import altair as alt

from kmlp.charts._by_value import is_numeric
from kmlp.charts.style import COLOURS, ORDERED, ORDERED_EXTENT
from kmlp.studies.results import StudyResult


def colour_of_values(study: StudyResult) -> alt.Color:
    """The colours of the values.

    Numbers differ by lightness, so that their order is visible in grey, too.
    """
    names = [study.text(level) for level in study.levels]
    legend = alt.Legend(
        title=study.param, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1
    )
    if is_numeric(study):
        scheme = alt.SchemeParams(name=ORDERED, extent=ORDERED_EXTENT)
        scale = alt.Scale(domain=names, scheme=scheme)
        return alt.Color("value:O", scale=scale, sort=names, legend=legend)
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(names))]
    return alt.Color(
        "value:N", scale=alt.Scale(domain=names, range=colours), sort=names, legend=legend
    )


def dash_of_values(study: StudyResult) -> alt.StrokeDash:
    """The dashes of the values, which distinguish them without colours."""
    names = [study.text(level) for level in study.levels]
    dashes = [[1, 0], [8, 3], [3, 2], [8, 3, 2, 3], [12, 4], [1, 2]]
    ranges = [dashes[place % len(dashes)] for place in range(len(names))]
    return alt.StrokeDash(
        "value:N",
        scale=alt.Scale(domain=names, range=ranges),
        sort=names,
        legend=alt.Legend(title=study.param),
    )
