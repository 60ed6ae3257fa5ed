"""Pairing of runs by seed.

Two runs with the same seed draw their initial weights from the same random numbers and see
the images in the same order. In their difference, most of the seed's influence cancels out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kmlp.training.run import Run


def accuracy_by_seed(runs: Iterable[Run], epochs: int | None = None) -> dict[int, float]:
    """Return the validation accuracy of each finished run, by its seed.

    Args:
        runs: The runs, at most one for each seed.
        epochs: The number of epochs after which the accuracy counts. Defaults to None:
            all epochs of the run.
    """
    if epochs is not None:
        runs = [run.truncated(epochs) for run in runs]
    return {run.config.seed: run.val_accuracy for run in runs if run.status == "finished"}


def paired_differences(
    one: Mapping[int, float], other: Mapping[int, float], seeds: Sequence[int]
) -> list[float]:
    """Return the differences `one - other`, one for each seed that both have.

    Args:
        one: Numbers by seed.
        other: The numbers to subtract, by seed.
        seeds: The seeds to pair, in the order of the result.

    Example:
    >>> paired_differences({0: 0.5, 1: 0.75, 2: 0.5}, {0: 0.25, 1: 1.0}, seeds=(0, 1, 2))
    [0.25, -0.25]
    """
    return [one[seed] - other[seed] for seed in seeds if seed in one and seed in other]
