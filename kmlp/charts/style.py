"""The colours and sizes of all charts, and saving charts as files."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import altair as alt
import vl_convert

from kmlp._util.files import atomic_write
from kmlp._util.text import visible
from kmlp.charts.page import chart_page

FORMATS = (".html", ".png", ".svg", ".pdf")
"""The suffixes of the files that a chart can be saved as."""

WIDTH, HEIGHT = 420, 260
"""The size of a chart of one panel, in pixels."""

COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#999999",
)
"""The colours of names, which have no order.

Reference: M. Okabe and K. Ito (2008), Color universal design: eight colours that
people with any colour vision tell apart. Black and grey replace two that print poorly.
"""
BLUE, VERMILION, GREY, INK = COLOURS[0], COLOURS[1], "#8a8a8a", "#222222"
"""The colours of single parts of a chart: vermilion stands out, and grey steps back."""
ORDERED: Final = "viridis"
"""The colour scheme of numbers. Its lightness grows with the number, so that the order is
visible in grey, too.
"""
ORDERED_EXTENT = [0.0, 0.85]
"""The part of the scheme that is visible on white paper."""

_LETTER = 6.9
"""The approximate width of a letter below a title, in pixels."""
_GRID, _PAPER = "#8884", "#ffffff"


def style(*, ink: str = INK, background: str = _PAPER) -> dict[str, Any]:
    """The configuration of every chart, as Vega-Lite takes it.

    Args:
        ink: The colour of text and axes. Defaults to nearly black.
        background: The colour behind the chart. Defaults to white.
    """
    font = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"
    text = {"labelColor": ink, "titleColor": ink, "titleFontWeight": "normal"}
    return {
        "background": background,
        "font": font,
        "view": {"stroke": None},
        "axis": {
            **text,
            "labelFontSize": 12,
            "titleFontSize": 13,
            "gridColor": _GRID,
            "domainColor": ink,
            "tickColor": ink,
        },
        "legend": {**text, "labelFontSize": 12, "titleFontSize": 13, "symbolSize": 80},
        "header": {**text, "labelFontSize": 12, "titleFontSize": 13},
        "title": {
            "color": ink,
            "subtitleColor": ink,
            "anchor": "start",
            "fontSize": 15,
            "subtitleFontSize": 12,
            "offset": 12,
        },
        "text": {"color": ink},
        "rule": {"color": ink},
        "range": {"category": list(COLOURS)},
    }


def titled(text: str, *lines: str, width: float) -> alt.TitleParams:
    """A title with text below it, which is wrapped at a width.

    Args:
        text: The title.
        *lines: The texts below it; each begins a new line.
        width: The width in pixels.
    """
    letters = int(width / _LETTER)
    wrapped = [part for line in lines for part in textwrap.wrap(line, letters)]
    return alt.TitleParams(text, subtitle=wrapped)


def short(number: float) -> float:
    """Round to five digits, which keeps files small."""
    return float(f"{number:.5g}")


def save(chart: alt.TopLevelMixin, path: Path) -> None:
    """Save a chart in the format of the file's suffix.

    A page works without a network. A PNG has twice the chart's width and height.

    Args:
        chart: The chart.
        path: A file that ends in `.html`, `.png`, `.svg` or `.pdf`. It is replaced.
    """
    unstyled = to_specification(chart)
    specification = {**unstyled, "config": style()}
    with atomic_write(path) as aside:
        if path.suffix == ".html":
            page = chart_page(unstyled, style())
            aside.write_text(page, encoding="utf-8")
        elif path.suffix == ".svg":
            aside.write_text(vl_convert.vegalite_to_svg(specification), encoding="utf-8")
        elif path.suffix == ".png":
            aside.write_bytes(vl_convert.vegalite_to_png(specification, scale=2))
        else:
            aside.write_bytes(vl_convert.vegalite_to_pdf(specification))


class Rows(alt.InlineData):
    """The data of a chart, which its copies share.

    Altair copies each part of a chart many times, with its data. For thousands of rows,
    this would take most of the time of a report.
    """

    _class_is_valid_at_instantiation = False  # a chart is checked as a whole

    def __deepcopy__(self, memo: Any) -> Rows:
        return self


def data_of(rows: Sequence[Mapping[str, Any]]) -> Rows:
    """Return rows as the data of a chart. They must not be changed afterwards."""
    return Rows(values=list(rows))


def to_specification(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """A chart as Vega-Lite, without its style.

    Invisible characters in its texts are escaped, because SVG cannot hold them.
    """
    with alt.data_transformers.enable(max_rows=None):
        specification: dict[str, Any] = chart.to_dict()
    specification.pop("config", None)
    shown: dict[str, Any] = _shown(specification)
    return shown


def _shown(value: Any) -> Any:
    """A value that JSON can hold, with all its texts visible."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(key): _shown(entry) for key, entry in value.items()}
    return list(map(_shown, value)) if isinstance(value, list) else value
