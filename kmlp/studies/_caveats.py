"""Caveats of a conclusion: problems of runs, and of the study as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from kmlp._util.text import enumerated
from kmlp.model.metrics import ACCURACY, Metric
from kmlp.model.text import value_text
from kmlp.studies import _checks
from kmlp.studies.axis import axis_of
from kmlp.studies.level_result import LevelResult
from kmlp.studies.ranges import MOST_NAMED
from kmlp.studies.results import StudyResult
from kmlp.training.run import Run

Problem = Literal[
    "failed",
    "diverged",
    "did not learn",
    "ends in dips",
    "declines",
    "patience not reached",
    "still improves",
    "overfits",
    "edge of the values",
    "retuned to an edge",
    "under-tuned",
    "no setting was found",
    "different images",
    "seeds added after a look",
    "values added after a look",
    "values left out after a look",
    "baseline chosen after the results",
    "margin chosen after the results",
    "epoch chosen after the results",
    "metric chosen after the results",
    "baseline without runs",
]


MOST_DROP = 0.003
"""The largest difference of a level's mean from that after the last epoch that needs no
caveat, of a share, from 0 to 1."""
MOST_RELATIVE_DROP = 0.03
"""The same for another metric, as a part of the mean at the best epochs: about that of an
accuracy of 90 %, whose errors are 10 %."""
LAST_EPOCHS = 5
"""The number of last epochs that show if a metric jumps or gets worse slowly."""


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
        (
            "still improves",
            [_late(level) for level in ends if axis_of(study.param).of_config],
        ),
        ("overfits", [_overfitted(study, level) for level in study.levels]),
    ]
    if compared:
        at_edge = _checks.edge(study)
        runs = [len(level.runs) * (level is at_edge) for level in study.levels]
        counts.append(("edge of the values", runs))
        under = _checks.under_tuned(study)
        runs = [len(level.runs) * (level in under) for level in study.levels]
        counts.append(("under-tuned", runs))
    edges = {tuning.value for tuning in study.tunings if tuning.at_edge}
    runs = [len(level.runs) * (level.value in edges) for level in study.levels]
    counts.append(("retuned to an edge", runs))
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
    if any(tuning.complete and tuning.chosen is None for tuning in study.tunings):
        caveats.append(Caveat("no setting was found"))
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
        "metric chosen after the results": "metric" in study.chosen_after,
        "baseline without runs": study.lacks_baseline,
    }
    return [Caveat(problem) for problem, is_there in problems.items() if is_there]


def _worse_at_the_end(level: LevelResult, *, dips: bool) -> int:
    """Return the number of runs that end worse than they were, if their mean does.

    Args:
        level: The level.
        dips: True to count only if the metric jumps: after the best epoch, it changes by
            more than half of the whole drop from one epoch to the next. False: only if it
            gets worse slowly, as where a model overfits.
    """
    learned = level.did_not_learn < len(level.finished)  # else the drop is chance
    most, metric = _most_drop(level), level.metric
    if level.drop <= most or not learned:
        return 0
    best = [run.judged_at("best") for run in level.finished]
    changes = [
        abs(after.value(metric) - before.value(metric))
        for run in best
        for before, after in pairwise(run.history[run.outcome.epoch - 1 :][-LAST_EPOCHS:])
    ]
    if (sum(changes) / len(changes) > level.drop / 2) != dips:
        return 0
    return sum(
        metric.sign * (run.val_value - run.history[-1].value(metric)) > most for run in best
    )


def _most_drop(level: LevelResult) -> float:
    if level.metric.share or not level.finished:
        return MOST_DROP
    best = [abs(run.judged_at("best").val_value) for run in level.finished]
    return MOST_RELATIVE_DROP * sum(best) / len(best)


def _not_stopped(study: StudyResult, level: LevelResult) -> int:
    """Return the number of runs that had all epochs, and may still improve."""
    patience = study.patience
    if patience is None:
        return 0
    return sum(not run.stops(patience) for run in level.finished)


def _late(level: LevelResult) -> int:
    """Return the number of runs that still improve at the end, if their mean does.

    The end of runs that get worse there says nothing else.
    """
    if level.drop > _most_drop(level) or not _late_gain(level):
        return 0
    return sum(map(_checks.improves_late, _learned(level)))


def _late_gain(level: LevelResult) -> float:
    return _checks.late_gain(_learned(level), level.metric)


def _learned(level: LevelResult) -> list[Run]:
    return [run for run in level.finished if run not in level.unlearned]


def _overfitted(study: StudyResult, level: LevelResult) -> int:
    """Return the number of runs of the best level that overfit, if their mean does."""
    if level is not study.best() or not _checks.overfits(level):
        return 0
    return len(level.finished)


def _late_text(study: StudyResult, caveat: Caveat) -> str:
    """Return a caveat about levels that still improve at the end."""
    levels, metric = [level for level, _ in caveat.levels], study.metric
    gains = [metric.number(_late_gain(level), digits=3) for level in levels]
    many, s = len(levels) > MOST_NAMED, "s" if len(levels) == 1 else ""
    by = f"up to {max(gains, key=float)}" if many else enumerated(gains)
    points = f"{by} {metric.difference_unit}".rstrip()
    return study.sentence(
        f"{study.name_of(*levels)} still improve{s} at the end, by {points} in the last "
        f"quarter of {study.epochs_text}: more epochs may change the answer."
    )


def _overfits_text(study: StudyResult, level: LevelResult) -> str:
    """Return a caveat about the best level, which overfits."""
    metric, gap = study.metric, level.gap
    assert gap is not None
    points = f"{metric.number(gap.mean, digits=3)} {metric.difference_unit}".rstrip()
    return study.sentence(
        f"{study.name_of(level)} overfits: its gap between training and validation "
        f"{metric.title} is {points}, most of its validation error."
    )


def _edge_text(study: StudyResult, level: LevelResult) -> str:
    """Return a caveat about the best level, which is at the edge of the values."""
    largest = level.value == max(other.value for other in study.levels)
    end, beyond = ("largest", "larger") if largest else ("smallest", "smaller")
    return study.sentence(
        f"{study.name_of(level)} is the {end} value here: a {beyond} one may be better."
    )


def _under_tuned_text(study: StudyResult, levels: list[LevelResult]) -> str:
    """Return a caveat about optimizers that lose to one that they contain."""
    name, s = study.name_of(*levels), "s" if len(levels) == 1 else ""
    them = "it" if s else "them"
    return study.sentence(
        f"{name} lose{s} to an optimizer that is a special case of {them}: under-tuned?"
    )


def _retuned_edge_text(study: StudyResult, levels: list[LevelResult]) -> str:
    """Return a caveat about levels whose tuned number has none beyond it."""
    one = len(levels) == 1
    edges = {it.value: it.at_edge for it in study.tunings}
    fields = dict.fromkeys(name for level in levels for name in edges[level.value])
    return study.sentence(
        f"{study.name_of(*levels)} {'has its' if one else 'have their'} "
        f"{enumerated(list(fields))} at the edge of what was tried: a number beyond may be "
        "better."
    )


def _drop_text(study: StudyResult, caveat: Caveat) -> str:
    """Return a caveat about levels that are worse after their last epochs."""
    levels, metric = [level for level, _ in caveat.levels], study.metric
    drops = [metric.number(level.drop, digits=3) for level in levels]
    many, one = len(levels) > MOST_NAMED, len(levels) == 1
    points = f"up to {max(drops, key=float)}" if many else enumerated(drops)
    mean = "its mean is" if one else "their means are"
    worse = "lower" if metric.higher_is_better else "higher"
    unit = f" {metric.difference_unit}" if metric.difference_unit else ""
    lower = f"after the last one {mean} {points}{unit} {worse} than at the best"
    name, s = study.name_of(*levels), "s" if one else ""
    if caveat.problem == "ends in dips":
        text = (
            f"{name} end{s} in dips: {metric.title} falls and rises from epoch to epoch, "
            f"and {lower}; a lower learning rate, or one that decays, ends the dips."
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
    "metric chosen after the results": (
        "The metric was chosen after the results, which the p-values do not account for."
    ),
}


def different_images_text(metric: Metric) -> str:
    """Return how intervals treat that levels are measured on different images."""
    if metric == ACCURACY:
        return "which the intervals include"
    return f"which the intervals of {metric.title} do not include"


def caveat_text(study: StudyResult, caveat: Caveat) -> str:
    """Return a caveat of a study as a sentence."""
    if caveat.problem == "different images":
        return (
            f"The values have different validation {study.noun}, so test "
            f"{study.metric.titles} are compared."
            if study.part == "test"
            else f"The values are measured on different {study.noun}, "
            f"{different_images_text(study.metric)}."
        )
    if caveat.problem in ("ends in dips", "declines"):
        return _drop_text(study, caveat)
    if caveat.problem == "still improves":
        return _late_text(study, caveat)
    if caveat.problem == "overfits":
        return _overfits_text(study, caveat.levels[0][0])
    if caveat.problem == "under-tuned":
        return _under_tuned_text(study, [level for level, _ in caveat.levels])
    if caveat.problem == "retuned to an edge":
        return _retuned_edge_text(study, [level for level, _ in caveat.levels])
    if caveat.problem == "edge of the values":
        return _edge_text(study, caveat.levels[0][0])
    if caveat.problem == "baseline without runs":
        return study.sentence(
            f"{study.called(study.planned.baseline or '')}, the baseline that was chosen "
            "before the results, has no runs here: the values are compared with the best."
        )
    if caveat.problem == "no setting was found":
        lost = [it.value for it in study.tunings if it.complete and it.chosen is None]
        names = study.called(*(value_text(study.param, value) for value in lost))
        return study.sentence(
            f"{names} {'is' if len(lost) == 1 else 'are'} left out: every tuning run "
            "diverged or failed."
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
