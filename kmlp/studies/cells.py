"""The cells of tables: numbers as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kmlp._util.text import percent_text
from kmlp.statistics import Difference, Estimate
from kmlp.studies.table import NONE

_HEIGHTS = "▁▂▃▄▅▆▇█"
_BLOCKS = 10
"""The longest row of them."""


def percent(found: Estimate | None, *, signed: bool = False) -> str:
    """A share in percent, with half of its interval."""
    if found is None:
        return NONE
    mean = f"{100 * found.mean:{'+' if signed else ''}z.2f}"
    if found.interval is None:
        return mean
    return f"{mean} ± {percent_text(found.interval[1] - found.mean)}"


def mean_percent(found: Estimate | None) -> str:
    """A share in percent, without its interval."""
    return NONE if found is None else percent_text(found.mean)


def share_percent(share: float | None, *, signed: bool = False) -> str:
    """A share, from 0 to 1, in percent."""
    return NONE if share is None else percent_text(share, signed=signed)


def mean_text(found: Estimate | None, spec: str) -> str:
    """A mean in a format, without its interval."""
    return NONE if found is None else format(found.mean, spec)


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
