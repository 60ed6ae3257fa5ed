"""One plain sentence or two: what the evidence of a comparison shows, and what not."""

from __future__ import annotations

from collections.abc import Sequence

from kmlp.comparison import Comparison, ValueResult


def conclusion(study: Comparison) -> str:
    """What the evidence of a comparison shows and what it does not.

    A value is called better only where the interval of every difference from it
    excludes zero, with all pairs of values compared at once.
    """
    best = study.best()
    if best is None:
        what = "diverged or failed" if any(v.failed for v in study.values) else "diverged"
        return f"Every run {what}: there is nothing to compare."
    return " ".join([_comparison(study, best), *_caveats(study)])


def _comparison(study: Comparison, best: ValueResult) -> str:
    def name(*values: ValueResult) -> str:
        return study.called(_listed([study.text(value) for value in values]))

    others = [value for value in study.contenders if value is not best]
    if len(study.values) == 1:
        return f"Only {name(best)} was trained: there is nothing to compare."
    if not others:
        few = "the fewest" if best.diverged or best.failed else "no"
        what = "diverged or failed" if any(v.failed for v in study.values) else "diverged"
        return f"Only {name(best)} has {few} {what} runs, so there is nothing to compare."
    if all(value.did_not_learn == len(value.finished) for value in study.contenders):
        return "No run learned, so there is nothing to compare."
    differences = [study.difference(value) for value in others]
    seeds = min(it.size if it is not None else 0 for it in differences)
    epochs = "1 epoch" if study.epochs == 1 else f"{study.epochs} epochs"
    if seeds < 2:
        return (
            f"{name(best)} has the highest validation accuracy after {epochs}, but one "
            "seed cannot tell a difference from chance: use at least 3 seeds."
        )
    worse = [value for value in others if study.worse(value)]
    open_ = [value for value in others if value not in worse]
    if not open_:
        return (
            f"{name(best)} is better than {name(*worse)} after {epochs}: the differences "
            f"exceed what {seeds} seeds vary by."
        )
    more = "More seeds may tell."
    if worse:
        return (
            f"{name(best)} is better than {name(*worse)} after {epochs}; {seeds} seeds do "
            f"not separate it from {name(*open_)}, so no single best value is shown. {more}"
        )
    return (
        f"{name(best)} has the highest mean after {epochs}, but {seeds} seeds do not "
        f"separate it from {name(*open_)}: no value is shown to be better. {more}"
    )


def _caveats(study: Comparison) -> list[str]:
    caveats = []
    for what, counts in (
        ("failed", [value.failed for value in study.values]),
        ("diverged", [value.diverged for value in study.values]),
        ("did not learn", [value.did_not_learn for value in study.values]),
    ):
        found = [
            f"{study.text(value)} ({count} of {len(value.runs)} runs)"
            for value, count in zip(study.values, counts, strict=True)
            if count
        ]
        if found:
            caveats.append(f"{study.called(_listed(found))} {what}.")
    return caveats


def _listed(words: Sequence[str]) -> str:
    """Joins words: "a", "a and b", "a, b and c".

    >>> _listed(["32", "128", "512"])
    '32, 128 and 512'
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
