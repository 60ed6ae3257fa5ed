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
"""The outcome of a comparison: levels were compared, or the reason why not."""


@dataclass(frozen=True, slots=True)
class Caveat:
    """A problem of runs, with the levels that have such runs."""

    problem: Literal["failed", "diverged", "did not learn"]
    levels: tuple[tuple[LevelResult, int], ...]
    """Each level with the number of its runs that have the problem, at least 1."""


@dataclass(frozen=True, slots=True)
class Advice:
    """The number of seeds that would separate a level from the reference."""

    level: LevelResult | None
    """The level that needs the fewest seeds. None: no feasible number is enough."""
    difference: float = 0.0
    """The measured difference of the level from the reference, from -1 to 1."""
    seeds: int | None = None
    """The number of seeds that would show this difference. None: there is no level."""
    spread_is_unknown: bool = False
    """True if all differences of a level are equal, so that their spread is unknown."""


_NOTHING: Partition[LevelResult] = Partition((), (), ())


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class LevelConclusion(Conclusion):
    """The conclusion of a comparison of levels."""

    study: StudyResult
    outcome: Outcome
    best: LevelResult | None
    """The level with the highest mean, even if no difference is significant."""
    reference: LevelResult | None
    """The level that the others are compared with."""
    seeds: int = 0
    """The number of paired seeds, in the comparison that has the fewest."""
    levels: Partition[LevelResult] = _NOTHING
    """The other levels, by outcome."""
    advice: Advice | None = None
    caveats: tuple[Caveat, ...] = ()

    @property
    def finding(self) -> str:
        """The outcome of the comparison, in a sentence."""
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
    """Return the conclusion of a comparison of levels.

    A level is called better or worse only if its difference is significant after the
    correction for all comparisons (see `StudyResult.differences`).
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
    if all(level.did_not_learn == len(level.finished) for level in (reference, *others)):
        return concluded("nothing learned")
    by_level = dict(zip(study.levels, study.differences(), strict=True))
    differences = {
        level: difference for level in others if (difference := by_level[level]) is not None
    }
    seeds = min(differences[level].size if level in differences else 0 for level in others)
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
    if any(difference.p_value is None for difference in undecided.values()):
        return Advice(None, spread_is_unknown=True)
    needed = {
        level: seeds
        for level, difference in undecided.items()
        if (spread := difference.spread)
        if (
            seeds := seeds_to_resolve(
                difference.mean, spread, comparisons=study.comparisons
            )
        )
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


def _compared(conclusion: LevelConclusion) -> str:
    study, levels, seeds = conclusion.study, conclusion.levels, conclusion.seeds
    name = _reference(conclusion)
    after = f"after {study.epochs_text}"
    if study.baseline is not None:
        parts = [
            f"{_named(study, *decided)} {'is' if len(decided) == 1 else 'are'} {word}"
            for decided, word in ((levels.better, "better"), (levels.worse, "worse"))
            if decided
        ]
        sentence = (
            f"{' and '.join(parts) or 'No value is shown to differ'} "
            f"{'than' if parts else 'from'} {name} {after}"
        )
        if not levels.undecided:
            return f"{sentence}: the differences are significant with {seeds} seeds."
        rest = _named(study, *levels.undecided)
        return f"{sentence}; {seeds} seeds do not separate {name} from {rest}."
    if not levels.undecided:
        return (
            f"{name} is better than {_named(study, *levels.worse)} {after}: the "
            f"differences are significant with {seeds} seeds."
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


def _one_seed(conclusion: LevelConclusion) -> str:
    assert conclusion.best is not None
    return (
        f"{_named(conclusion.study, conclusion.best)} has the highest validation accuracy "
        f"after {conclusion.study.epochs_text}, but one seed cannot show whether this is "
        "chance: use at least 3 seeds."
    )


def _one_level(conclusion: LevelConclusion) -> str:
    return f"Only {_reference(conclusion)} was trained: there is nothing to compare."


def _one_level_left(conclusion: LevelConclusion) -> str:
    reference = conclusion.reference
    assert reference is not None
    few = "the fewest" if reference.diverged or reference.failed else "no"
    return (
        f"Only {_reference(conclusion)} has {few} {_lost(conclusion.study)} runs, so there "
        "is nothing to compare."
    )


_FINDINGS: dict[Outcome, Callable[[LevelConclusion], str]] = {
    "compared": _compared,
    "one seed": _one_seed,
    "one level": _one_level,
    "one level left": _one_level_left,
    "baseline lost": lambda conclusion: (
        f"Every run of {_reference(conclusion)}, the baseline, {_lost(conclusion.study)}."
    ),
    "nothing learned": lambda _: "No run learned, so there is nothing to compare.",
    "everything lost": lambda conclusion: (
        f"Every run {_lost(conclusion.study)}: there is nothing to compare."
    ),
}


def _reference(conclusion: LevelConclusion) -> str:
    assert conclusion.reference is not None
    return _named(conclusion.study, conclusion.reference)


def _advice_text(study: StudyResult, advice: Advice) -> str:
    if advice.spread_is_unknown:
        return (
            "The differences are equal for all seeds, so their spread is unknown: use more "
            "seeds."
        )
    if advice.level is None:
        return "More seeds are unlikely to show a difference."
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
    """Return the text with a capital first letter, unless a field is named: `width=32`."""
    return text if study.param in config_fields() else f"{text[0].upper()}{text[1:]}"


def _named(study: StudyResult, *levels: LevelResult) -> str:
    return study.called(*map(study.text, levels))


def _lost(study: StudyResult) -> str:
    return (
        "diverged or failed" if any(level.failed for level in study.levels) else "diverged"
    )
