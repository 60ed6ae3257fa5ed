"""Advice on the number of seeds that would separate levels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from kmlp.model.metrics import ACCURACY, Metric
from kmlp.statistics import Difference, seeds_range, shared_of
from kmlp.studies.level_result import LevelResult
from kmlp.studies.results import StudyResult

LEAST_SEEDS = 5
"""The smallest number of seeds from which the number needed can be estimated."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The number of seeds that would separate the levels, and what they exclude now."""

    fewest: int | None
    """The lower end of a range of seeds for the pair that is the hardest to separate. None:
    it would take more than 1000, or the spread is unknown."""
    most: int | None
    """The upper end. None: more than 1000."""
    excluded: float | None
    """The difference that no undecided level exceeds, in the unit of the metric. None:
    unknown."""
    metric: Metric = ACCURACY
    """The metric of the differences. Defaults to accuracy."""
    spread_is_unknown: bool = False
    """True if all differences of a level are equal, so that their spread is unknown."""

    @property
    def text(self) -> str:
        """The advice in a sentence or two."""
        if self.spread_is_unknown:
            return (
                "The differences of all runs are equal, so their spread is unknown: use "
                "more seeds."
            )
        if self.fewest is None:
            text = "Even 1000 seeds are unlikely to separate them."
        elif self.most is None:
            text = f"To separate them would take at least {self.fewest} seeds."
        elif self.fewest == self.most:
            text = f"To separate them would take about {self.most} seeds."
        else:
            text = f"To separate them would take {self.fewest} to {self.most} seeds."
        if self.excluded is None:
            return text
        number = self.metric.number(self.excluded, digits=3)
        unit = f" {unit}" if (unit := self.metric.difference_unit) else ""
        return f"{text} Differences above {number}{unit} are excluded."


def advise(
    study: StudyResult, undecided: Mapping[LevelResult, Difference | None]
) -> Advice | None:
    """Return advice on the undecided level that needs the most seeds.

    Args:
        study: The comparison.
        undecided: The undecided levels, with their difference from the reference; None
            without a common seed.

    Returns:
        The advice. None if no level is undecided, or if a level has fewer than five seeds
        in common with the reference, which say too little about the spread.
    """
    if not undecided or study.most_seeds is not None:
        return None
    differences = [it for it in undecided.values() if it is not None and it.size > 1]
    if len(differences) < len(undecided):
        return None
    if any(difference.interval is None for difference in differences):
        return Advice(None, None, None, study.metric, spread_is_unknown=True)
    if min(difference.size for difference in differences) < LEAST_SEEDS:
        return None
    excluded = max(
        abs(end) for difference in differences for end in difference.interval or ()
    )
    samples = study.samples_of_differences(tuple(undecided))
    # The single best is named by uncorrected tests.
    comparisons = 1 if study.baseline is None else study.comparisons
    folds = study.folds or 1
    ranges = [
        seeds_range(list(sample), comparisons=comparisons, shared=shared_of(study.folds))
        for sample in samples
    ]
    known = [ends for ends in ranges if ends is not None]
    if len(known) < len(ranges):
        return Advice(None, None, excluded, study.metric)
    known = [
        (math.ceil(least / folds), most and math.ceil(most / folds))
        for least, most in known
    ]
    mosts = [most for _, most in known if most is not None]
    # The seeds that are there were not enough.
    more = 1 + min(difference.size for difference in differences) // folds
    return Advice(
        fewest=max(more, *(fewest for fewest, _ in known)),
        most=max(more, *mosts) if len(mosts) == len(known) else None,
        excluded=excluded,
        metric=study.metric,
    )
