"""The conclusion of a comparison of levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kmlp._util.text import enumerated
from kmlp.model.fields import to_jsonable
from kmlp.model.metrics import ACCURACY
from kmlp.model.text import value_text
from kmlp.studies._advice import LEAST_SEEDS, Advice, advise
from kmlp.studies._caveats import Caveat, caveat_text, caveats_of
from kmlp.studies._checks import fixed_rates
from kmlp.studies.conclusion import VERDICTS, Conclusion, Partition, partition
from kmlp.studies.level_result import LevelResult
from kmlp.studies.replicates import replicates_text
from kmlp.studies.results import StudyResult

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
_COMPARED = ("compared", "one seed")
"""The outcomes that say which level is best."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class LevelConclusion(Conclusion):
    """The conclusion of a comparison of levels."""

    study: StudyResult
    outcome: Outcome
    best: LevelResult | None
    """The level with the best mean, even if no difference is significant."""
    reference: LevelResult | None
    """The level that the others are compared with."""
    seeds: int = 0
    """The number of paired seeds, in the comparison that has the fewest."""
    levels: Partition[LevelResult] = field(default_factory=Partition)
    """The other levels, by verdict."""
    advice: Advice | None = None
    caveats: tuple[Caveat, ...] = ()
    fixed_rates: tuple[float, ...] = ()
    """The learning rates, which were not tuned for each level: the best rate of each may be
    another one. Several if each level has its default. Empty if that cannot matter."""

    @property
    def finding(self) -> str:
        """The outcome of the comparison, in a sentence."""
        finding = _FINDINGS[self.outcome](self)
        condition = self._condition()
        if not condition:
            return self.study.sentence(finding)
        return f"{condition}, {finding[0].lower()}{finding[1:]}"

    def _condition(self) -> str:
        """Return what the finding is conditional on, as its beginning; perhaps empty."""
        parts = []
        if self.fixed_rates:
            parts.append(f"at {_rates_text(self.fixed_rates)} (not retuned)")
        if self.study.retuned and self.outcome in _COMPARED:
            parts.append(f"with {enumerated(self.study.retuned)} retuned for each value")
        text = " and ".join(parts)
        return f"{text[:1].upper()}{text[1:]}"

    @property
    def text(self) -> str:
        """The finding, the advice and the caveats."""
        advice = [] if self.advice is None else [self.advice.text]
        caveats = [caveat_text(self.study, caveat) for caveat in self.caveats]
        return " ".join([self.finding, *advice, *caveats])

    def to_dict(self) -> dict[str, Any]:
        advice, margin = self.advice, self.study.margin
        known = advice is not None and advice.fewest is not None
        return {
            "outcome": self.outcome,
            "best": _value(self.best),
            "reference": _value(self.reference),
            "seeds": self.seeds,
            "margin": margin,
            **{
                verdict: list(map(_value, getattr(self.levels, verdict)))
                for verdict in VERDICTS
            },
            "fixed_learning_rates": list(self.fixed_rates),
            "seeds_needed": [advice.fewest, advice.most] if known and advice else None,
            "excluded": None if advice is None else advice.excluded,
            "caveats": [
                {"problem": caveat.problem, "value": _value(level), "runs": runs}
                for caveat in self.caveats
                for level, runs in caveat.levels or ((None, None),)
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
            caveats=tuple(caveats_of(study, compared=outcome == "compared")),
            fixed_rates=fixed_rates(study) if outcome in _COMPARED else (),
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
    sizes = [difference.size for difference in differences.values()]
    if max(sizes, default=0) < 2:
        return concluded("one seed", seeds=max(sizes, default=0))
    seeds = min(size for size in sizes if size > 1)
    levels = partition(differences)
    unpaired = [level for level in others if level not in differences]
    levels = replace(levels, undecided=(*levels.undecided, *unpaired))
    return concluded(
        "compared",
        seeds=seeds,
        levels=levels,
        advice=advise(study, {level: by_level[level] for level in levels.undecided}),
    )


def _rates_text(rates: Sequence[float]) -> str:
    if len(rates) > 1:
        return "the default learning_rate of each"
    return f"learning_rate={value_text('learning_rate', rates[0])}"


def _value(level: LevelResult | None) -> Any:
    return None if level is None else to_jsonable(level.value)


def _compared(conclusion: LevelConclusion) -> str:
    study, levels = conclusion.study, conclusion.levels
    name, moment = _reference(conclusion), study.moment_text
    seeds = _seeds_text(study, (*levels.better, *levels.worse))
    significant = f"the differences are significant with {seeds}"
    if study.baseline is not None:
        parts = [
            f"{study.name_of(*decided)} {_are(decided)} {word} than"
            for decided, word in ((levels.better, "better"), (levels.worse, "worse"))
            if decided
        ]
        parts = [part.removesuffix(" than") for part in parts[:-1]] + parts[-1:]
        lead = " and ".join(parts) or "No value is shown to differ from"
        sentence = f"{lead} {name} {moment}"
        rest = _rest(conclusion, name)
        return f"{sentence}; {rest}." if rest else f"{sentence}: {significant}."
    if levels.worse and not (levels.undecided or levels.same):
        worse = study.name_of(*levels.worse, other=True)
        return f"{name} is better than {worse} {moment}: {significant}."
    if levels.worse:
        worse, rest = study.name_of(*levels.worse, other=True), _rest(conclusion, "it")
        single = ", so no single best value is shown" if levels.undecided else ""
        return f"{name} is better than {worse} {moment}; {rest}{single}."
    tied, word = study.tied, study.metric.best_word
    lead = (
        f"{study.name_of(conclusion.reference, *tied)} tie for the {word} mean"
        if tied and conclusion.reference is not None
        else f"{name} has the {word} mean"
    )
    if study.part == "test" or study.metric != ACCURACY:
        lead = f"{lead} {study.metric.named(study.part)}"
    rest = _rest(conclusion, "them" if tied else "it", tied)
    if not levels.undecided:
        return f"{lead} {moment}, and {rest}."
    if not rest:
        return f"{lead} {moment}: no value is shown to be better."
    return f"{lead} {moment}, but {rest}: no value is shown to be better."


def _rest(
    conclusion: LevelConclusion, reference: str, without: tuple[LevelResult, ...] = ()
) -> str:
    """Return the levels that are the same as the reference, and the undecided ones."""
    study, levels = conclusion.study, conclusion.levels
    clauses = []
    undecided = [level for level in levels.undecided if level not in without]
    if levels.same and study.margin is not None:
        names = study.name_of(*levels.same, other=True)
        points = study.metric.difference_text(study.margin)
        clauses.append(f"{names} {_are(levels.same)} the same within {points}")
    if undecided:
        names = study.name_of(*undecided, other=True)
        seeds = _seeds_text(study, undecided)
        do_not = "does not" if seeds == "1 seed" else "do not"
        clauses.append(f"{seeds} {do_not} separate {reference} from {names}")
    return " and ".join(clauses)


def _seeds_text(study: StudyResult, levels: Sequence[LevelResult]) -> str:
    """Return the number of seeds that some levels have in common with the reference."""
    differences = dict(zip(study.levels, study.differences(), strict=True))
    changes = [differences[level] for level in levels]
    sizes = [0 if change is None else change.size for change in changes]
    fewest, most = min(sizes, default=0), max(sizes, default=0)
    several = replicates_text(most, study.folds)
    return several if fewest == most else f"{fewest} to {several}"


def _are(levels: tuple[LevelResult, ...]) -> str:
    return "is" if len(levels) == 1 else "are"


def _one_seed(conclusion: LevelConclusion) -> str:
    assert conclusion.best is not None
    study, tied = conclusion.study, conclusion.study.tied
    measure = study.metric.named(study.part)
    several = any(len(level.finished) > 1 for level in study.levels)
    lead = (
        f"{study.name_of(conclusion.best, *tied)} {'share' if tied else 'has'} the "
        f"{study.metric.best_word} {'mean ' if several else ''}{measure} "
        f"{study.moment_text}"
    )
    if several:
        return (
            f"{lead}, but no two seeds finished with the same two values: use more seeds."
        )
    doubt = f"{lead}, but one seed cannot show whether this is chance"
    chooses = study.most_seeds is not None
    return f"{doubt}." if chooses else f"{doubt}: use at least {LEAST_SEEDS} seeds."


def _one_level(conclusion: LevelConclusion) -> str:
    return f"Only {_reference(conclusion)} was trained: there is nothing to compare."


def _one_level_left(conclusion: LevelConclusion) -> str:
    reference = conclusion.reference
    assert reference is not None
    name, lost = _reference(conclusion), _lost(conclusion.study)
    others = [level for level in conclusion.study.levels if level is not reference]
    if not (reference.diverged or reference.failed):
        return f"Only {name} has no {lost} runs, so there is nothing to compare."
    if not any(level.finished for level in others):
        return f"Only {name} has a finished run, so there is nothing to compare."
    return (
        f"Of every other value, more runs {lost} than of {name}, and more than chance "
        "explains: there is nothing to compare."
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
    return conclusion.study.name_of(conclusion.reference)


def _lost(study: StudyResult) -> str:
    return (
        "diverged or failed" if any(level.failed for level in study.levels) else "diverged"
    )
