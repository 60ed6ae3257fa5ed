"""The model that trainers train: the layers of the plain model, as a run trains them."""

from __future__ import annotations

from typing import Any

import keras

from kmlp.data import Dataset
from kmlp.model.build import build_for
from kmlp.model.config import RunConfig
from kmlp.training._learning_rate import LearningRate
from kmlp.training._random_layers import RandomLayers


class TrainingModel(keras.Model):
    """A compiled model that trains the layers and the optimizer of a plain model.

    The weights are those of the plain model, in the same order: `get_weights()` of both
    are interchangeable. The plain model is the one that is saved.

    Args:
        config: The run's configuration.
        dataset: The whole dataset that the configuration names.
    """

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        super().__init__(name="training")
        plain = build_for(config, dataset)
        self._plain_layers = list(plain.layers)
        self._random = RandomLayers(config)
        self.build(plain.input_shape)
        self.compile(optimizer=plain.optimizer, loss=plain.loss, metrics=["accuracy"])
        self.optimizer.build(self.trainable_variables)
        self._state_size = len(self.optimizer.variables)
        self._rate = LearningRate(self.optimizer, config, len(dataset.train))

    def start(self, config: RunConfig) -> None:
        """Go on with a run of the same structure, whose state the optimizer has."""
        steps = keras.ops.convert_to_numpy(self.optimizer.iterations)
        self._random.start(config, int(steps))
        self._rate.start(config)

    @property
    def optimizer_state(self) -> list[Any]:
        """The variables of the plain model's optimizer, in their order.

        Training adds others, with numbers of the configuration.
        """
        return list(self.optimizer.variables[: self._state_size])

    @property
    def weights(self) -> list[Any]:
        """The weights of the plain model, without the variables of the training."""
        return [weight for layer in self._plain_layers for weight in layer.weights]

    def build(self, input_shape: Any) -> None:
        """Do nothing: the plain model has built its layers."""
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Return the outputs for raw images."""
        drawn = self._random.begin_step() if training else None
        for layer in self._plain_layers:
            if layer not in self._random:
                x = layer(x)  # Keras passes `training` on
            elif training:
                x = self._random.transform(layer.name, x, drawn)
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
    return TrainingModel(config, dataset)
