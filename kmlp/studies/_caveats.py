"""Caveats of a conclusion: problems of runs, and of the study as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kmlp.studies.ranges import MOST_NAMED
from kmlp.studies.results import TEST_METRIC, LevelResult, StudyResult

Problem = Literal[
    "failed",
    "diverged",
    "did not learn",
    "different images",
    "seeds added after a look",
    "baseline chosen after the results",
]


@dataclass(frozen=True, slots=True)
class Caveat:
    """A problem of runs, with the levels that have such runs, or of the whole study."""

    problem: Problem
    levels: tuple[tuple[LevelResult, int], ...] = ()
    """Each level with the number of its runs that have the problem, at least 1. Empty if
    the study has the problem."""


def caveats_of(study: StudyResult, *, compared: bool) -> list[Caveat]:
    """Return the caveats of a study.

    Args:
        study: The study.
        compared: True if its levels are compared.
    """
    counts: list[tuple[Problem, list[int]]] = [
        ("failed", [level.failed for level in study.levels]),
        ("diverged", [level.diverged for level in study.levels]),
        ("did not learn", [level.did_not_learn for level in study.levels]),
    ]
    caveats = [
        Caveat(
            problem,
            tuple(
                (level, count)
                for level, count in zip(study.levels, runs, strict=True)
                if count
            ),
        )
        for problem, runs in counts
        if any(runs)
    ]
    if compared and study.images_differ:
        caveats.append(Caveat("different images"))
    if compared and study.grew_after_look:
        caveats.append(Caveat("seeds added after a look"))
    if compared and study.chosen_after:
        caveats.append(Caveat("baseline chosen after the results"))
    return caveats


_STUDY_CAVEATS = {
    "seeds added after a look": (
        "Seeds were added after a look at the results: the error rate is above 5 %."
    ),
    "baseline chosen after the results": (
        "The baseline was chosen after the results, which the p-values do not account for."
    ),
}


def caveat_text(study: StudyResult, caveat: Caveat) -> str:
    """Return a caveat of a study as a sentence."""
    if caveat.problem == "different images":
        return (
            "The values have different validation images, so test accuracies are compared."
            if study.metric == TEST_METRIC
            else "The values are measured on different images, which the intervals include."
        )
    if not caveat.levels:
        return _STUDY_CAVEATS[caveat.problem]
    if len(caveat.levels) > MOST_NAMED:
        names = study.name_of(*(level for level, _ in caveat.levels))
        runs = sum(count for _, count in caveat.levels)
        of = sum(len(level.runs) for level, _ in caveat.levels)
        return study.sentence(f"{names} ({runs} of {of} runs) {caveat.problem}.")
    names = study.called(
        *(
            f"{study.text(level)} ({runs} of {len(level.runs)} runs)"
            for level, runs in caveat.levels
        )
    )
    return study.sentence(f"{names} {caveat.problem}.")
