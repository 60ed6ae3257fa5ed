"""A run as a value: its configuration, the epochs that it has, its checkpoint."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from kmlp.config import RunConfig

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

NUMERICS_VERSION = 1
"""Goes up when a change of kmlp changes the numbers that a run comes to."""

Status = Literal["finished", "diverged"]
"""Diverged: its loss is not finite any more, and training it further is of no use."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EpochRecord:
    """What one epoch of a run came to; all of it nan if a loss was not finite."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean training loss over the epoch's images, while they were trained on."""
    accuracy: float
    """Share of the epoch's images that were classified right, likewise."""
    val_loss: float
    """Mean loss over the validation images, after the epoch."""
    val_accuracy: float
    """Share of the validation images classified right."""
    test_loss: float
    """Mean loss over the test images, after the epoch."""
    test_accuracy: float
    """Share of the test images classified right."""
    seconds: float
    """Wall-clock time of the epoch, its evaluation included; in the first one
    that a session trains, compiling too."""
    step_losses: NDArray[np.float32]
    """The mean loss of each mini-batch before its update, of shape `(steps,)`;
    where it diverged, up to the first one that is not finite."""

    @property
    def finite(self) -> bool:
        """Whether every loss of the epoch is finite."""
        return math.isfinite(self.loss)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Checkpoint:
    """All that is needed to continue a run; the order of its data follows from
    the seed and the epoch.
    """

    epochs: int
    weights: tuple[NDArray[np.float32], ...]
    """In the order of `model.get_weights()`."""
    optimizer: tuple[NDArray[np.float32], ...]
    """In the order of `model.optimizer.variables`."""

    def restore(self, model: keras.Sequential) -> None:
        """Gives a run's model the weights and the optimizer state."""
        model.set_weights(self.weights)
        model.optimizer.build(model.trainable_variables)
        variables = model.optimizer.variables
        for variable, value in zip(variables, self.optimizer, strict=True):
            variable.assign(value)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Run:
    """The training of one configuration, as far as it has come: one epoch at least."""

    config: RunConfig
    backend: str
    parameters: int
    """Number of weights and biases."""
    history: tuple[EpochRecord, ...]
    """One record an epoch; the last one may be the one in which it diverged."""
    checkpoint: Checkpoint | None
    """After the last epoch; None if it diverged, or in a view of its first epochs."""

    @property
    def status(self) -> Status:
        """Whether it diverged."""
        return "finished" if self.history[-1].finite else "diverged"

    @property
    def epochs(self) -> int:
        """Number of epochs that it has, a diverged one included."""
        return len(self.history)

    @property
    def val_accuracy(self) -> float:
        """Validation accuracy after the last epoch; nan if diverged."""
        return self.history[-1].val_accuracy

    @property
    def test_loss(self) -> float:
        """Mean loss over the test images after the last epoch; nan if diverged."""
        return self.history[-1].test_loss

    @property
    def test_accuracy(self) -> float:
        """Share of the test images classified right, likewise."""
        return self.history[-1].test_accuracy

    @property
    def seconds(self) -> float:
        """Wall-clock time of all epochs."""
        return sum(record.seconds for record in self.history)

    def until(self, epochs: int) -> Run:
        """The run as it was after its first epochs, without the checkpoint."""
        if epochs >= self.epochs:
            return self
        return replace(self, history=self.history[:epochs], checkpoint=None)

    def model(self) -> keras.Sequential:
        """The trained model: a plain, compiled `keras.Sequential`.

        Raises:
            ValueError: if there is no checkpoint.
        """
        if self.checkpoint is None:
            raise ValueError("There is no trained model: the run diverged or was cut.")
        from kmlp.data import load_dataset
        from kmlp.model import build_for

        model = build_for(self.config, load_dataset(self.config.dataset))
        self.checkpoint.restore(model)
        return model


def run_key(config: RunConfig, fingerprint: str, backend: str) -> str:
    """What identifies a run's results: equal keys mean equal numbers.

    Args:
        config: The run's configuration.
        fingerprint: The dataset's.
        backend: The name of the backend.

    Returns:
        A SHA-256, in hexadecimal.
    """
    parts = [NUMERICS_VERSION, backend, fingerprint, config.to_dict()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
