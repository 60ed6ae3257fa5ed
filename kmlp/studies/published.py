"""Published values compared with ours: is a value within our prediction interval?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kmlp._util.text import count_of
from kmlp.statistics import Difference, Estimate, estimate, prediction_interval
from kmlp.studies.ablation import Ablation
from kmlp.studies.conclusion import listed
from kmlp.studies.results import LevelResult


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
    """Half a unit of the last printed digit: rounding may have changed it by so much."""

    def __new__(cls, text: str | float) -> PublishedValue:
        value = super().__new__(cls, text)
        value.text = str(text)
        mantissa, _, exponent = value.text.lower().partition("e")
        decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
        value.half_unit = float(f"5e{-decimals - 1}")  # where a power would overflow, inf
        return value


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedComparison:
    """A published value and ours."""

    published: PublishedValue
    ours: Estimate | None
    """The mean over the seeds that finished; None: none did."""
    within_prediction_interval: bool | None
    """Whether the published value is where one more seed of ours would be in 95 % of
    cases (see `prediction_interval`), give or take its rounding; None: fewer than two
    seeds finished, so the spread is unknown."""

    @property
    def difference(self) -> float | None:
        """Our mean minus the published value."""
        return None if self.ours is None else self.ours.mean - self.published

    @property
    def ratio(self) -> float | None:
        """The published value over our mean, as for times; None where ours is zero."""
        return self.published / self.ours.mean if self.ours and self.ours.mean else None


def compare_with_published(
    published: PublishedValue, ours: Sequence[float]
) -> PublishedComparison:
    """Compare a published value, taken for that of one run, with ours.

    Args:
        published: The value, in the unit of ours.
        ours: One finite number a seed.

    Returns:
        Both, and whether the published value is within our prediction interval.

    Example:
    >>> ours = [60.4, 60.9, 61.9]
    >>> compare_with_published(PublishedValue("63.0"), ours).within_prediction_interval
    True
    >>> compare_with_published(PublishedValue("65.1"), ours).within_prediction_interval
    False
    """
    interval = prediction_interval(ours) if ours else None
    within = None
    if interval is not None:
        low, high = interval
        within = low - published.half_unit <= published <= high + published.half_unit
    return PublishedComparison(
        published=published,
        ours=estimate(ours) if ours else None,
        within_prediction_interval=within,
    )


def verdict(study: Ablation, best: Any) -> str:
    """The verdict on a published claim that a value is the best, in a sentence or two.

    Args:
        study: Any.
        best: The value of which that was published.

    Raises:
        ConfigError: if the study has no such value.
    """
    found = study.compared_with(best)
    claimed = found.reference
    assert claimed is not None
    name = found.called(found.text(claimed))
    claim = f"Published: {name} is the best."
    if not claimed.finished:
        return f"{claim} Here no run of it finished."
    differences = {
        level: it
        for level, it in zip(found.levels, found.differences(), strict=True)
        if level is not claimed and it is not None
    }
    lost = len(claimed.runs) - len(claimed.finished)
    if lost:
        claim += f" Here {lost} of its {len(claimed.runs)} runs did not finish."
    if not differences:
        return f"{claim} Here there is nothing that it could be compared with."
    if all(it.size < 2 for it in differences.values()):
        return f"{claim} Here one seed cannot tell: use at least 3."

    def named(level: LevelResult) -> str:
        return found.called(found.text(level))

    better = [
        f"{named(level)} is better by {_points(it)}"
        for level, it in differences.items()
        if it.significant and it.mean > 0
    ]
    worse = [
        f"{named(level)} by {_points(it)}"
        for level, it in differences.items()
        if it.significant and it.mean < 0
    ]
    open_ = [
        f"{named(level)}, which is {'better' if it.mean > 0 else 'worse'} by {_points(it)}"
        for level, it in differences.items()
        if not it.significant
    ]
    parts = []
    if better:
        parts.append(f"That does not hold here: {listed(better)}.")
    if open_:
        seeds = min(it.size for it in differences.values() if not it.significant)
        told = f"{count_of(seeds, 'seed')} {'does' if seeds == 1 else 'do'}"
        parts.append(f"Here {told} not tell it from {listed(open_)}.")
    if worse:
        holds = "" if parts else "That holds here. "
        parts.append(f"{holds}It is better than {listed(worse)}.")
    return " ".join([claim, *parts])


def _points(found: Difference) -> str:
    """How large a difference is, whichever its direction."""
    if found.interval is None:
        return f"{100 * abs(found.mean):.2f} points"
    sign = 1 if found.mean > 0 else -1
    low, high = sorted(100 * sign * it for it in found.interval)
    return f"{100 * abs(found.mean):.2f} points (interval {low:.2f} to {high:.2f})"
