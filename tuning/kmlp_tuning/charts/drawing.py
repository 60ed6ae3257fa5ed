"""What the charts of a search have in common."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import altair as alt

from kmlp.charts.accuracy import AccuracyScale, accuracy_text
from kmlp.charts.style import COLOURS, ORDERED, ORDERED_EXTENT
from kmlp.comparison import METRIC
from kmlp.texts import count_of
from kmlp_tuning.charts.rows import Row, wrong_text
from kmlp_tuning.search import Search

_LETTER = 6.7
"""Pixels of a letter of a subtitle, about."""

BLUE, VERMILION, GREY, INK = COLOURS[0], COLOURS[1], "#8a8a8a", "#222222"


def title(search: Search, text: str, *notes: str, width: int) -> alt.TitleParams:
    """A title, and below it what was searched and what to know of the chart.

    Args:
        search: The search.
        text: The title.
        *notes: Sentences; empty ones are left out.
        width: Pixels of the lines of the subtitle.
    """
    wrong = wrong_text(search)
    lines = [search.headline + (f"; {wrong}" if wrong else "")]
    lines.append(" ".join(note for note in notes if note))
    wrapped = [part for it in lines for part in textwrap.wrap(it, int(width / _LETTER))]
    return alt.TitleParams(text, subtitle=wrapped)


def best_text(search: Search, seen: str = "") -> str:
    """A sentence about the best trial, and one of how it is drawn, if there is one."""
    best = search.best()
    if best is None or best.run is None:
        return "Every trial diverged or failed."
    settings = search.settings
    if settings.objective != METRIC:
        why = f"by its {settings.objective.replace('val_', 'validation ')}"
    elif search.confirmed is not None and search.confirmed.best() is not None:
        why = "by the mean over other seeds"
    else:
        why = "by its validation accuracy in the search"
    return (
        f"The best, {why}, is trial {best.number}: "
        f"{100 * best.run.val_accuracy:.2f}\u00a0% "
        f"after {count_of(best.run.epochs, 'epoch')}. {seen}".strip()
    )


def tooltips(search: Search) -> list[alt.Tooltip]:
    """What is told of the trial under the pointer."""
    return [
        alt.Tooltip("trial:Q"),
        *(alt.Tooltip(f"{name}:N") for name in search.settings.space.fields),
        alt.Tooltip("kind:N", title="status"),
    ]


def accuracy_tooltip() -> alt.Tooltip:
    """An accuracy as text, in the column `told`."""
    return alt.Tooltip("told:N", title="validation accuracy, %")


def under_pointer(
    base: alt.Chart, hover: alt.Parameter, tooltip: list[alt.Tooltip]
) -> list[alt.Chart]:
    """What cannot be seen, and is easier to point at than thin lines: wide ones, which
    point out their trial, and points, as a line shows no tooltip between its points.
    """
    lines = base.mark_line(stroke="transparent", strokeWidth=9)
    points = base.mark_point(opacity=0, size=80)
    return [lines.add_params(hover), points.encode(tooltip=tooltip)]


def pointed(name: str = "pointed") -> alt.Parameter:
    """The trial under the pointer; none at first."""
    return alt.selection_point(
        name=name,
        fields=["trial"],
        on="pointerover",
        clear="pointerout",
        empty=False,
    )


def scheme(*, reverse: bool = False) -> Any:
    """The colours of numbers, from dark to light."""
    return {"name": ORDERED, "extent": ORDERED_EXTENT[:: -1 if reverse else 1]}


def colour_of_errors(scale: AccuracyScale) -> alt.Scale:
    """Dark where errors are few, so that it is seen first; light where they are many."""
    return alt.Scale(
        scheme=scheme(),
        type="symlog",
        constant=0.1,
        domain=[scale.best, scale.worst],
    )


def errors_of(rows: Iterable[Row]) -> list[float]:
    """The last errors of those that have one."""
    return [row["error"] for row in rows if row["error"] is not None]


def range_text(errors: Iterable[float]) -> str:
    """From which accuracy to which: for the text alternatives."""
    found = sorted(errors)
    if not found:
        return "no trial has an accuracy"
    low, high = accuracy_text(found[-1]), accuracy_text(found[0])
    return f"validation accuracy from {low} to {high} %"


def data(rows: list[Row]) -> Any:
    """Rows as data of a chart."""
    return {"values": rows}
