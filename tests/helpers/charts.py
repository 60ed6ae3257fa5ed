"""Charts as pictures."""

import vl_convert

from kmlp.charts.style import style, to_specification


def drawn(chart):
    """Return a chart as Vega-Lite, and as SVG; warnings are printed.

    Altair checks the chart against the schema of Vega-Lite on the way. To write a file as
    well would convert the chart twice.
    """
    specification = to_specification(chart)
    styled = {**specification, "config": style()}
    return specification, vl_convert.vegalite_to_svg(styled, show_warnings=True)
