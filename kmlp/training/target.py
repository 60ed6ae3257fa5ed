"""`Target`: the end of a run's training, and the rule of early stopping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """The end of a run's training: a number of epochs, or early stopping before it.

    It is not part of a run's key: a stored run continues to a later end, and is cut at an
    earlier one.
    """

    epochs: int
    """The most epochs."""
    patience: int | None = None
    """The number of epochs without a better validation accuracy after which training stops.
    Defaults to None: no early stopping."""

    def end(self, val_accuracies: Sequence[float]) -> int | None:
        """Return the last epoch of a run; None if the run needs more epochs.

        Args:
            val_accuracies: The validation accuracies of its epochs so far, from the first
                one. They may be more than the target asks for. The accuracy of a divergence
                is nan.

        Example:
        >>> Target(9, patience=2).end([0.7, 0.9, 0.8, 0.9, 0.95])
        4
        >>> Target(3).end([0.7, 0.9]) is None
        True
        """
        asked = val_accuracies[: self.epochs]
        stop = None if self.patience is None else stopping_epoch(asked, self.patience)
        return stop or (self.epochs if len(asked) == self.epochs else None)

    def joined(self, other: Target | None) -> Target:
        """Return a target whose runs have all epochs that either of two targets asks for.

        Args:
            other: The other target. None: there is none.

        Example:
        >>> Target(9, patience=2).joined(Target(20, patience=1))
        Target(epochs=20, patience=2)
        """
        if other is None:
            return self
        patience = None
        if self.patience is not None and other.patience is not None:
            patience = max(self.patience, other.patience)
        return Target(max(self.epochs, other.epochs), patience)


def stopping_epoch(val_accuracies: Sequence[float], patience: int) -> int | None:
    """Return the epoch at whose end early stopping ends a run; None: at none so far.

    Args:
        val_accuracies: The validation accuracies by epoch, from the first one.
        patience: The number of epochs without a better validation accuracy after which
            training stops. An equal accuracy is not better.

    Example:
    >>> stopping_epoch([0.7, 0.9, 0.8, 0.9], patience=2)
    4
    """
    best, since = -math.inf, 0
    for epoch, accuracy in enumerate(val_accuracies, start=1):
        since = 0 if accuracy > best else since + 1
        best = max(best, accuracy)
        if since == patience and math.isfinite(accuracy):
            return epoch
    return None
