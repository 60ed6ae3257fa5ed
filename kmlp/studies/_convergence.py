"""Measures of how fast a run learned, from its validation accuracy after each epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kmlp.training.run import Run

NEAR = 0.99
"""The part of the best accuracy that counts as good as the best."""


def best_epoch(val_accuracies: Sequence[float]) -> int:
    """Return the first epoch, from 1, with the highest validation accuracy.

    >>> best_epoch([0.90, 0.95, 0.94, 0.95])
    2
    """
    return 1 + max(range(len(val_accuracies)), key=val_accuracies.__getitem__)


def first_epoch_near_best(val_accuracies: Sequence[float]) -> int:
    """Return the first epoch, from 1, within 1 % of the best accuracy.

    Formula: the first `e` with `accuracy(e) >= 0.99 * max(accuracy)`

    Example:
    >>> first_epoch_near_best([0.90, 0.94, 0.95, 0.947])
    3
    """
    enough = NEAR * max(val_accuracies)
    return next(
        epoch for epoch, value in enumerate(val_accuracies, start=1) if value >= enough
    )


def area_under_curve(val_accuracies: Sequence[float]) -> float:
    """Return the area under the curve of validation accuracy, divided by its width.

    This is the mean height of the curve. If two runs end with the same accuracy, the run
    that learned faster has the larger area. The area depends on the number of epochs.

    Formula: trapezoids: `sum(accuracy(e) + accuracy(e + 1)) / 2 / (epochs - 1)`. For a
    single epoch, the area is its accuracy.

    Example:
    >>> round(area_under_curve([0.8, 0.9, 0.96]), 3)
    0.89
    """
    if len(val_accuracies) == 1:
        return val_accuracies[0]
    inner = math.fsum(val_accuracies) - (val_accuracies[0] + val_accuracies[-1]) / 2
    return inner / (len(val_accuracies) - 1)


def gap(run: Run) -> float:
    """Return training accuracy minus validation accuracy in the last epoch.

    A large gap means that the model overfits. The training accuracy is measured *during*
    the epoch, so the gap can be negative in early epochs and with a linear model.
    """
    last = run.history[-1]
    return last.accuracy - last.val_accuracy


def epochs_to(run: Run, target: float) -> int | None:
    """Return the first epoch, from 1, whose validation accuracy reaches a target.

    Args:
        run: The run.
        target: An accuracy, from 0 to 1.

    Returns:
        The epoch; None if the run does not reach the target.
    """
    epochs = (record.epoch for record in run.history if record.val_accuracy >= target)
    return next(epochs, None)


def seconds_to(run: Run, target: float) -> float | None:
    """Return the wall-clock seconds of the epochs up to `epochs_to`.

    The time includes compilation and evaluation.

    Args:
        run: The run.
        target: An accuracy, from 0 to 1.

    Returns:
        The seconds; None if the run does not reach the target.
    """
    epochs = epochs_to(run, target)
    if epochs is None:
        return None
    return sum(record.seconds for record in run.history[:epochs])
