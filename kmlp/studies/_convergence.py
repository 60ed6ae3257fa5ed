"""How a run learned: by its figures after each epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kmlp.training.run import Run

NEAR = 0.99
"""Of the best accuracy: an epoch that reaches it is as good as the best one."""


def best_epoch(val_accuracies: Sequence[float]) -> int:
    """The first epoch, from 1, with the highest validation accuracy.

    >>> best_epoch([0.90, 0.95, 0.94, 0.95])
    2
    """
    return 1 + max(range(len(val_accuracies)), key=val_accuracies.__getitem__)


def first_epoch_near_best(val_accuracies: Sequence[float]) -> int:
    """The first epoch, from 1, within 1 % of the best one.

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
    """Area under the curve of validation accuracy by epoch, for each epoch of its width.

    It is the mean height of the curve: of two runs that end alike, the one that learned
    faster has the larger one. It depends on the number of epochs.

    Formula: trapezoids: `sum(accuracy(e) + accuracy(e + 1)) / 2 / (epochs - 1)`; of one
    epoch its accuracy.

    Example:
    >>> round(area_under_curve([0.8, 0.9, 0.96]), 3)
    0.89
    """
    if len(val_accuracies) == 1:
        return val_accuracies[0]
    inner = math.fsum(val_accuracies) - (val_accuracies[0] + val_accuracies[-1]) / 2
    return inner / (len(val_accuracies) - 1)


def gap(run: Run) -> float:
    """Training accuracy less validation accuracy, in the last epoch: what overfits is
    better on what it has seen.

    The training accuracy is that *while* the epoch was trained, so that in early epochs,
    and with a linear model, the gap is below zero.
    """
    last = run.history[-1]
    return last.accuracy - last.val_accuracy


def epochs_to(run: Run, target: float) -> int | None:
    """The first epoch, from 1, whose validation accuracy is at least a target's.

    Args:
        run: Any.
        target: An accuracy, from 0 to 1.

    Returns:
        None if none is.
    """
    reached = (it.epoch for it in run.history if it.val_accuracy >= target)
    return next(reached, None)


def seconds_to(run: Run, target: float) -> float | None:
    """Wall-clock seconds of the epochs up to `epochs_to`, with compiling and evaluation.

    None if the target was not reached.
    """
    epochs = epochs_to(run, target)
    if epochs is None:
        return None
    return sum(record.seconds for record in run.history[:epochs])
