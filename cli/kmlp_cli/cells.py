"""What tables are made of: the empty table, and numbers as text."""

from __future__ import annotations

import math

from rich import box
from rich.table import Table

from kmlp.statistics import Estimate

NONE = "-"
"""In a cell of which there is nothing to say."""


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
