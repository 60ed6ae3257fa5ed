"""One plain sentence or two: what an ablation's evidence shows, and what not."""

from __future__ import annotations

from collections.abc import Sequence

from kmlp.ablation import Ablation, ValueResult
from kmlp.config import value_text


def conclusion(study: Ablation) -> str:
    """What the evidence of an ablation shows and what it does not.

    A value is called better only where the interval of every difference from it
    excludes zero, with all pairs of values compared at once.
    """
    best = study.best
    if best is None:
        return "Every run diverged: there is nothing to compare."
    return " ".join([_comparison(study, best), *_caveats(study)])


def _comparison(study: Ablation, best: ValueResult) -> str:
    def name(*values: ValueResult) -> str:
        return f"{study.axis}={_listed([value_text(value.value) for value in values])}"

    others = [value for value in study.values if value is not best]
    if not others:
        return f"Only {name(best)} was trained: there is nothing to compare."
    if len(study.seeds) == 1:
        return (
            f"{name(best)} has the highest validation accuracy, but one seed cannot tell "
            "a difference from chance: use at least 3 seeds."
        )
    worse = [value for value in others if study.worse(value)]
    open_ = [value for value in others if value not in worse and value.finished]
    within = f"after {study.epochs} {'epoch' if study.epochs == 1 else 'epochs'}"
    seeds = f"{len(study.seeds)} seeds"
    if not open_ and worse:
        return (
            f"{name(best)} is better than {name(*worse)} {within}: the differences "
            f"exceed what {seeds} vary by."
        )
    if worse:
        return (
            f"{name(best)} is better than {name(*worse)} {within}; {seeds} do not "
            f"separate it from {name(*open_)}, so no single best value is shown."
        )
    if not open_:
        return f"Only {name(best)} has runs that finished."
    return (
        f"{name(best)} has the highest mean {within}, but {seeds} do not separate it "
        f"from {name(*open_)}: no value is shown to be better."
    )


def _caveats(study: Ablation) -> list[str]:
    caveats = []
    for what, counts in (
        ("diverged", [value.diverged for value in study.values]),
        ("did not learn", [value.did_not_learn for value in study.values]),
    ):
        found = [
            f"{value_text(value.value)} ({count} of {len(value.runs)} runs)"
            for value, count in zip(study.values, counts, strict=True)
            if count
        ]
        if found:
            caveats.append(f"{study.axis}={_listed(found)} {what}.")
    return caveats


def _listed(words: Sequence[str]) -> str:
    """Joins words: "a", "a and b", "a, b and c".

    >>> _listed(["32", "128", "512"])
    '32, 128 and 512'
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
