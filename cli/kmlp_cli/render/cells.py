"""What tables are made of: the empty table, and numbers as text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table

from kmlp._util.text import visible
from kmlp.statistics import Difference, Estimate

NONE = "-"
"""In a cell of which there is nothing to say."""
_HEIGHTS = "▁▂▃▄▅▆▇█"
_BLOCKS = 10
"""The longest row of them."""


class _Table(Table):
    """A table in whose cells a text is one line, whatever its characters."""

    def add_column(self, header: RenderableType = "", *rest: Any, **options: Any) -> None:
        shown = visible(header, keep="\n") if isinstance(header, str) else header
        super().add_column(shown, *rest, **options)

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        super().add_row(
            *(visible(it) if isinstance(it, str) else it for it in cells), **options
        )


def plain_table(title: str, *caption: str) -> Table:
    """An empty table in the style of them all, the only one that is printed.

    Args:
        title: Above it.
        *caption: Lines below it.
    """
    return _Table(
        title=visible(title),
        title_style="bold",
        title_justify="left",
        caption="\n".join(map(visible, caption)) or None,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def grid() -> Table:
    """An empty table without lines, to put things side by side."""
    return _Table.grid(padding=(0, 2))


def percent(found: Estimate | None, *, signed: bool = False) -> str:
    """A share in percent, with half of its interval."""
    if found is None:
        return NONE
    mean = f"{100 * found.mean:{'+' if signed else ''}z.2f}"
    if found.interval is None:
        return mean
    return f"{mean} ± {100 * (found.interval[1] - found.mean):.2f}"


def mean_percent(found: Estimate | None) -> str:
    """A share in percent, without its interval."""
    return NONE if found is None else f"{100 * found.mean:.2f}"


def number_text(number: float, spec: str) -> str:
    """A number in a format, if it is finite."""
    return format(number, spec) if math.isfinite(number) else NONE


def p_text(found: Difference | None) -> str:
    """A p-value with three decimals."""
    if found is None or found.p_value is None:
        return NONE
    return "<.001" if found.p_value < 0.0005 else f"{found.p_value:.3f}".removeprefix("0")


def sparkline(numbers: Sequence[float], low: float, high: float) -> str:
    """Numbers as a row of blocks, at most ten: of more, ten at equal distances.

    Args:
        numbers: In their order.
        low: The number of the lowest block.
        high: The number of the highest block.

    >>> sparkline([0.90, 0.92, 0.93, 0.97], 0.90, 0.97)
    '▁▃▄█'
    """
    if not numbers:
        return NONE
    steps = min(len(numbers), _BLOCKS) - 1
    places = [round(i * (len(numbers) - 1) / max(steps, 1)) for i in range(steps + 1)]
    top = len(_HEIGHTS) - 1
    scale = top / (high - low) if high > low else 0.0
    return "".join(_HEIGHTS[round((numbers[it] - low) * scale)] for it in places)
