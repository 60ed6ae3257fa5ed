"""Two ablations of one parameter side by side, paired by value and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kmlp._util.text import count_of, visible
from kmlp.errors import ConfigError, raise_problems
from kmlp.model.config import value_text
from kmlp.model.fields import to_jsonable
from kmlp.statistics import Difference, Estimate, estimate
from kmlp.statistics import compare as compare_samples
from kmlp.studies._pairing import accuracy_by_seed, paired_differences
from kmlp.studies.ablation import Ablation
from kmlp.studies.as_json import conclusion_to_dict, difference_to_dict, estimate_to_dict
from kmlp.studies.conclusion import Conclusion, Partition, partition
from kmlp.studies.results import METRIC


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PairedLevel:
    """A value that both have."""

    value: Any
    first: Estimate | None
    """Validation accuracy, a mean over the finished runs of the seeds that both have; None
    without such a run."""
    second: Estimate | None
    difference: Difference | None
    """The second less the first, paired by seed, with Holm's correction for all values;
    None where no seed finished in both."""

    @property
    def is_tested(self) -> bool:
        """Whether two seeds or more finished in both."""
        return self.difference is not None and self.difference.p_value is not None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class AblationComparison:
    """What differs between two ablations, and what it does for each value."""

    first: Ablation
    second: Ablation
    epochs: int
    """After which they are compared: as many as both have."""
    seeds: tuple[int, ...]
    """Those that both have."""
    differing: dict[str, tuple[str, str]]
    """What was not the same in both, by name, as text."""
    levels: tuple[PairedLevel, ...]

    def __repr__(self) -> str:
        """The two studies, and the conclusion."""
        names = f'"{self.first.name}" and "{self.second.name}"'
        extent = f"{count_of(self.epochs, 'epoch')}, {count_of(len(self.seeds), 'seed')}"
        lines = (f"AblationComparison of {names}: {extent}", self.conclusion.text)
        return "\n".join(map(visible, lines))

    @property
    def conclusion(self) -> PairedConclusion:
        """The levels with which the second ablation is better or worse than the first."""
        return PairedConclusion(comparison=self)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values, as `--json` prints it."""
        return {
            "first": self.first.name,
            "second": self.second.name,
            "param": self.first.param,
            "metric": METRIC,
            "epochs": self.epochs,
            "seeds": list(self.seeds),
            "differing": {name: list(texts) for name, texts in self.differing.items()},
            "levels": [
                {
                    "value": to_jsonable(level.value),
                    "first": estimate_to_dict(level.first),
                    "second": estimate_to_dict(level.second),
                    "difference": difference_to_dict(level.difference),
                }
                for level in self.levels
            ],
            **conclusion_to_dict(self.conclusion),
        }


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class PairedConclusion(Conclusion):
    """The conclusion of a comparison of two ablations."""

    comparison: AblationComparison

    @property
    def levels(self) -> Partition[PairedLevel]:
        """The levels by whether the second ablation is better or worse with them."""
        every = self.comparison.levels
        shown = partition({level: it for level in every if (it := level.difference)})
        decided = (*shown.better, *shown.worse)
        undecided = tuple(level for level in every if level not in decided)
        return replace(shown, undecided=undecided)

    @property
    def text(self) -> str:
        """The levels with which one is better, in a sentence or two."""
        comparison, levels = self.comparison, self.levels
        seeds = f"{len(comparison.seeds)} seeds"
        if not any(level.is_tested for level in comparison.levels):
            return "No value has two seeds that finished in both: nothing can be concluded."
        if not levels.better and not levels.worse:
            return (
                f"{seeds} do not separate the two, whichever value: no difference is shown."
            )
        outcome = " and ".join(
            f"{word} with {self._named(shown)}"
            for word, shown in (("better", levels.better), ("worse", levels.worse))
            if shown
        )
        text = f'"{comparison.second.name}" is {outcome} than "{comparison.first.name}"'
        if not levels.undecided:
            return f"{text}."
        return f"{text}; {seeds} do not separate them with {self._named(levels.undecided)}."

    def _named(self, levels: Sequence[PairedLevel]) -> str:
        first = self.comparison.first
        return first.called(*(value_text(first.param, it.value) for it in levels))

    def to_dict(self) -> dict[str, Any]:
        return {
            name: [to_jsonable(level.value) for level in getattr(self.levels, name)]
            for name in ("better", "worse", "undecided")
        }


def compare(first: Ablation, second: Ablation) -> AblationComparison:
    """Compare two ablations of one parameter: on another dataset, with another loss, ...

    Args:
        first: An ablation.
        second: One that varies the same parameter, with some of the same values and seeds.

    Returns:
        The levels of both, in the order of the first, after the epochs that both have.

    Raises:
        ConfigError: if they do not vary the same parameter, or have no value or no seed in
            common.

    Example:
    >>> from kmlp import ablate, compare
    >>> options = {"train_size": 1000, "seeds": 2, "epochs": 1, "jobs": 1}
    >>> plain = ablate("depth", [0, 1], **options)
    >>> decayed = ablate("depth", [0, 1], weight_decay=0.01, **options)
    >>> compare(plain, decayed).differing
    {'weight_decay': ('0.0', '0.01')}
    """
    raise_problems(
        f'"{it.name}" is of the kind {it.kind}, but must be an ablation.'
        for it in (first, second)
        if not isinstance(it, Ablation)
    )
    if first.param != second.param:
        raise ConfigError(
            [
                f'"{first.name}" varies `{first.param}`, but "{second.name}" varies '
                f"`{second.param}`. Compare studies of one parameter."
            ]
        )
    problems = []
    others = {it.value: it for it in second.levels}
    both = [(it, others[it.value]) for it in first.levels if it.value in others]
    if not both:
        problems.append(
            f"They have no value in common: {', '.join(map(first.text, first.levels))}; "
            f"{', '.join(map(second.text, second.levels))}."
        )
    seeds = tuple(seed for seed in first.seeds if seed in second.seeds)
    if not seeds:
        problems.append(
            f"They have no seed in common: {_listed(first.seeds)}; {_listed(second.seeds)}."
        )
    if problems:
        raise ConfigError(problems)
    epochs = min(first.epochs, second.epochs)
    columns = [
        tuple(_of_seeds(seeds, accuracy_by_seed(level.runs, epochs)) for level in pair)
        for pair in both
    ]
    paired = [paired_differences(b, a, seeds) for a, b in columns]
    differences = iter(compare_samples([sample for sample in paired if sample]))
    return AblationComparison(
        first=first,
        second=second,
        epochs=epochs,
        seeds=seeds,
        differing=_differing(first, second),
        levels=tuple(
            PairedLevel(
                value=one.value,
                first=estimate([*a.values()]) if a else None,
                second=estimate([*b.values()]) if b else None,
                difference=next(differences) if sample else None,
            )
            for (one, _), (a, b), sample in zip(both, columns, paired, strict=True)
        ),
    )


def _of_seeds(seeds: Sequence[int], numbers: dict[int, float]) -> dict[int, float]:
    return {seed: number for seed, number in numbers.items() if seed in seeds}


def _differing(first: Ablation, second: Ablation) -> dict[str, tuple[str, str]]:
    left, right = first.base.to_dict(), second.base.to_dict()
    found = {
        name: (value_text(name, left[name]), value_text(name, right[name]))
        for name in left
        if name not in (first.param, "seed") and left[name] != right[name]
    }
    for name in ("backend", "epochs", "fused"):
        ours, theirs = getattr(first, name), getattr(second, name)
        if ours != theirs:
            found[name] = (str(ours), str(theirs))
    for name in {**first.settings, **second.settings}:
        ours, theirs = (it.settings.get(name, "default") for it in (first, second))
        if ours != theirs:
            found[name] = (ours, theirs)
    return found


def _listed(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds))
