"""One plain sentence or two: what the evidence of a comparison shows, and what not."""

from __future__ import annotations

from collections.abc import Sequence

from kmlp.statistics import Difference, seeds_to_resolve
from kmlp.studies.results import LevelResult, StudyResult


def conclusion(study: StudyResult) -> str:
    """What the evidence of a comparison shows and what it does not.

    A value is called better or worse only where a difference is significant, with all that
    are looked at taken together (see `StudyResult.differences`).
    """
    if study.best() is None:
        return f"Every run {_went_wrong(study)}: there is nothing to compare."
    return " ".join([_comparison(study), *_caveats(study)])


def _comparison(study: StudyResult) -> str:
    reference = study.reference
    assert reference is not None
    name = _named(study, reference)
    if len(study.levels) == 1:
        return f"Only {name} was trained: there is nothing to compare."
    if not reference.finished:
        return f"Every run of {name}, the baseline, {_went_wrong(study)}."
    compared = study.levels if study.baseline is not None else study.contenders
    others = [level for level in compared if level is not reference and level.finished]
    if not others:
        few = "the fewest" if reference.diverged or reference.failed else "no"
        return (
            f"Only {name} has {few} {_went_wrong(study)} runs, so there is nothing to "
            "compare."
        )
    if all(it.did_not_learn == len(it.finished) for it in (reference, *others)):
        return "No run learned, so there is nothing to compare."
    by_value = dict(zip(study.levels, study.differences(), strict=True))
    differences = {level: by_value[level] for level in others}
    seeds = min(0 if it is None else it.size for it in differences.values())
    if seeds < 2:
        best = study.best()
        assert best is not None
        return (
            f"{_named(study, best)} has the highest validation accuracy {study.after}, "
            "but one seed cannot tell a difference from chance: use at least 3 seeds."
        )
    found = {level: it for level, it in differences.items() if it is not None}
    better = [level for level, it in found.items() if it.significant and it.mean > 0]
    worse = [level for level, it in found.items() if it.significant and it.mean < 0]
    open_ = [level for level, it in found.items() if not it.significant]
    more = _more_seeds(study, {level: found[level] for level in open_})
    if study.baseline is not None:
        parts = [
            f"{_named(study, *values)} {verb} {what}"
            for values, what in ((better, "better"), (worse, "worse"))
            for verb in ["is" if len(values) == 1 else "are"]
            if values
        ]
        told = f"{' and '.join(parts) or 'No value is shown to differ'} "
        told += f"{'than' if parts else 'from'} {name} {study.after}"
        if not open_:
            return f"{told}: the differences exceed what {seeds} seeds vary by."
        return (
            f"{told}; {seeds} seeds do not separate it from {_named(study, *open_)}.{more}"
        )
    if not open_:
        return (
            f"{name} is better than {_named(study, *worse)} {study.after}: the "
            f"differences exceed what {seeds} seeds vary by."
        )
    if worse:
        return (
            f"{name} is better than {_named(study, *worse)} {study.after}; {seeds} seeds "
            f"do not separate it from {_named(study, *open_)}, so no single best value is "
            f"shown.{more}"
        )
    return (
        f"{name} has the highest mean {study.after}, but {seeds} seeds do not "
        f"separate it from {_named(study, *open_)}: no value is shown to be better.{more}"
    )


def _named(study: StudyResult, *values: LevelResult) -> str:
    return study.called(listed([study.text(level) for level in values]))


def _went_wrong(study: StudyResult) -> str:
    return "diverged or failed" if any(it.failed for it in study.levels) else "diverged"


def _more_seeds(study: StudyResult, open_: dict[LevelResult, Difference]) -> str:
    """How many seeds would show the difference that would take the fewest."""
    needed = {
        level: seeds
        for level, it in open_.items()
        if it.p_value is not None and it.spread
        if (seeds := seeds_to_resolve(it.mean, it.spread, comparisons=study.comparisons))
    }
    if not open_:
        return ""
    if any(it.p_value is None for it in open_.values()):
        return " Differences that are all equal tell no spread: use more seeds."
    if not needed:
        return " More seeds will hardly tell."
    level = min(needed, key=needed.__getitem__)
    points = f"{100 * abs(open_[level].mean):.2f} points"
    return (
        f" If the difference from {_named(study, level)} is as large as it looks, "
        f"{points}, about {needed[level]} seeds would show it."
    )


def _caveats(study: StudyResult) -> list[str]:
    caveats = []
    for what, counts in (
        ("failed", [level.failed for level in study.levels]),
        ("diverged", [level.diverged for level in study.levels]),
        ("did not learn", [level.did_not_learn for level in study.levels]),
    ):
        found = [
            f"{study.text(level)} ({count} of {len(level.runs)} runs)"
            for level, count in zip(study.levels, counts, strict=True)
            if count
        ]
        if found:
            caveats.append(f"{study.called(listed(found))} {what}.")
    return caveats


def listed(words: Sequence[str]) -> str:
    """Joins words: "a", "a and b", "a, b and c".

    >>> listed(["32", "128", "512"])
    '32, 128 and 512'
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
