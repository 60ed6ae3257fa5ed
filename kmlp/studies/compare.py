"""Two ablations of one parameter side by side, paired by value and seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kmlp.errors import ConfigError
from kmlp.model.config import value_text
from kmlp.statistics import Difference, Estimate, compare, estimate
from kmlp.studies.ablation import Ablation


@dataclass(frozen=True, kw_only=True, slots=True)
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


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
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


def compare_ablations(first: Ablation, second: Ablation) -> AblationComparison:
    """Compares two ablations of one param: on another dataset, with another loss, ...

    Args:
        first: Any.
        second: One whose param, and some of whose values and seeds, are the same.

    Returns:
        The values of both, in the order of the first, after the epochs that both have.

    Raises:
        ConfigError: if they have not the same param, or no value or no seed in common.
    """
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
        tuple(
            {
                run.config.seed: run.truncated(epochs).val_accuracy
                for run in value.runs
                if run.config.seed in seeds and run.truncated(epochs).status == "finished"
            }
            for value in pair
        )
        for pair in both
    ]
    paired = [[b[it] - a[it] for it in seeds if it in a and it in b] for a, b in columns]
    differences = iter(compare([sample for sample in paired if sample]))
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


def pairing_text(found: AblationComparison) -> str:
    """What the evidence shows, in a sentence or two."""
    tested = {
        value_text(found.first.param, it.value): it.difference
        for it in found.levels
        if it.difference is not None and it.difference.p_value is not None
    }
    if not tested:
        return "No value has two seeds that finished in both: nothing can be concluded."
    better = [text for text, it in tested.items() if it.significant and it.mean > 0]
    worse = [text for text, it in tested.items() if it.significant and it.mean < 0]
    seeds = f"{len(found.seeds)} seeds"
    if not better and not worse:
        return f"{seeds} do not separate the two, whichever value: no difference is shown."
    told = " and ".join(
        f"{what} with {found.first.called(', '.join(texts))}"
        for what, texts in (("better", better), ("worse", worse))
        if texts
    )
    told = f'"{found.second.name}" is {told} than "{found.first.name}"'
    every = [value_text(found.first.param, it.value) for it in found.levels]
    rest = ", ".join(text for text in every if text not in (*better, *worse))
    if not rest:
        return f"{told}."
    return f"{told}; {seeds} do not separate them with {found.first.called(rest)}."


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
