"""Comparisons with published values, by prediction intervals."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from kmlp.errors import ConfigError
from kmlp.statistics import CONFIDENCE, Estimate, estimate, prediction_interval

Outcome = Literal["could be", "no", "too wide to tell"]
"""The outcome of a comparison: the published value could be one of ours, is not, or our
prediction interval is so wide that hardly any value would be outside."""

WIDEST_SHARE = 0.1
"""The largest width of a prediction interval that can tell, as a share of the error.

Where errors are few, one more run cannot tell: over seeds, an error of 2.5 % has a standard
deviation of 0.1 points, so that the interval is 0.4 points wide after any number of seeds.
"""
MOST_RUNS = 10_000
"""The largest number of runs that a published value can be the mean or the best of."""


class PublishedValue(float):
    """A published number, with the digits that it was printed with.

    Example:
    >>> loss = PublishedValue("0.962")
    >>> loss == 0.962, loss.text, loss.half_unit
    (True, '0.962', 0.0005)
    """

    text: str
    """The number as it was printed."""
    half_unit: float
    """Half a unit of the last printed digit: the largest error that rounding can make."""

    def __new__(cls, text: str | float) -> PublishedValue:
        value = super().__new__(cls, text)
        value.text = str(text)
        mantissa, _, exponent = value.text.lower().partition("e")
        decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
        value.half_unit = float(f"5e{-decimals - 1}")  # inf, where a power would overflow
        return value


@dataclass(frozen=True, slots=True)
class Aggregation:
    """The way in which a publication derives a value from its runs."""

    kind: Literal["single run", "mean", "best"] = "single run"
    runs: int | None = None
    """The number of runs of a mean or a best, at least 2. None: several, and the number is
    not published; or a single run."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `single run`, `mean of 5`, `best of 5`, `mean of several`...

        Raises:
            ConfigError: if the text is none of these, or the number is not from 2 to
                10,000.

        Example:
        >>> Aggregation.parse("best of 5")
        Aggregation(kind='best', runs=5)
        """
        if text == "single run":
            return cls()
        match = re.fullmatch(r"(mean|best) of (several|[0-9]{1,9})", text)
        if match is None:
            raise ConfigError(
                [
                    f'"{text}", but must be "single run", "mean of N", "best of N", "mean '
                    'of several" or "best of several", with the number of runs as N.'
                ]
            )
        kind: Literal["mean", "best"] = "mean" if match[1] == "mean" else "best"
        if match[2] == "several":
            return cls(kind)
        if not 2 <= int(match[2]) <= MOST_RUNS:
            raise ConfigError(
                [f'"{text}", but must have a number of runs from 2 to {MOST_RUNS:,}.']
            )
        return cls(kind, int(match[2]))

    @property
    def text(self) -> str:
        """The text from which `parse` makes the same aggregation."""
        if self.kind == "single run":
            return self.kind
        return f"{self.kind} of {self.runs or 'several'}"


SINGLE_RUN = Aggregation()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """The scale of published values."""

    higher_is_better: bool
    perfect: float
    """The value without any error. The error is the distance from it."""
    bounds: tuple[float, float]
    """The lowest and the highest possible value."""
    widest: float
    """The largest width of a prediction interval that can tell, in the values' unit. A
    tenth of the error is the limit where that is less."""

    def is_too_wide(self, interval: tuple[float, float], mean: float) -> bool:
        """Return True if hardly any value near the mean would be outside of an interval."""
        low, high = interval
        return high - low > min(self.widest, WIDEST_SHARE * abs(self.perfect - mean))


PERCENT = Scale(higher_is_better=True, perfect=100, bounds=(0, 100), widest=2)
"""The scale of accuracies in percent."""
LOSS = Scale(
    higher_is_better=False, perfect=0, bounds=(-math.inf, math.inf), widest=math.inf
)
"""The scale of losses."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedComparison:
    """A published value beside our results."""

    published: PublishedValue
    ours: Estimate | None
    """Our mean over the seeds that finished. None: no seed finished."""
    interval: tuple[float, float] | None
    """The interval in which the value of as many more runs of ours would be in 95 % of
    cases. An end without a limit is infinite. None: fewer than two seeds finished or all of
    ours are equal, so the spread is unknown, or the values have no scale."""
    outcome: Outcome | None
    """"no": the published value, give or take its rounding, is outside of the interval.
    None: there is no interval, and ours are not all equal to the published value."""

    @property
    def difference(self) -> float | None:
        """Our mean minus the published value. None: no seed finished."""
        return None if self.ours is None else self.ours.mean - self.published

    @property
    def ratio(self) -> float | None:
        """The published value divided by our mean, useful for times.

        None: our mean is zero, or no seed finished.
        """
        return self.published / self.ours.mean if self.ours and self.ours.mean else None


def compare_with_published(
    published: PublishedValue,
    ours: Sequence[float],
    *,
    scale: Scale | None,
    aggregation: Aggregation = SINGLE_RUN,
) -> PublishedComparison:
    """Compare a published value with our results.

    Args:
        published: The value, in the unit of our results.
        ours: Our results, one finite number for each seed.
        scale: The scale of the values. None: they are not compared with an interval.
        aggregation: The way in which the publication derives the value from its runs.
            Defaults to a single run.

    Returns:
        Both, our prediction interval for such a value, and the outcome.

    Example:
    >>> ours = [60.8, 60.9, 61.1]
    >>> comparison = compare_with_published(PublishedValue("61.5"), ours, scale=PERCENT)
    >>> [round(end, 2) for end in comparison.interval], comparison.outcome
    ([60.17, 61.69], 'could be')
    >>> compare_with_published(PublishedValue("65.1"), ours, scale=PERCENT).outcome
    'no'
    """
    bounds = None if scale is None else scale.bounds
    mean = estimate(ours, bounds=bounds) if ours else None
    interval: tuple[float, float] | None = None
    outcome: Outcome | None = None
    if scale is not None and mean is not None and mean.interval is not None:
        interval = low, high = _interval(ours, scale, aggregation)
        if not low - published.half_unit <= published <= high + published.half_unit:
            outcome = "no"
        else:
            too_wide = scale.is_too_wide(interval, mean.mean)
            outcome = "too wide to tell" if too_wide else "could be"
    elif scale is not None and mean is not None and mean.size > 1:
        # Of few images, equal results can be chance, so that they exclude nothing.
        agrees = abs(published - mean.mean) <= published.half_unit
        outcome = "could be" if agrees else None
    return PublishedComparison(
        published=published, ours=mean, interval=interval, outcome=outcome
    )


def _interval(
    ours: Sequence[float], scale: Scale, aggregation: Aggregation
) -> tuple[float, float]:
    """Return the prediction interval of a value that is derived from more runs of ours.

    Args:
        ours: Our results, at least two.
        scale: The scale of the values.
        aggregation: The way in which the value is derived.

    Formulas, where `s` is the standard deviation of `n` results of ours:

    - a single run: `mean +- t(n - 1, 0.975) * s * sqrt(1 + 1 / n)`
    - the mean of m: `mean +- t(n - 1, 0.975) * s * sqrt(1 / m + 1 / n)`. Of several, m is
      2, which has the widest interval.
    - the best of m: its worse end is that of a single run, because the best is not worse
      than one of its runs. Its better end is that of a single run with `1 - 0.025 / m` in
      place of 0.975 (Bonferroni's inequality). Of several, no value is too good.
    """
    single = prediction_interval(ours)
    assert single is not None
    low, high = single
    if aggregation.kind == "mean":
        runs, size = aggregation.runs or 2, len(ours)
        middle = (low + high) / 2
        half = (high - middle) * math.sqrt((1 / runs + 1 / size) / (1 + 1 / size))
        low, high = middle - half, middle + half
    elif aggregation.kind == "best":
        best = (-math.inf, math.inf)
        if aggregation.runs is not None:
            level = 1 - (1 - CONFIDENCE) / aggregation.runs
            best = prediction_interval(ours, confidence=level) or single
        low, high = (low, best[1]) if scale.higher_is_better else (best[0], high)
    least, most = scale.bounds
    return max(least, low), min(most, high)
