"""Compiled models, which runs of one structure use one after the other."""

from __future__ import annotations

import gc
from typing import Any

import keras
import numpy as np

from kmlp.data import Dataset, Split
from kmlp.fused.chunks import CHUNK_BYTES
from kmlp.fused.fit import evaluate, fit
from kmlp.fused.loop import steps
from kmlp.model.build import build_for, initial_weights
from kmlp.model.config import RunConfig, config_fields
from kmlp.model.losses import get_loss
from kmlp.training.checkpoint import Checkpoint
from kmlp.training.trainer import EVALUATION_BATCH_SIZE, EpochLogs, targets_of

MAX_IDLE = 8
_SPLITS = ("train", "validation", "test")


class NonzeroVariable(keras.Variable):
    """A variable that stands for a Python number other than 0.

    Keras' SGD asks whether its momentum is 0, which a program that is being
    compiled cannot answer of a variable.
    """

    __hash__ = keras.Variable.__hash__

    def __ne__(self, other: object) -> bool:
        return True


class CompiledModel:
    """A model, and the programs that train any run of its structure.

    What differs between such runs is in variables: the weights, the learning
    rate, the momentum and the weight decay.
    """

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        self.model = build_for(config, dataset)
        optimizer = self.model.optimizer
        optimizer.build(self.model.trainable_variables)
        self.state = list(optimizer.variables)
        for name in ("momentum", "weight_decay"):
            if number := getattr(optimizer, name):
                variable = NonzeroVariable(
                    number, dtype="float32", trainable=False, name=name
                )
                setattr(optimizer, name, variable)

    def load(
        self, config: RunConfig, dataset: Dataset, checkpoint: Checkpoint | None
    ) -> None:
        """Set the model to a run's checkpoint, or to its beginning."""
        optimizer = self.model.optimizer
        if checkpoint is None:
            self.model.set_weights(initial_weights(config, dataset))
            for variable in self.state:
                variable.assign(np.zeros(variable.shape, variable.dtype))
        else:
            self.model.set_weights(checkpoint.weights)
            for variable, value in zip(self.state, checkpoint.optimizer, strict=True):
                variable.assign(value)
        optimizer.learning_rate = config.learning_rate
        for name in ("momentum", "weight_decay"):
            if number := getattr(config, name):
                getattr(optimizer, name).assign(number)


class CompiledModelCache:
    """The compiled models that were used last.

    Args:
        limit: The number of models that are kept. Defaults to 8.
    """

    def __init__(self, limit: int = MAX_IDLE) -> None:
        self._limit = limit
        self.compiled_count = 0
        """The number of models that were compiled."""
        self._idle: dict[tuple[tuple[str, Any], ...], CompiledModel] = {}
        self._on_device: dict[Any, dict[str, Any]] = {}

    def take(self, config: RunConfig, dataset: Dataset) -> CompiledModel:
        """A model for a run, whose it is until it is given back."""
        kept = self._idle.pop(_structure(config), None)
        if kept is not None:
            return kept
        self.compiled_count += 1
        return CompiledModel(config, dataset)

    def give_back(self, config: RunConfig, compiled: CompiledModel) -> None:
        """Take a model back; drop the one that was not used for longest."""
        self._idle[_structure(config)] = compiled
        if len(self._idle) > self._limit:
            del self._idle[next(iter(self._idle))]
            del compiled
            gc.collect()  # programs and models refer to each other
            steps().clear_caches()

    def data(self, config: RunConfig, dataset: Dataset) -> dict[str, tuple[Any, Any]]:
        """The splits of a run's dataset as `(x, y)`, on the device where they fit."""
        key = (
            dataset.fingerprint,
            config.validation_fraction,
            config.train_size,
            get_loss(config.loss).targets,
        )
        if key not in self._on_device:
            used = dataset.with_train_size(config.train_size)
            names = ("train", "test") if used.validates_on_test else _SPLITS
            found = {
                name: _on_device(config, getattr(used, name), dataset.num_classes)
                for name in names
            }
            self._on_device = {key: {"validation": found["test"], **found}}
        return self._on_device[key]


_NUMBERS = ("seed", "learning_rate", "initializer", "batch_size", "train_size")
"""Fields in which runs of one compiled model can differ."""

_SWITCHES = ("momentum", "weight_decay")
"""Fields of which it counts only whether they are 0."""


def _structure(config: RunConfig) -> tuple[tuple[str, Any], ...]:
    """The fields that runs of one compiled model have in common.

    Momentum and weight decay that are off leave something out of the program.
    Batch size and training size make other programs, for the same model.
    """
    return tuple(
        (name, bool(getattr(config, name)) if name in _SWITCHES else getattr(config, name))
        for name in config_fields()
        if name not in _NUMBERS
    )


def _on_device(config: RunConfig, split: Split, num_classes: int) -> tuple[Any, Any]:
    data = (split.x, targets_of(config, split.y, num_classes))
    if sum(array.nbytes for array in data) > CHUNK_BYTES:
        return data  # it goes there chunk by chunk
    x, y = map(steps().to_device, data)
    return x, y


class FusedTrainer:
    """Trains a run with `kmlp.fit`; see `kmlp.training.trainer.Trainer`."""

    def __init__(
        self,
        config: RunConfig,
        dataset: Dataset,
        checkpoint: Checkpoint | None,
        compiled_models: CompiledModelCache,
    ) -> None:
        self._config = config
        self._compiled_models = compiled_models
        self._data = compiled_models.data(config, dataset)
        self._compiled = compiled_models.take(config, dataset)
        self._compiled.load(config, dataset, checkpoint)
        self.model = self._compiled.model

    def train_epoch(self, epoch: int) -> EpochLogs:
        history = fit(
            self.model,
            *self._data["train"],
            batch_size=self._config.batch_size,
            initial_epoch=epoch,
            epochs=epoch + 1,
            validation_data=self._data["validation"],
            validation_batch_size=EVALUATION_BATCH_SIZE,
            seed=self._config.seed,
        )
        logs = {name: values[-1] for name, values in history.history.items()}
        prefix = "val_"
        validation = {
            name.removeprefix(prefix): logs[name]
            for name in logs
            if name.startswith(prefix)
        }
        test = self._data["test"]
        return EpochLogs(
            train={name: logs[name] for name in logs if not name.startswith(prefix)},
            validation=validation,
            test=validation
            if test is self._data["validation"]
            else evaluate(self.model, *test, batch_size=EVALUATION_BATCH_SIZE),
            step_losses=history.step_losses[-1],
        )

    def optimizer_state(self) -> list[Any]:
        return self._compiled.state

    def close(self) -> None:
        self._compiled_models.give_back(self._config, self._compiled)
        del self._compiled, self.model
