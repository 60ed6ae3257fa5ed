"""Caveats of a conclusion: problems of runs, and of the study as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from kmlp._util.text import enumerated
from kmlp.studies.axis import axis_of
from kmlp.studies.level_result import LevelResult
from kmlp.studies.ranges import MOST_NAMED
from kmlp.studies.results import TEST_METRIC, StudyResult

Problem = Literal[
    "failed",
    "diverged",
    "did not learn",
    "ends in dips",
    "declines",
    "patience not reached",
    "different images",
    "seeds added after a look",
    "values added after a look",
    "values left out after a look",
    "baseline chosen after the results",
    "margin chosen after the results",
    "epoch chosen after the results",
    "baseline without runs",
]


MOST_DROP = 0.003
"""The largest difference of a level's mean from that after the last epoch that needs no
caveat, from 0 to 1."""
LAST_EPOCHS = 5
"""The number of last epochs that show if an accuracy jumps or sinks slowly."""


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
    # A patience ends its runs after their best epoch, so that their end says nothing.
    stops = axis_of(study.param).on_test or study.patience is not None
    ends = () if stops else study.levels
    counts: list[tuple[Problem, list[int]]] = [
        ("failed", [level.failed for level in study.levels]),
        ("diverged", [level.diverged for level in study.levels]),
        ("did not learn", [level.did_not_learn for level in study.levels]),
        ("ends in dips", [_worse_at_the_end(level, dips=True) for level in ends]),
        ("declines", [_worse_at_the_end(level, dips=False) for level in ends]),
        ("patience not reached", [_not_stopped(study, level) for level in study.levels]),
    ]
    caveats = [
        Caveat(
            problem,
            tuple(
                (level, count)
                for level, count in zip(study.levels, runs, strict=False)  # none: no ends
                if count
            ),
        )
        for problem, runs in counts
        if any(runs)
    ]
    return [*caveats, *_of_the_study(study)] if compared else caveats


def _of_the_study(study: StudyResult) -> list[Caveat]:
    """Return the caveats of a comparison as a whole."""
    problems: dict[Problem, bool] = {
        "different images": study.images_differ,
        "seeds added after a look": study.grew_after_look,
        "values added after a look": study.values_added,
        "values left out after a look": study.values_left_out,
        "baseline chosen after the results": "baseline" in study.chosen_after,
        "margin chosen after the results": "margin" in study.chosen_after,
        "epoch chosen after the results": "epoch" in study.chosen_after,
        "baseline without runs": study.lacks_baseline,
    }
    return [Caveat(problem) for problem, is_there in problems.items() if is_there]


def _worse_at_the_end(level: LevelResult, *, dips: bool) -> int:
    """Return the number of runs that end worse than they were, if their mean does.

    Args:
        level: The level.
        dips: True to count only if the accuracy jumps: after the best epoch, it changes by
            more than half of the whole drop from one epoch to the next. False: only if it
            sinks slowly, as where a model overfits.
    """
    learned = level.did_not_learn < len(level.finished)  # else the drop is chance
    if level.drop <= MOST_DROP or not learned:
        return 0
    best = [run.judged_at("best") for run in level.finished]
    changes = [
        abs(after.val_accuracy - before.val_accuracy)
        for run in best
        for before, after in pairwise(run.history[run.outcome.epoch - 1 :][-LAST_EPOCHS:])
    ]
    if (sum(changes) / len(changes) > level.drop / 2) != dips:
        return 0
    return sum(run.val_accuracy - run.history[-1].val_accuracy > MOST_DROP for run in best)


def _not_stopped(study: StudyResult, level: LevelResult) -> int:
    """Return the number of runs that had all epochs, and may still improve."""
    patience = study.patience
    if patience is None:
        return 0
    return sum(not run.stops(patience) for run in level.finished)


def _drop_text(study: StudyResult, caveat: Caveat) -> str:
    """Return a caveat about levels that are worse after their last epochs."""
    levels = [level for level, _ in caveat.levels]
    drops = [f"{100 * level.drop:.2f}" for level in levels]
    many, one = len(levels) > MOST_NAMED, len(levels) == 1
    points = f"up to {max(drops, key=float)}" if many else enumerated(drops)
    mean = "its mean is" if one else "their means are"
    lower = f"after the last one {mean} {points} points lower than at the best"
    name, s = study.name_of(*levels), "s" if one else ""
    if caveat.problem == "ends in dips":
        text = (
            f"{name} end{s} in dips: accuracy falls and rises from epoch to epoch, and "
            f"{lower}; a lower learning rate, or one that decays, ends the dips."
        )
    else:
        text = (
            f"{name} decline{s} after the best epoch, as in overfitting: {lower}; fewer "
            "epochs are enough."
        )
    return study.sentence(text)


_STUDY_CAVEATS = {
    "seeds added after a look": (
        "Seeds were added after a look at the results: the error rate is above 5 %."
    ),
    "values added after a look": (
        "Values were added after a look at the results: the error rate is above 5 %."
    ),
    "values left out after a look": (
        "Values were left out after a look at the results: the error rate is above 5 %."
    ),
    "baseline chosen after the results": (
        "The baseline was chosen after the results, which the p-values do not account for."
    ),
    "margin chosen after the results": (
        "The margin was chosen after the results, which the verdict same does not account "
        "for."
    ),
    "epoch chosen after the results": (
        "The epoch that counts was chosen after the results, which the p-values do not "
        "account for."
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
    if caveat.problem in ("ends in dips", "declines"):
        return _drop_text(study, caveat)
    if caveat.problem == "baseline without runs":
        return study.sentence(
            f"{study.called(study.planned.baseline or '')}, the baseline that was chosen "
            "before the results, has no runs here: the values are compared with the best."
        )
    if not caveat.levels:
        return _STUDY_CAVEATS[caveat.problem]
    levels = [level for level, _ in caveat.levels]
    if caveat.problem == "patience not reached":
        runs = sum(count for _, count in caveat.levels)
        of = sum(len(level.runs) for level in study.levels)
        return (
            f"{runs} of {of} runs did not reach patience {study.patience}: more epochs may "
            "be better."
        )
    ranges = study.ranges(levels)
    if len(levels) > MOST_NAMED or (len(levels) > 2 and 0 < len(ranges) < len(levels)):
        few = 0 < len(ranges) <= MOST_NAMED
        names = study.called(*ranges) if few else study.name_of(*levels)
        runs = sum(count for _, count in caveat.levels)
        of = sum(len(level.runs) for level in levels)
        return study.sentence(f"{names} ({runs} of {of} runs) {caveat.problem}.")
    names = study.called(
        *(
            f"{study.text(level)} ({runs} of {len(level.runs)} runs)"
            for level, runs in caveat.levels
        )
    )
    return study.sentence(f"{names} {caveat.problem}.")
