"""Numbers as text, for the cells of tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from kmlp._util.text import percent_text
from kmlp.model.metrics import Metric
from kmlp.statistics import ROUNDING, Difference, Estimate
from kmlp.studies.table import NONE

_HEIGHTS = "▁▂▃▄▅▆▇█"
_BLOCKS = 10
"""The largest number of blocks in a sparkline."""


def percent(estimate: Estimate | None, *, signed: bool = False) -> str:
    """Return the mean of shares in percent, with half of its interval.

    An interval without the mean in its middle has both of its ends in place of its half:
    one that was cut at 0 or 100 %, and one that several looks have in common. Without an
    interval, there is only the mean.

    Example:
    >>> percent(Estimate(-0.0114, (-0.0194, -0.0034), 10), signed=True)
    '-1.14 ± 0.80'
    >>> percent(Estimate(-0.0114, (-0.0194, -0.0024), 10), signed=True)
    '-1.14 (-1.94 to -0.24)'
    """
    if estimate is None:
        return NONE
    mean = f"{100 * estimate.mean:{'+' if signed else ''}z.2f}"
    if estimate.interval is None:
        return mean
    low, high = estimate.interval
    if _shows_ends(estimate):
        return f"{mean} ({100 * low:.2f} to {100 * high:.2f})"
    half = percent_text(high - estimate.mean)
    return f"{mean} ± {half if half != '0.00' else '<0.01'}"


def measured(metric: Metric, estimate: Estimate | None, *, signed: bool = False) -> str:
    """Return the mean of values of a metric, with half of its interval; see `percent`.

    The mean of another metric than a share has four significant digits, or three if it is
    that of differences; the ends of its interval have as many decimals.

    Example:
    >>> from kmlp.model.metrics import LOSS
    >>> measured(LOSS, Estimate(0.081234, (0.078134, 0.084334), 5))
    '0.08123 ± 0.00310'
    >>> measured(LOSS, Estimate(-0.012, (-0.12, 0.096), 5), signed=True)
    '-0.012 ± 0.108'
    """
    if metric.share:
        return percent(estimate, signed=signed)
    if estimate is None:
        return NONE
    decimals = _decimals(estimate, 3 if signed else 4)
    mean = f"{estimate.mean:{'+' if signed else ''}z.{decimals}f}"
    if estimate.interval is None:
        return mean
    low, high = estimate.interval
    if _shows_ends(estimate):
        return f"{mean} ({low:.{decimals}f} to {high:.{decimals}f})"
    half = f"{high - estimate.mean:.{decimals}f}"
    return f"{mean} ± {half if float(half) else f'<{10**-decimals:.{decimals}f}'}"


def mean_measured(metric: Metric, estimate: Estimate | None) -> str:
    """Return the mean of values of a metric, without its interval and its unit."""
    return NONE if estimate is None else metric.number(estimate.mean)


def number_measured(metric: Metric, value: float) -> str:
    """Return a value of a metric without its unit; a dash if it is not finite."""
    return metric.number(value) if math.isfinite(value) else NONE


def _decimals(estimate: Estimate, digits: int) -> int:
    """Return the decimals with which a mean, or its interval, has significant digits."""
    low, high = estimate.interval or (estimate.mean, estimate.mean)
    largest = max(abs(estimate.mean), (high - low) / 2)
    exponent = math.floor(math.log10(largest)) if largest else 0
    return max(0, digits - 1 - exponent)


def _shows_ends(estimate: Estimate) -> bool:
    if estimate.interval is None:
        return False
    low, high = estimate.interval
    lower, upper = estimate.mean - low, high - estimate.mean
    return estimate.cut or abs(upper - lower) > ROUNDING * max(1.0, abs(high - low))


def interval_note(
    estimates: Iterable[Estimate | None], seeds: str = "over the seeds"
) -> str:
    """Return the meaning of the intervals that `percent` writes, for the notes of a table.

    Args:
        estimates: The estimates of the table.
        seeds: The seeds that the intervals are over. Defaults to "over the seeds".
    """
    note = f"±: half of the 95 % interval {seeds}"
    if any(it is not None and _shows_ends(it) for it in estimates):
        return f"{note}; (low to high): its two ends, where the mean is not in its middle."
    return f"{note}."


def mean_percent(estimate: Estimate | None) -> str:
    """Return the mean of shares in percent, without its interval."""
    return NONE if estimate is None else percent_text(estimate.mean)


def share_percent(share: float | None, *, signed: bool = False) -> str:
    """Return a share, from 0 to 1, in percent."""
    return NONE if share is None else percent_text(share, signed=signed)


def mean_text(estimate: Estimate | None, spec: str) -> str:
    """Return a mean in a format, without its interval."""
    return NONE if estimate is None else format(estimate.mean, spec)


def number_text(number: float, spec: str) -> str:
    """Return a number in a format; a dash if the number is not finite."""
    return format(number, spec) if math.isfinite(number) else NONE


def p_text(difference: Difference | None) -> str:
    """Return the p-value of a difference with three decimals."""
    if difference is None or difference.p_value is None:
        return NONE
    p = difference.p_value
    return "<.001" if p < 0.0005 else f"{p:.3f}".removeprefix("0")


def sparkline(numbers: Sequence[float], low: float, high: float) -> str:
    """Return numbers as a row of blocks of different heights.

    The row has at most ten blocks. Of more numbers, ten at equal distances are drawn.

    Args:
        numbers: The numbers, in order.
        low: The number that the lowest block stands for.
        high: The number that the highest block stands for.

    Example:
    >>> sparkline([0.90, 0.92, 0.93, 0.97], 0.90, 0.97)
    '▁▃▄█'
    """
    if not numbers:
        return NONE
    steps = min(len(numbers), _BLOCKS) - 1
    places = [round(i * (len(numbers) - 1) / max(steps, 1)) for i in range(steps + 1)]
    top = len(_HEIGHTS) - 1
    scale = top / (high - low) if high > low else 0.0
    return "".join(_HEIGHTS[round((numbers[place] - low) * scale)] for place in places)
