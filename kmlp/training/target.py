"""`Target`: the end of a run's training, and the rule of early stopping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kmlp.model.metrics import ACCURACY, Metric


@dataclass(frozen=True, slots=True)
class Target:
    """The end of a run's training: a number of epochs, or early stopping before it.

    It is not part of a run's key: a stored run continues to a later end, and is cut at an
    earlier one.
    """

    epochs: int
    """The most epochs."""
    patience: int | None = None
    """The number of epochs without a better validation value after which training stops.
    Defaults to None: no early stopping."""
    metric: Metric = ACCURACY
    """The metric whose validation value early stopping watches, and whose best epoch is
    kept. Defaults to accuracy."""

    def end(self, values: Sequence[float]) -> int | None:
        """Return the last epoch of a run; None if the run needs more epochs.

        Args:
            values: The validation values of the metric in its epochs so far, from the
                first one. They may be more than the target asks for. The value of a
                divergence is nan.

        Example:
        >>> Target(9, patience=2).end([0.7, 0.9, 0.8, 0.9, 0.95])
        4
        >>> Target(3).end([0.7, 0.9]) is None
        True
        """
        asked = values[: self.epochs]
        stop = None
        if self.patience is not None:
            stop = stopping_epoch(asked, self.patience, self.metric)
        return stop or (self.epochs if len(asked) == self.epochs else None)

    def joined(self, other: Target | None) -> Target:
        """Return a target whose runs have all epochs that either of two targets asks for.

        Args:
            other: The other target. None: there is none. If it watches another metric, runs
                do not stop early.

        Example:
        >>> joined = Target(9, patience=2).joined(Target(20, patience=1))
        >>> joined.epochs, joined.patience
        (20, 2)
        """
        if other is None:
            return self
        patience = None
        if (
            self.patience is not None
            and other.patience is not None
            and self.metric == other.metric
        ):
            patience = max(self.patience, other.patience)
        return Target(max(self.epochs, other.epochs), patience, self.metric)


def stopping_epoch(
    values: Sequence[float], patience: int, metric: Metric = ACCURACY
) -> int | None:
    """Return the epoch at whose end early stopping ends a run; None: at none so far.

    Args:
        values: The validation values of the metric by epoch, from the first one.
        patience: The number of epochs without a better value after which training stops. An
            equal value is not better.
        metric: The metric. Defaults to accuracy.

    Example:
    >>> stopping_epoch([0.7, 0.9, 0.8, 0.9], patience=2)
    4
    """
    best, since = -math.inf, 0
    for epoch, value in enumerate(values, start=1):
        height = metric.sign * value
        since = 0 if height > best else since + 1
        best = max(best, height)
        if since == patience and math.isfinite(value):
            return epoch
    return None
