"""Train runs with `kmlp.fit`, on compiled models that runs of one structure share."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from kmlp.data import Dataset
from kmlp.fused.chunks import CHUNK_BYTES
from kmlp.fused.fit import evaluate, fit
from kmlp.fused.loop import steps
from kmlp.model.augmentation import read_augmentation
from kmlp.model.config import RunConfig
from kmlp.model.hyperparameters import config_fields
from kmlp.model.initial_weights import initial_weights
from kmlp.model.label_smoothing import loss_for
from kmlp.model.optimizers import OPTIMIZER_FIELDS, OPTIMIZERS, make_optimizer
from kmlp.model.run_data import split_for
from kmlp.model.schedules import word_of
from kmlp.training._model import training_model
from kmlp.training._numbers import hold_numbers, set_numbers
from kmlp.training.checkpoint import Checkpoint
from kmlp.training.trainer import EVALUATION_BATCH_SIZE, EpochLogs, targets_by_part

MAX_IDLE = 8
"""The default number of models in a cache."""
_SPLITS = ("train", "validation", "test")


class CompiledModel:
    """A model with compiled programs that can train any run of its structure.

    Variables hold everything that differs between such runs: the weights, and the numbers
    of the optimizer, of its schedule and of the layers that draw. A custom optimizer may
    use its numbers in any way, so that runs with other numbers have another structure.
    """

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        self.model = training_model(config, dataset)
        optimizer = self.model.optimizer
        self.state = self.model.optimizer_state
        if not OPTIMIZERS.is_custom(config.optimizer):
            hold_numbers(optimizer, config)

    def load(
        self, config: RunConfig, dataset: Dataset, checkpoint: Checkpoint | None
    ) -> None:
        """Set the model to a run's checkpoint; without one, to its initial state."""
        if checkpoint is None:
            self.model.set_weights(initial_weights(config, dataset))
            for variable, value in zip(
                self.state, self._initial_state(config), strict=True
            ):
                variable.assign(value)
        else:
            checkpoint.assign_to(self.model, self.state)
        set_numbers(self.model.optimizer, config)
        self.model.start(config, dataset)

    def _initial_state(self, config: RunConfig) -> Iterable[Any]:
        """Return the state of a new optimizer, which may depend on the weights."""
        fresh = make_optimizer(config)
        fresh.build(self.model.trainable_variables)
        return (np.array(keras.ops.convert_to_numpy(value)) for value in fresh.variables)


class CompiledModelCache:
    """A cache of the compiled models that were used most recently.

    Args:
        limit: The maximum number of models in the cache. Defaults to 8.
    """

    def __init__(self, limit: int = MAX_IDLE) -> None:
        self._limit = limit
        self.compiled_count = 0
        """The number of models that were compiled."""
        self._idle: dict[tuple[tuple[str, Any], ...], CompiledModel] = {}
        self._on_device: dict[Any, dict[str, Any]] = {}

    def take(self, config: RunConfig, dataset: Dataset) -> CompiledModel:
        """Return a model for a run, which has the model alone until `give_back`."""
        model = self._idle.pop(_structure(config), None)
        if model is not None:
            return model
        self.compiled_count += 1
        return CompiledModel(config, dataset)

    def give_back(self, config: RunConfig, compiled: CompiledModel) -> None:
        """Take a model back; if there are too many, delete the least recently used."""
        self._idle[_structure(config)] = compiled
        if len(self._idle) > self._limit:
            del self._idle[next(iter(self._idle))]
            del compiled
            gc.collect()  # programs and models refer to each other
            steps().clear_caches()

    def data(self, config: RunConfig, dataset: Dataset) -> dict[str, tuple[Any, Any]]:
        """Return the splits of a run's dataset as `(x, y)`.

        A split that is not too large is on the device.
        """
        key = (
            dataset.fingerprint,
            config.validation_fraction,
            config.resplit,
            config.folds,
            config.label_noise,
            config.seed if config.resplit or config.folds or config.label_noise else None,
            config.train_size,
            loss_for(config.loss, config.label_smoothing, dataset.task).targets,
        )
        if key not in self._on_device:
            used = split_for(config, dataset)
            targets = targets_by_part(config, used)
            names = ("train", "test") if used.validates_on_test else _SPLITS
            splits = {
                name: _on_device(getattr(used, name).x, targets[name]) for name in names
            }
            self._on_device = {key: {"validation": splits["test"], **splits}}
        return self._on_device[key]


_NUMBERS = {
    *("seed", "initializer", "batch_size", "train_size", "label_noise", "learning_rate"),
}
"""Fields in which runs of one compiled model may differ."""


def _given_or_value(number: float | None) -> float | None:
    """Return True for a number that is not 0; else 0 or None, which differ."""
    return True if number else number


_PARTS: dict[str, Callable[[Any], Any]] = {
    "beta_1": _given_or_value,
    "beta_2": _given_or_value,
    "rho": _given_or_value,
    "epsilon": _given_or_value,
    "momentum": bool,
    "weight_decay": bool,
    "clipnorm": bool,
    "dropout": bool,
    "input_dropout": bool,
    "gaussian_noise": bool,
    "l1": bool,
    "l2": bool,
    "label_smoothing": bool,
    "augmentation": lambda text: tuple(read_augmentation(text)),
    "warmup": bool,
    "schedule": word_of,
}
"""Functions that return the part of a field that matters to a compiled model, such as being
0 or not. Variables hold the rest."""


def _structure(config: RunConfig) -> tuple[tuple[str, Any], ...]:
    """Return the fields that runs of one compiled model have in common.

    Programs without momentum, or without dropout, lack operations. Another batch
    size or training size needs other programs of the same model.
    """
    constant = OPTIMIZER_FIELDS if OPTIMIZERS.is_custom(config.optimizer) else ()
    return tuple(
        (name, _PARTS.get(name, _whole)(getattr(config, name)))
        for name in config_fields()
        if name not in _NUMBERS
    ) + tuple((name, getattr(config, name)) for name in constant)


def _whole(value: Any) -> Any:
    return value


def _on_device(*data: NDArray[Any]) -> tuple[Any, Any]:
    if sum(array.nbytes for array in data) <= CHUNK_BYTES:
        x, y = map(steps().to_device, data)
    else:
        x, y = data  # `kmlp.fit` copies such a split to the device chunk by chunk
    return x, y


class FusedTrainer:
    """A trainer that uses `kmlp.fit`; see `kmlp.training.trainer.Trainer`."""

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
        } | self.model.class_figures()
        return EpochLogs(
            train={name: logs[name] for name in logs if not name.startswith(prefix)},
            validation=validation,
            test=validation
            if self._data["test"] is self._data["validation"]
            else self._evaluate_test(),
            step_losses=history.step_losses[-1],
        )

    def _evaluate_test(self) -> dict[str, float]:
        logs = evaluate(self.model, *self._data["test"], batch_size=EVALUATION_BATCH_SIZE)
        return logs | self.model.class_figures()

    def optimizer_state(self) -> list[Any]:
        return self._compiled.state

    def close(self) -> None:
        self._compiled_models.give_back(self._config, self._compiled)
        del self._compiled, self.model
