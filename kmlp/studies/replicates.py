"""The replicates of a configuration: one run for each seed, or for each seed and fold."""

from __future__ import annotations

from collections.abc import Iterable

from kmlp._util.text import count_of


def on_folds(seeds: Iterable[int], folds: int | None) -> list[int]:
    """Return the seeds of all runs. With K folds, each seed s stands for K seeds from K s.

    These have one division into folds, each of which is held out once: see
    `Dataset.on_fold`.

    Args:
        seeds: The seeds that were asked for.
        folds: The number of folds. None: no folds.

    Example:
    >>> on_folds([0, 2], None), on_folds([0, 2], 3)
    ([0, 2], [0, 1, 2, 6, 7, 8])
    """
    if folds is None:
        return list(seeds)
    return [seed * folds + fold for seed in seeds for fold in range(folds)]


def replicates_text(count: int, folds: int | None = None) -> str:
    """Return a number of runs of a configuration as text.

    Args:
        count: The number of runs.
        folds: The number of folds. Defaults to None: no folds.

    Example:
    >>> replicates_text(5), replicates_text(15, folds=5)
    ('5 seeds', '15 folds')
    """
    return count_of(count, "fold" if folds else "seed")


def extent_text(count: int, folds: int | None = None) -> str:
    """Return the seeds and folds of a study as text.

    Takes the arguments of `replicates_text`.

    Example:
    >>> extent_text(5), extent_text(15, folds=5), extent_text(7, folds=5)
    ('5 seeds', '3 x 5 folds', '7 of 5 folds')
    """
    if folds is None:
        return count_of(count, "seed")
    whole, rest = divmod(count, folds)
    return f"{count} of {folds} folds" if rest else f"{whole} x {folds} folds"
