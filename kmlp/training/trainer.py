"""The interface of trainers, which run an epoch as one program or step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kmlp.data import Dataset
from kmlp.model.config import RunConfig
from kmlp.model.label_smoothing import loss_for
from kmlp.model.regression import in_target_unit, target_statistics

EVALUATION_BATCH_SIZE = 250


@dataclass(frozen=True, slots=True)
class EpochLogs:
    """The loss and the metrics of an epoch on each part.

    Those of a regression are of standardized targets.
    """

    train: dict[str, float]
    """Means over the training examples, each before its mini-batch's update."""
    validation: dict[str, float]
    """Means over the validation examples, after the epoch."""
    test: dict[str, float]
    """Means over the test examples, after the epoch."""
    step_losses: NDArray[np.float32]
    """The loss of every step, of shape `(steps,)`."""

    def in_target_unit(self, split: Dataset) -> EpochLogs:
        """Return the logs of a regression with RMSE and MAE in the unit of the target.

        The loss stays that of standardized targets. R² is added.

        Args:
            split: The examples of the run: the result of `split_for`.
        """
        _, sd = target_statistics(split.train.y)
        return replace(
            self,
            train=in_target_unit(self.train, split.train.y, sd),
            validation=in_target_unit(self.validation, split.validation.y, sd),
            test=in_target_unit(self.test, split.test.y, sd),
        )


class Trainer(Protocol):
    """The trainer of one run, whose model is in memory."""

    model: Any
    """The Keras model, with the run's weights."""

    def train_epoch(self, epoch: int) -> EpochLogs:
        """Train an epoch, counted from 0, and evaluate the model after it."""
        ...

    def optimizer_state(self) -> list[Any]:
        """Return the variables of the optimizer that `build_mlp` created for the run."""
        ...

    def close(self) -> None:
        """Free the memory of the run."""
        ...


def targets_of(config: RunConfig, labels: Any, num_classes: int) -> Any:
    """Encode labels in the form that the loss of a configuration needs.

    Args:
        config: The configuration.
        labels: The classes as integers, of shape `(examples,)` or `(examples, 1)`.
        num_classes: The number of classes.

    Returns:
        The unchanged labels, or one-hot vectors of shape `(examples, num_classes)`.
    """
    if loss_for(config.loss, config.label_smoothing).targets == "index":
        return labels
    return np.eye(num_classes, dtype="float32")[np.asarray(labels).reshape(-1)]


def targets_by_part(config: RunConfig, split: Dataset) -> dict[str, Any]:
    """Return the targets of a run in the form that its loss needs.

    Those of a regression are standardized by the training targets of the run.

    Args:
        config: The configuration.
        split: The examples of the run: the result of `split_for`.

    Returns:
        The targets of the parts "train", "validation" and "test".
    """
    labels = {name: getattr(split, name).y for name in ("train", "validation", "test")}
    if split.task == "classification":
        return {
            name: targets_of(config, y, split.num_classes) for name, y in labels.items()
        }
    mean, sd = target_statistics(split.train.y)
    return {
        name: ((y.astype("float64") - mean) / sd).astype("float32")[:, None]
        for name, y in labels.items()
    }
