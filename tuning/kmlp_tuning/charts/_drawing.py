"""Titles, tooltips and colours that the charts of a search share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import altair as alt

from kmlp.charts.config_lines import Row
from kmlp.charts.measure import Scale, ValueScale
from kmlp.charts.style import ORDERED, ORDERED_EXTENT, titled
from kmlp.errors import ConfigError
from kmlp.studies.judging import outcome_text
from kmlp.studies.results import StudyResult
from kmlp_tuning.charts._rows import measure_of, wrong_text
from kmlp_tuning.search.results import Search

NO_BREAK = "\u00a0"
"""A space at which no line breaks."""


def title(search: Search, text: str, *notes: str, width: int) -> alt.TitleParams:
    """A title with a subtitle: the search in a line, and notes on the chart.

    Args:
        search: The search.
        text: The title.
        *notes: Sentences; empty ones are left out.
        width: Pixels of the lines of the subtitle.
    """
    wrong = wrong_text(search)
    headline = search.headline + (f"; {wrong}" if wrong else "")
    return titled(text, headline, " ".join(filter(None, notes)), width=width)


def replication_of(search: Search) -> StudyResult:
    """The comparison of the best trials over other seeds.

    Raises:
        ConfigError: if no trial was trained with another seed.
    """
    if search.replication is None:
        raise ConfigError(
            [
                f"The search {search.name} has no trial that was trained with other seeds. "
                "Search with a `replicates` of at least 1."
            ]
        )
    return search.replication


def best_text(search: Search, mark: str = "") -> str:
    """A sentence about the best trial, and one about its mark in the chart.

    Args:
        search: The search.
        mark: The sentence about its mark. Defaults to "": none.
    """
    best = search.best()
    if best is None or best.run is None:
        return "Every trial diverged or failed."
    settings = search.settings
    if not settings.ranks_by_metric:
        why = f"by its {settings.objective.replace('val_', 'validation ')}"
    elif search.replication is not None and search.replication.best() is not None:
        why = "by the mean over other seeds"
    else:
        why = f"by its {settings.metric.named('val')} in the search"
    value = settings.metric.text(best.run.val_value)
    return (
        f"The best, {why}, is trial {best.number}: "
        f"{value.replace(' ', NO_BREAK)} {outcome_text(best.run)}. "
        f"{mark}".strip()
    )


def tooltips(search: Search) -> list[alt.Tooltip]:
    """The tooltips of the trial under the pointer."""
    return [
        alt.Tooltip("trial:Q"),
        *(alt.Tooltip(f"{name}:N") for name in search.settings.space.fields),
        alt.Tooltip("kind:N", title="status"),
    ]


def scheme(*, reverse: bool = False) -> Any:
    """The colour scheme of numbers, from dark to light."""
    return {"name": ORDERED, "extent": ORDERED_EXTENT[:: -1 if reverse else 1]}


def colour_of_values(search: Search, scale: Scale) -> alt.Scale:
    """The colours of values: dark for the best, so that they stand out."""
    if isinstance(scale, ValueScale):
        ends = [scale.low, scale.high]
        if search.settings.metric.higher_is_better:
            ends.reverse()
        return alt.Scale(
            scheme=scheme(), type="log" if scale.log else "linear", domain=ends
        )
    return alt.Scale(
        scheme=scheme(),
        type="symlog",
        constant=0.1,
        domain=[scale.best, scale.worst],
    )


def errors_of(rows: Iterable[Row]) -> list[float]:
    """The numbers that are drawn for the trials of rows, of those that have one."""
    return [row["error"] for row in rows if row["error"] is not None]


def range_text(search: Search, numbers: Iterable[float]) -> str:
    """The range of the values, for text alternatives.

    Args:
        search: The search.
        numbers: The numbers that are drawn.
    """
    measure = measure_of(search)
    ordered = sorted(numbers, reverse=measure.metric.share)
    if not ordered:
        article = "an" if measure.metric.title[0] in "aeiou" else "a"
        return f"no trial has {article} {measure.metric.title}"
    low, high = measure.text(ordered[0]), measure.text(ordered[-1])
    return f"{measure.name} from {low} to {high} {measure.metric.unit}".rstrip()
