"""The model that trainers train: the layers of the plain model, as a run trains them."""

from __future__ import annotations

from typing import Any

import keras

from kmlp.data import Dataset
from kmlp.model.build import build_for
from kmlp.model.config import RunConfig


class TrainingModel(keras.Model):
    """A compiled model that trains the layers and the optimizer of a plain model.

    The weights are those of the plain model, in the same order: `get_weights()` of both
    are interchangeable. The plain model is the one that is saved.

    Args:
        plain: A compiled model of `build_mlp`.
    """

    def __init__(self, plain: keras.Sequential) -> None:
        super().__init__(name="training")
        self._steps = list(plain.layers)
        self.build(plain.input_shape)
        self.compile(optimizer=plain.optimizer, loss=plain.loss, metrics=["accuracy"])

    def build(self, input_shape: Any) -> None:
        """Do nothing: the plain model has built its layers."""
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Return the outputs for raw images."""
        for layer in self._steps:
            x = layer(x)  # Keras passes `training` on
        return x

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss that a step minimizes, or that evaluation reports."""
        return super().compute_loss(x, y, y_pred, sample_weight, training)


def training_model(config: RunConfig, dataset: Dataset) -> TrainingModel:
    """Return the model that trains a run, with the run's initial weights."""
    return TrainingModel(build_for(config, dataset))
