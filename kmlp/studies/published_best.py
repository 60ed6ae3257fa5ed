"""Verdicts on published claims that a level is the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kmlp._util.text import enumerated, percent_text
from kmlp.model.fields import to_jsonable
from kmlp.statistics import Difference
from kmlp.studies._advice import LEAST_SEEDS
from kmlp.studies.ablation import Ablation
from kmlp.studies.conclusion import VERDICTS, Conclusion, Partition, partition
from kmlp.studies.level_result import LevelResult
from kmlp.studies.replicates import replicates_text


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
        """True if the claim holds here. None: the seeds do not decide, or all are the same.

        A value that is the same within the margin does not contradict the claim.
        """
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
            return f"{claim} Here one seed cannot decide: use at least {LEAST_SEEDS} seeds."
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
            seeds = min(differences[level].size for level in levels.undecided)
            several = replicates_text(seeds, self.study.folds)
            do_not = f"{several} {'does' if seeds == 1 else 'do'} not"
            rest = self._distances(levels.undecided)
            sentences.append(f"Here {do_not} separate {claimed} from {rest}.")
        if levels.same:
            margin = f"{100 * (self.study.margin or 0):.4g} points"
            rest = self._distances(levels.same)
            sentences.append(f"Here {claimed} is the same within {margin} as {rest}.")
        if levels.worse:
            worse = [f"{self._named(level)} by {points[level]}" for level in levels.worse]
            holds = "" if sentences else "That holds here. "
            sentences.append(f"{holds}{claimed} is better than {enumerated(worse)}.")
        return sentences

    def _distances(self, levels: Sequence[LevelResult]) -> str:
        """Return some levels, each with its difference from the claimed level."""
        texts = []
        for level in levels:
            change = self.differences[level]
            word = "better" if change.mean > 0 else "worse"
            texts.append(f"{self._named(level)}, which is {word} by {_points(change)}")
        return enumerated(texts)

    def _named(self, level: LevelResult) -> str:
        return self.study.called(self.study.text(level))

    def to_dict(self) -> dict[str, Any]:
        return {
            "best": to_jsonable(self.claimed.value),
            "holds": self.holds,
            **{
                name: [to_jsonable(level.value) for level in getattr(self.levels, name)]
                for name in VERDICTS
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
