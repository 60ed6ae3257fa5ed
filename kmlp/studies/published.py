"""Published values compared with ours: is a value within our prediction interval?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kmlp._util.text import count_of, enumerated, percent_text
from kmlp.model.fields import to_jsonable
from kmlp.statistics import Difference, Estimate, estimate, prediction_interval
from kmlp.studies.ablation import Ablation
from kmlp.studies.conclusion import Conclusion, Partition, partition
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


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class Verdict(Conclusion):
    """The verdict on a published claim that a level is the best."""

    study: Ablation
    """The ablation, compared with the level."""
    claimed: LevelResult
    differences: Mapping[LevelResult, Difference]
    """The differences of the other levels from it, where seeds finished with both."""

    @property
    def levels(self) -> Partition[LevelResult]:
        """The other levels by what the seeds show of each."""
        return partition(self.differences)

    @property
    def holds(self) -> bool | None:
        """Whether the claim holds here; None: the seeds do not tell."""
        if self.levels.better:
            return False
        return True if self.levels.worse and not self.levels.undecided else None

    @property
    def text(self) -> str:
        """The claim and the verdict, in a sentence or two."""
        claimed, differences = self.claimed, self.differences
        claim = f"Published: {self._named(claimed)} is the best."
        if not claimed.finished:
            return f"{claim} Here no run of it finished."
        lost = len(claimed.runs) - len(claimed.finished)
        if lost:
            claim += f" Here {lost} of its {len(claimed.runs)} runs did not finish."
        if not differences:
            return f"{claim} Here there is nothing that it could be compared with."
        if all(it.size < 2 for it in differences.values()):
            return f"{claim} Here one seed cannot tell: use at least 3."
        return " ".join([claim, *self._sentences()])

    def _sentences(self) -> list[str]:
        levels, differences = self.levels, self.differences
        points = {level: _points(it) for level, it in differences.items()}
        sentences = []
        if levels.better:
            better = [
                f"{self._named(it)} is better by {points[it]}" for it in levels.better
            ]
            sentences.append(f"That does not hold here: {enumerated(better)}.")
        if levels.undecided:
            undecided = [
                f"{self._named(it)}, which is "
                f"{'better' if differences[it].mean > 0 else 'worse'} by {points[it]}"
                for it in levels.undecided
            ]
            seeds = min(differences[it].size for it in levels.undecided)
            do_not = f"{count_of(seeds, 'seed')} {'does' if seeds == 1 else 'do'} not"
            sentences.append(f"Here {do_not} tell it from {enumerated(undecided)}.")
        if levels.worse:
            worse = [f"{self._named(it)} by {points[it]}" for it in levels.worse]
            holds = "" if sentences else "That holds here. "
            sentences.append(f"{holds}It is better than {enumerated(worse)}.")
        return sentences

    def _named(self, level: LevelResult) -> str:
        return self.study.called(self.study.text(level))

    def to_dict(self) -> dict[str, Any]:
        return {
            "best": to_jsonable(self.claimed.value),
            "holds": self.holds,
            **{
                name: [to_jsonable(it.value) for it in getattr(self.levels, name)]
                for name in ("better", "worse", "undecided")
            },
        }


def verdict(study: Ablation, best: Any) -> Verdict:
    """Judge a published claim that a level is the best.

    Args:
        study: The ablation.
        best: The value of the level.

    Raises:
        ConfigError: if the study has no such level.
    """
    compared = study.compared_with(best)
    claimed = compared.reference
    assert claimed is not None
    return Verdict(
        study=compared,
        claimed=claimed,
        differences={
            level: it
            for level, it in zip(compared.levels, compared.differences(), strict=True)
            if level is not claimed and it is not None
        },
    )


def _points(found: Difference) -> str:
    """How large a difference is, whichever its direction."""
    if found.interval is None:
        return f"{percent_text(abs(found.mean))} points"
    sign = 1 if found.mean > 0 else -1
    low, high = sorted(100 * sign * it for it in found.interval)
    return f"{percent_text(abs(found.mean))} points (interval {low:.2f} to {high:.2f})"
