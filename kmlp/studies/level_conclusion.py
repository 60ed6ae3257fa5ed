"""The conclusion of a comparison of levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kmlp._util.text import percent_text
from kmlp.model.config import config_fields
from kmlp.model.fields import to_jsonable
from kmlp.statistics import Difference, seeds_to_resolve
from kmlp.studies.conclusion import Conclusion, Partition, partition
from kmlp.studies.results import LevelResult, StudyResult

Outcome = Literal[
    "compared",
    "one seed",
    "one level",
    "one level left",
    "baseline lost",
    "nothing learned",
    "everything lost",
]
"""What could be compared: levels, by several seeds or by one; or why nothing could be."""


@dataclass(frozen=True, slots=True)
class Caveat:
    """Levels of which runs failed, diverged or did not learn."""

    problem: Literal["failed", "diverged", "did not learn"]
    levels: tuple[tuple[LevelResult, int], ...]
    """Each with the number of its runs that did."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The number of seeds that would separate a level from the reference."""

    level: LevelResult | None
    """The level that takes the fewest; None: hardly any number of seeds would do."""
    difference: float = 0.0
    """Its difference, if that is as large as it looks."""
    seeds: int | None = None
    spread_is_unknown: bool = False
    """Whether all differences of a level are equal, which tells no spread."""


_NOTHING: Partition[LevelResult] = Partition((), (), ())


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class LevelConclusion(Conclusion):
    """The conclusion of a comparison of levels."""

    study: StudyResult
    outcome: Outcome
    best: LevelResult | None
    """The level with the highest mean, which need not be shown to be better."""
    reference: LevelResult | None
    """The level that others are compared with."""
    seeds: int = 0
    """The number of seeds of the comparison with the fewest."""
    levels: Partition[LevelResult] = _NOTHING
    """The other levels."""
    advice: Advice | None = None
    caveats: tuple[Caveat, ...] = ()

    @property
    def finding(self) -> str:
        """What the seeds show, in a sentence."""
        return _sentence(self.study, _FINDINGS[self.outcome](self))

    @property
    def text(self) -> str:
        """The finding, the advice and the caveats."""
        advice = [] if self.advice is None else [_advice_text(self.study, self.advice)]
        return " ".join([self.finding, *advice, *self._caveat_texts()])

    @property
    def text_without_advice(self) -> str:
        """The finding and the caveats."""
        return " ".join([self.finding, *self._caveat_texts()])

    def _caveat_texts(self) -> list[str]:
        return [_caveat_text(self.study, caveat) for caveat in self.caveats]

    def to_dict(self) -> dict[str, Any]:
        advice = self.advice
        return {
            "outcome": self.outcome,
            "best": _value(self.best),
            "reference": _value(self.reference),
            "seeds": self.seeds,
            "better": list(map(_value, self.levels.better)),
            "worse": list(map(_value, self.levels.worse)),
            "undecided": list(map(_value, self.levels.undecided)),
            "seeds_needed": None if advice is None else advice.seeds,
            "caveats": [
                {"problem": caveat.problem, "value": _value(level), "runs": runs}
                for caveat in self.caveats
                for level, runs in caveat.levels
            ],
        }


def conclude(study: StudyResult) -> LevelConclusion:
    """Conclude what the evidence of a comparison shows and what it does not.

    A level is called better or worse only where a difference is significant, with all that
    are compared taken together (see `StudyResult.differences`).
    """
    best, reference = study.best(), study.reference
    if best is None or reference is None:
        return LevelConclusion(
            study=study, outcome="everything lost", best=None, reference=reference
        )

    def concluded(outcome: Outcome, **evidence: Any) -> LevelConclusion:
        return LevelConclusion(
            study=study,
            outcome=outcome,
            best=best,
            reference=reference,
            caveats=tuple(_caveats(study)),
            **evidence,
        )

    if len(study.levels) == 1:
        return concluded("one level")
    if not reference.finished:
        return concluded("baseline lost")
    compared = study.levels if study.baseline is not None else study.contenders
    others = [level for level in compared if level is not reference and level.finished]
    if not others:
        return concluded("one level left")
    if all(it.did_not_learn == len(it.finished) for it in (reference, *others)):
        return concluded("nothing learned")
    by_level = dict(zip(study.levels, study.differences(), strict=True))
    differences = {level: it for level in others if (it := by_level[level]) is not None}
    seeds = min(0 if (it := by_level[level]) is None else it.size for level in others)
    if seeds < 2:
        return concluded("one seed", seeds=seeds)
    levels = partition(differences)
    return concluded(
        "compared",
        seeds=seeds,
        levels=levels,
        advice=_advise(study, {level: differences[level] for level in levels.undecided}),
    )


def _value(level: LevelResult | None) -> Any:
    return None if level is None else to_jsonable(level.value)


def _advise(
    study: StudyResult, undecided: Mapping[LevelResult, Difference]
) -> Advice | None:
    if not undecided:
        return None
    if any(it.p_value is None for it in undecided.values()):
        return Advice(None, spread_is_unknown=True)
    needed = {
        level: seeds
        for level, it in undecided.items()
        if it.spread
        if (seeds := seeds_to_resolve(it.mean, it.spread, comparisons=study.comparisons))
    }
    if not needed:
        return Advice(None)
    level = min(needed, key=needed.__getitem__)
    return Advice(level, undecided[level].mean, needed[level])


def _caveats(study: StudyResult) -> list[Caveat]:
    counts: list[tuple[Literal["failed", "diverged", "did not learn"], list[int]]] = [
        ("failed", [level.failed for level in study.levels]),
        ("diverged", [level.diverged for level in study.levels]),
        ("did not learn", [level.did_not_learn for level in study.levels]),
    ]
    return [
        Caveat(problem, levels)
        for problem, runs in counts
        if (levels := tuple(it for it in zip(study.levels, runs, strict=True) if it[1]))
    ]


def _compared(found: LevelConclusion) -> str:
    study, levels, seeds = found.study, found.levels, found.seeds
    assert found.reference is not None
    name = _named(study, found.reference)
    after = f"after {study.epochs_text}"
    if study.baseline is not None:
        parts = [
            f"{_named(study, *shown)} {'is' if len(shown) == 1 else 'are'} {word}"
            for shown, word in ((levels.better, "better"), (levels.worse, "worse"))
            if shown
        ]
        told = (
            f"{' and '.join(parts) or 'No value is shown to differ'} "
            f"{'than' if parts else 'from'} {name} {after}"
        )
        if not levels.undecided:
            return f"{told}: the differences exceed what {seeds} seeds vary by."
        rest = _named(study, *levels.undecided)
        return f"{told}; {seeds} seeds do not separate it from {rest}."
    if not levels.undecided:
        return (
            f"{name} is better than {_named(study, *levels.worse)} {after}: the "
            f"differences exceed what {seeds} seeds vary by."
        )
    rest = _named(study, *levels.undecided)
    if levels.worse:
        return (
            f"{name} is better than {_named(study, *levels.worse)} {after}; {seeds} "
            f"seeds do not separate it from {rest}, so no single best value is shown."
        )
    return (
        f"{name} has the highest mean {after}, but {seeds} seeds do not separate it "
        f"from {rest}: no value is shown to be better."
    )


def _one_seed(found: LevelConclusion) -> str:
    assert found.best is not None
    return (
        f"{_named(found.study, found.best)} has the highest validation accuracy after "
        f"{found.study.epochs_text}, but one seed cannot tell a difference from chance: "
        "use at least 3 seeds."
    )


def _one_level(found: LevelConclusion) -> str:
    return f"Only {_reference(found)} was trained: there is nothing to compare."


def _one_level_left(found: LevelConclusion) -> str:
    reference = found.reference
    assert reference is not None
    few = "the fewest" if reference.diverged or reference.failed else "no"
    return (
        f"Only {_reference(found)} has {few} {_lost(found.study)} runs, so there is "
        "nothing to compare."
    )


_FINDINGS: dict[Outcome, Callable[[LevelConclusion], str]] = {
    "compared": _compared,
    "one seed": _one_seed,
    "one level": _one_level,
    "one level left": _one_level_left,
    "baseline lost": lambda found: (
        f"Every run of {_reference(found)}, the baseline, {_lost(found.study)}."
    ),
    "nothing learned": lambda found: "No run learned, so there is nothing to compare.",
    "everything lost": lambda found: (
        f"Every run {_lost(found.study)}: there is nothing to compare."
    ),
}


def _reference(found: LevelConclusion) -> str:
    assert found.reference is not None
    return _named(found.study, found.reference)


def _advice_text(study: StudyResult, advice: Advice) -> str:
    if advice.spread_is_unknown:
        return "Differences that are all equal tell no spread: use more seeds."
    if advice.level is None:
        return "More seeds will hardly tell."
    return (
        f"If the difference from {_named(study, advice.level)} is as large as it looks, "
        f"{percent_text(abs(advice.difference))} points, about {advice.seeds} seeds would "
        "show it."
    )


def _caveat_text(study: StudyResult, caveat: Caveat) -> str:
    levels = [
        f"{study.text(level)} ({runs} of {len(level.runs)} runs)"
        for level, runs in caveat.levels
    ]
    return _sentence(study, f"{study.called(*levels)} {caveat.problem}.")


def _sentence(study: StudyResult, text: str) -> str:
    """Begin with a capital, except for the name of a field: `width=32`."""
    return text if study.param in config_fields() else f"{text[0].upper()}{text[1:]}"


def _named(study: StudyResult, *levels: LevelResult) -> str:
    return study.called(*map(study.text, levels))


def _lost(study: StudyResult) -> str:
    return "diverged or failed" if any(it.failed for it in study.levels) else "diverged"
