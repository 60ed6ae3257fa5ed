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
    """A value that both ablations have, with its two results."""

    value: Any
    first: Estimate | None
    """The mean validation accuracy of the first ablation, from 0 to 1, over the finished
    runs of the common seeds. None: there is no such run."""
    second: Estimate | None
    """The mean validation accuracy of the second ablation, from 0 to 1."""
    difference: Difference | None
    """The second minus the first, paired by seed, with Holm's correction for all values.
    None: no seed finished in both."""

    @property
    def is_tested(self) -> bool:
        """True if at least two seeds finished in both ablations."""
        return self.difference is not None and self.difference.p_value is not None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class AblationComparison:
    """Two ablations side by side: their different settings, and their results by value."""

    first: Ablation
    second: Ablation
    epochs: int
    """The number of epochs after which they are compared, the highest that both have."""
    seeds: tuple[int, ...]
    """The seeds that both have."""
    differing: dict[str, tuple[str, str]]
    """The texts of the fields and settings that differ, in the first and the second, by
    name."""
    levels: tuple[PairedLevel, ...]
    """The values that both have, in the order of the first."""

    def __repr__(self) -> str:
        """Return the names of the two ablations and the conclusion."""
        names = f'"{self.first.name}" and "{self.second.name}"'
        extent = f"{count_of(self.epochs, 'epoch')}, {count_of(len(self.seeds), 'seed')}"
        lines = (f"AblationComparison of {names}: {extent}", self.conclusion.text)
        return "\n".join(map(visible, lines))

    @property
    def conclusion(self) -> PairedConclusion:
        """The levels with which the second ablation is better or worse than the first."""
        return PairedConclusion(comparison=self)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values that JSON can hold."""
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
        """The levels at which the second ablation is better, worse or undecided."""
        levels = self.comparison.levels
        parts = partition(
            {level: level.difference for level in levels if level.difference is not None}
        )
        decided = (*parts.better, *parts.worse)
        undecided = tuple(level for level in levels if level not in decided)
        return replace(parts, undecided=undecided)

    @property
    def text(self) -> str:
        """The levels at which the second ablation is better or worse, in a sentence."""
        comparison, levels = self.comparison, self.levels
        seeds = f"{len(comparison.seeds)} seeds"
        if not any(level.is_tested for level in comparison.levels):
            return (
                "No value has two seeds that finished in both studies: there is nothing to "
                "conclude."
            )
        if not levels.better and not levels.worse:
            return (
                f"{seeds} do not separate the two studies at any value: no difference is "
                "shown."
            )
        outcome = " and ".join(
            f"{word} with {self._named(decided)}"
            for word, decided in (("better", levels.better), ("worse", levels.worse))
            if decided
        )
        text = f'"{comparison.second.name}" is {outcome} than "{comparison.first.name}"'
        if not levels.undecided:
            return f"{text}."
        rest = self._named(levels.undecided)
        return f"{text}; {seeds} do not separate the two studies with {rest}."

    def _named(self, levels: Sequence[PairedLevel]) -> str:
        first = self.comparison.first
        return first.called(*(value_text(first.param, level.value) for level in levels))

    def to_dict(self) -> dict[str, Any]:
        return {
            name: [to_jsonable(level.value) for level in getattr(self.levels, name)]
            for name in ("better", "worse", "undecided")
        }


def compare(first: Ablation, second: Ablation) -> AblationComparison:
    """Compare two ablations of one parameter, such as on two datasets or with two losses.

    Args:
        first: An ablation.
        second: An ablation of the same parameter, with some of the same values and seeds.

    Returns:
        The comparison of the common values by the common seeds, after the epochs that both
        ablations have.

    Raises:
        ConfigError: if the ablations do not vary the same parameter, or have no value or
            no seed in common.

    Example:
    >>> from kmlp import ablate, compare
    >>> options = {"train_size": 1000, "seeds": 2, "epochs": 1, "jobs": 1}
    >>> plain = ablate("depth", [0, 1], **options)
    >>> decayed = ablate("depth", [0, 1], weight_decay=0.01, **options)
    >>> compare(plain, decayed).differing
    {'weight_decay': ('0.0', '0.01')}
    """
    raise_problems(
        f'"{study.name}" is of the kind {study.kind}, but must be an ablation.'
        for study in (first, second)
        if not isinstance(study, Ablation)
    )
    if first.param != second.param:
        raise ConfigError(
            [
                f'"{first.name}" varies `{first.param}`, but "{second.name}" varies '
                f"`{second.param}`. Compare studies of one parameter."
            ]
        )
    problems = []
    others = {level.value: level for level in second.levels}
    both = [(level, others[level.value]) for level in first.levels if level.value in others]
    if not both:
        problems.append(
            f'The studies have no value in common: "{first.name}" has '
            f'{", ".join(map(first.text, first.levels))}, and "{second.name}" has '
            f"{', '.join(map(second.text, second.levels))}."
        )
    seeds = tuple(seed for seed in first.seeds if seed in second.seeds)
    if not seeds:
        problems.append(
            f'The studies have no seed in common: "{first.name}" has '
            f'{_listed(first.seeds)}, and "{second.name}" has {_listed(second.seeds)}.'
        )
    if problems:
        raise ConfigError(problems)
    epochs = min(first.epochs, second.epochs)
    accuracies = [
        tuple(_of_seeds(seeds, accuracy_by_seed(level.runs, epochs)) for level in pair)
        for pair in both
    ]
    paired = [paired_differences(b, a, seeds) for a, b in accuracies]
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
            for (one, _), (a, b), sample in zip(both, accuracies, paired, strict=True)
        ),
    )


def _of_seeds(seeds: Sequence[int], numbers: dict[int, float]) -> dict[int, float]:
    return {seed: number for seed, number in numbers.items() if seed in seeds}


def _differing(first: Ablation, second: Ablation) -> dict[str, tuple[str, str]]:
    """Return the fields and settings that differ, as texts of both, by name."""
    left, right = first.base.to_dict(), second.base.to_dict()
    texts = {
        name: (value_text(name, left[name]), value_text(name, right[name]))
        for name in left
        if name not in (first.param, "seed") and left[name] != right[name]
    }
    for name in ("backend", "epochs", "fused"):
        one, other = getattr(first, name), getattr(second, name)
        if one != other:
            texts[name] = (str(one), str(other))
    for name in {**first.settings, **second.settings}:
        one, other = (study.settings.get(name, "default") for study in (first, second))
        if one != other:
            texts[name] = (one, other)
    return texts


def _listed(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds))
