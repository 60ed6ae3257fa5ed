"""What tables are made of: the empty table, and values as text."""

from __future__ import annotations

import math
from typing import Any

from rich import box
from rich.table import Table

from kmlp.config import value_text
from kmlp.statistics import Estimate

NONE = "-"
"""In a cell of which there is nothing to say."""
_LONG = 8
"""Characters of a number that is shortened."""


def plain_table(title: str, caption: str | None = None) -> Table:
    """An empty table in the style of them all."""
    return Table(
        title=title,
        title_style="bold",
        title_justify="left",
        caption=caption,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def short_text(name: str, value: Any) -> str:
    """A field's value as people read it: a long number with four digits.

    >>> short_text("learning_rate", 0.0123456789), short_text("width", (300, 100))
    ('0.01235', '300x100')
    """
    text = value_text(name, value)
    return f"{value:.4g}" if isinstance(value, float) and len(text) > _LONG else text


def percent(found: Estimate | None, *, signed: bool = False) -> str:
    """A share in percent, with half of its interval."""
    if found is None:
        return NONE
    mean = f"{100 * found.mean:{'+' if signed else ''}.2f}"
    if found.interval is None:
        return mean
    return f"{mean} ± {100 * (found.interval[1] - found.mean):.2f}"


def number_text(number: float, spec: str) -> str:
    """A number in a format, if it is finite."""
    return format(number, spec) if math.isfinite(number) else NONE


def count_of(number: int, noun: str) -> str:
    """A number of things: `1 epoch`, `2 epochs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
