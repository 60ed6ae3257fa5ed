"""The contract of trainers: an epoch as one compiled program, or step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kmlp.model.config import RunConfig
from kmlp.model.losses import get_loss

EVALUATION_BATCH_SIZE = 250


@dataclass(frozen=True, slots=True)
class EpochLogs:
    """What an epoch came to: `loss` and `accuracy` on each split."""

    train: dict[str, float]
    """Means over the epoch's images, while they were trained on."""
    validation: dict[str, float]
    test: dict[str, float]
    step_losses: NDArray[np.float32]
    """The loss of every step, of shape `(steps,)`."""


class Trainer(Protocol):
    """Holds a run's model in memory."""

    model: Any
    """The Keras model, with the run's weights."""

    def train_epoch(self, epoch: int) -> EpochLogs:
        """Trains the epoch, counted from 0; evaluates the model after it."""
        ...

    def optimizer_state(self) -> list[Any]:
        """The variables of the optimizer that `build_mlp` gives the run's model."""
        ...

    def close(self) -> None:
        """Frees what the run held."""
        ...


def targets_of(config: RunConfig, labels: Any, num_classes: int) -> Any:
    """Encode labels as the loss of a configuration takes them.

    Args:
        config: Its loss decides.
        labels: The classes as integers, of shape `(images,)` or `(images, 1)`.
        num_classes: The number of classes.

    Returns:
        The labels as they are, or one-hot vectors of shape `(images, num_classes)`.
    """
    if get_loss(config.loss).targets == "index":
        return labels
    return np.eye(num_classes, dtype="float32")[np.asarray(labels).reshape(-1)]
