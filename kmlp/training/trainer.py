"""The contract of trainers: an epoch as one compiled program, or step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kmlp.data import Split
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


def targets_of(config: RunConfig, split: Split, num_classes: int) -> NDArray[Any]:
    """A split's labels, encoded as the run's loss wants them."""
    if get_loss(config.loss).targets == "index":
        return split.y
    return np.eye(num_classes, dtype="float32")[split.y]
