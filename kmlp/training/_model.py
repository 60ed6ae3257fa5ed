"""The model that trainers train: the layers of the plain model, as a run trains them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from kmlp.data import Dataset
from kmlp.model.build import build_for
from kmlp.model.config import RunConfig
from kmlp.model.keras_metrics import keras_metrics
from kmlp.model.label_smoothing import loss_for, smooth
from kmlp.model.regression import TARGET_LAYER
from kmlp.model.run_data import split_for, statistics_of
from kmlp.model.scaling import pixel_scaling
from kmlp.training._augmentation import augment
from kmlp.training._class_counts import ClassCounts
from kmlp.training._learning_rate import LearningRate
from kmlp.training._random_layers import RandomLayers


class TrainingModel(keras.Model):
    """A compiled model that trains the layers and the optimizer of a plain model.

    The weights are those of the plain model, in the same order: `get_weights()` of both
    are interchangeable. The plain model is the one that is saved. Numbers that differ
    between runs of one structure are variables, so that one program trains all of them.

    Only the loss of training has penalties and label smoothing. That of evaluation is the
    loss of the predictions alone.

    The outputs of a regression are standardized, and so are its targets. The layer of the
    plain model that turns outputs into the unit of the target is left out.

    Args:
        config: The run's configuration.
        dataset: The whole dataset that the configuration names.
    """

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        super().__init__(name="training")
        # Not `replace`, which would look for the dataset: a node may lack its files.
        without = dict.fromkeys(("l1", "l2", "label_smoothing"), 0.0)
        bare = RunConfig.restored({**config.to_dict(), **without})
        plain = build_for(bare, dataset)
        self._loss_name = config.loss
        self._numbers = {
            name: keras.Variable(number, dtype="float32", trainable=False, name=name)
            for name, number in _numbers(config, dataset).items()
        }
        self._plain_layers = list(plain.layers)
        self._steps = [
            self._as_trained(layer) for layer in plain.layers if layer.name != TARGET_LAYER
        ]
        self._random = RandomLayers(config)
        self._augments = config.augmentation != "none"
        self.class_counts = None
        """The further metrics of an evaluation; None for a regression."""
        if dataset.class_names:
            self.class_counts = ClassCounts(dataset.num_classes)
        self.build(plain.input_shape)
        task = dataset.task
        loss = loss_for(config.loss, None if config.label_smoothing else 0.0, task)
        self.compile(
            optimizer=plain.optimizer, loss=loss.function, metrics=keras_metrics(task)
        )
        self.optimizer.build(self.trainable_variables)
        self._state_size = len(self.optimizer.variables)
        self._rate = LearningRate(self.optimizer, config, dataset)

    def start(self, config: RunConfig, dataset: Dataset) -> None:
        """Go on with a run of the same structure, whose state the optimizer has."""
        for name, number in _numbers(config, dataset).items():
            self._numbers[name].assign(number)
        steps = ops.convert_to_numpy(self.optimizer.iterations)
        self._random.start(config, int(steps))
        self._rate.start(config, dataset)

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

    def class_figures(self) -> dict[str, float]:
        """Return the figures of all classes in the last evaluation; {} for a regression."""
        return {} if self.class_counts is None else self.class_counts.figures()

    def build(self, input_shape: Any) -> None:
        """Do nothing: the plain model has built its layers."""
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Return the outputs for raw examples."""
        if training:
            drawn = self._random.begin_step()
            if self._augments:
                x = augment(x, drawn)
        for layer in self._steps:
            if layer not in self._random:
                # A step of JAX calls this method directly: no context passes it on.
                x = layer(x, training=training)
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
        if not training:
            if self.class_counts is not None:
                self.class_counts.update_state(y, y_pred)
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        if "label_smoothing" in self._numbers:
            y = smooth(self._loss_name, y, self._numbers["label_smoothing"])
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        penalties = list(self._penalties())
        return ops.sum([loss, *penalties]) if penalties else loss

    def _penalties(self) -> Iterator[Any]:
        """Yield the penalty of each kernel, by the formula of Keras' regularizers."""
        l1, l2 = self._numbers.get("l1"), self._numbers.get("l2")
        for layer in self._plain_layers:
            if not isinstance(layer, keras.layers.Dense):
                continue
            if l1 is not None:
                yield l1 * ops.sum(ops.absolute(layer.kernel))
            if l2 is not None:
                yield l2 * ops.sum(ops.square(layer.kernel))

    def _as_trained(self, layer: keras.layers.Layer) -> keras.layers.Layer:
        """Return the layer that trains in place of a layer of the plain model."""
        if isinstance(layer, keras.layers.Rescaling) and "scale" in self._numbers:
            return _VariableRescaling(self._numbers["scale"], self._numbers["offset"])
        if isinstance(layer, keras.layers.Normalization):
            return _VariableNormalization(self._numbers["shift"], self._numbers["divisor"])
        return layer


class _VariableRescaling(keras.layers.Layer):
    """`keras.layers.Rescaling` with variables for its two numbers."""

    def __init__(self, scale: keras.Variable, offset: keras.Variable) -> None:
        super().__init__(name="rescaling")
        self._scale = scale
        self._offset = offset

    def call(self, x: Any) -> Any:
        """Return the scaled pixels."""
        return ops.cast(x, self.compute_dtype) * self._scale + self._offset


class _VariableNormalization(keras.layers.Layer):
    """`keras.layers.Normalization` with variables for its numbers."""

    def __init__(self, shift: keras.Variable, divisor: keras.Variable) -> None:
        super().__init__(name="normalization")
        self._shift = shift
        self._divisor = divisor

    def call(self, x: Any) -> Any:
        """Return the scaled features."""
        return (ops.cast(x, self.compute_dtype) - self._shift) / self._divisor


def _numbers(config: RunConfig, dataset: Dataset) -> dict[str, Any]:
    """Return the numbers of a run that its program takes as variables, by name."""
    names = ("l1", "l2", "label_smoothing")
    numbers = {name: getattr(config, name) for name in names if getattr(config, name)}
    if config.scaling == "standard" or dataset.schema is not None:
        statistics = statistics_of(config, split_for(config, dataset))
        if "pixels" in statistics:
            scaling = pixel_scaling(config.scaling, statistics["pixels"])
            numbers |= scaling._asdict()
        elif "columns" in statistics:
            shift, divisor = np.array(statistics["columns"], "float32")
            numbers |= {"shift": shift, "divisor": divisor}
    return numbers


def training_model(config: RunConfig, dataset: Dataset) -> TrainingModel:
    """Return the model that trains a run, with the run's initial weights."""
    return TrainingModel(config, dataset)
