"""Comparisons with published values, by prediction intervals."""

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
    """Half a unit of the last printed digit: the largest error that rounding can make."""

    def __new__(cls, text: str | float) -> PublishedValue:
        value = super().__new__(cls, text)
        value.text = str(text)
        mantissa, _, exponent = value.text.lower().partition("e")
        decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
        value.half_unit = float(f"5e{-decimals - 1}")  # inf, where a power would overflow
        return value


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedComparison:
    """A published value beside our results."""

    published: PublishedValue
    ours: Estimate | None
    """Our mean over the seeds that finished. None: no seed finished."""
    within_prediction_interval: bool | None
    """True if the published value, give or take its rounding, is within the interval in
    which one more seed of ours would lie in 95 % of cases (see `prediction_interval`).
    None: fewer than two seeds finished, so the spread is unknown."""

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
    published: PublishedValue, ours: Sequence[float]
) -> PublishedComparison:
    """Compare a published value with our results.

    The published value is assumed to be the result of a single run.

    Args:
        published: The value, in the unit of our results.
        ours: Our results, one finite number for each seed.

    Returns:
        Both, and if the published value is within our prediction interval.

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
    """The ablation, with the claimed level as its baseline."""
    claimed: LevelResult
    """The level that is claimed to be the best."""
    differences: Mapping[LevelResult, Difference]
    """The differences of the other levels from the claimed level, if a seed finished with
    both."""

    @property
    def levels(self) -> Partition[LevelResult]:
        """The other levels, by outcome."""
        return partition(self.differences)

    @property
    def holds(self) -> bool | None:
        """True if the claim holds here. None: the seeds do not decide."""
        if self.levels.better:
            return False
        return True if self.levels.worse and not self.levels.undecided else None

    @property
    def text(self) -> str:
        """The claim and the verdict, in a sentence or two."""
        claimed, differences = self.claimed, self.differences
        claim = f"Published: {self._named(claimed)} is the best."
        if not claimed.finished:
            return f"{claim} Here none of its runs finished."
        lost = len(claimed.runs) - len(claimed.finished)
        if lost:
            claim += f" Here {lost} of its {len(claimed.runs)} runs did not finish."
        if not differences:
            return f"{claim} Here there is no other value to compare with."
        if all(difference.size < 2 for difference in differences.values()):
            return f"{claim} Here one seed cannot decide: use at least 3 seeds."
        return " ".join([claim, *self._sentences()])

    def _sentences(self) -> list[str]:
        levels, differences = self.levels, self.differences
        claimed = self._named(self.claimed)
        points = {level: _points(change) for level, change in differences.items()}
        sentences = []
        if levels.better:
            better = [
                f"{self._named(level)} is better by {points[level]}"
                for level in levels.better
            ]
            sentences.append(f"That does not hold here: {enumerated(better)}.")
        if levels.undecided:
            undecided = [
                f"{self._named(level)}, which is "
                f"{'better' if differences[level].mean > 0 else 'worse'} by {points[level]}"
                for level in levels.undecided
            ]
            seeds = min(differences[level].size for level in levels.undecided)
            do_not = f"{count_of(seeds, 'seed')} {'does' if seeds == 1 else 'do'} not"
            rest = enumerated(undecided)
            sentences.append(f"Here {do_not} separate {claimed} from {rest}.")
        if levels.worse:
            worse = [f"{self._named(level)} by {points[level]}" for level in levels.worse]
            holds = "" if sentences else "That holds here. "
            sentences.append(f"{holds}{claimed} is better than {enumerated(worse)}.")
        return sentences

    def _named(self, level: LevelResult) -> str:
        return self.study.called(self.study.text(level))

    def to_dict(self) -> dict[str, Any]:
        return {
            "best": to_jsonable(self.claimed.value),
            "holds": self.holds,
            **{
                name: [to_jsonable(level.value) for level in getattr(self.levels, name)]
                for name in ("better", "worse", "undecided")
            },
        }


def verdict(study: Ablation, best: Any) -> Verdict:
    """Return a verdict on the published claim that a level is the best.

    Args:
        study: The ablation.
        best: The value of the level that is claimed to be the best.

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
            level: difference
            for level, difference in zip(
                compared.levels, compared.differences(), strict=True
            )
            if level is not claimed and difference is not None
        },
    )


def _points(difference: Difference) -> str:
    """Return the size of a difference, without its direction, in percentage points."""
    size = f"{percent_text(abs(difference.mean))} points"
    if difference.interval is None:
        return size
    sign = 1 if difference.mean > 0 else -1
    low, high = sorted(100 * sign * bound for bound in difference.interval)
    return f"{size} (interval {low:.2f} to {high:.2f})"
