"""Published figures beside ours: does the spread of our seeds explain the difference?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kmlp._util.text import count_of
from kmlp.statistics import Difference, Estimate, estimate, prediction_interval
from kmlp.studies.ablation import Ablation
from kmlp.studies.conclusion import listed
from kmlp.studies.results import LevelResult


class Figure(float):
    """A published number, with the digits that it was printed with.

    Example:
    >>> Figure("10.0") == 10, Figure("10.0").half_unit, Figure("0.962").half_unit
    (True, 0.05, 0.0005)
    """

    text: str
    """As it was printed."""
    half_unit: float
    """By how much rounding may have changed it."""

    def __new__(cls, text: str | float) -> Figure:
        found = super().__new__(cls, text)
        found.text = str(text)
        mantissa, _, exponent = found.text.lower().partition("e")
        decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
        found.half_unit = float(f"5e{-decimals - 1}")  # where a power would overflow, inf
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """A published figure, and ours."""

    published: Figure
    ours: Estimate | None
    """Over the seeds that finished; None: none did."""
    explained: bool | None
    """Whether the published figure is where one more seed of ours would be in 95 % of
    cases (see `prediction_interval`), give or take its rounding; None: fewer than two
    seeds, which tell no spread."""

    @property
    def difference(self) -> float | None:
        """Ours less the published figure."""
        return None if self.ours is None else self.ours.mean - self.published

    @property
    def ratio(self) -> float | None:
        """The published figure over ours, as for times; None where ours is zero."""
        return self.published / self.ours.mean if self.ours and self.ours.mean else None


def beside(published: Figure, ours: Sequence[float]) -> Beside:
    """A published figure, which is taken for that of one run, and ours.

    Args:
        published: In the unit of ours.
        ours: One finite number a seed.

    Example:
    >>> beside(Figure("63.0"), [60.4, 60.9, 61.9]).explained
    True
    >>> beside(Figure("65.1"), [60.4, 60.9, 61.9]).explained
    False
    """
    if not ours:
        return Beside(published=published, ours=None, explained=None)
    interval = prediction_interval(ours)
    explained = None
    if interval is not None:
        low, high = interval
        explained = low - published.half_unit <= published <= high + published.half_unit
    return Beside(published=published, ours=estimate(ours), explained=explained)


def verdict(study: Ablation, best: Any) -> str:
    """Whether it holds here that a value of the axis is the best, in a sentence or two.

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
