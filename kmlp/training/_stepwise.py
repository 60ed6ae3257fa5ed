"""Train a run with Keras' own `model.fit`, step by step."""

from __future__ import annotations

import gc
import math
from typing import Any

import keras
import numpy as np

from kmlp import backend
from kmlp._util.seeds import Purpose, generator
from kmlp.data import Dataset
from kmlp.model.config import RunConfig
from kmlp.model.keras_metrics import keras_metrics
from kmlp.model.run_data import split_for
from kmlp.training._model import TrainingModel, training_model
from kmlp.training.checkpoint import Checkpoint
from kmlp.training.trainer import EVALUATION_BATCH_SIZE, EpochLogs, targets_by_part


class LastValue(keras.metrics.Metric):
    """A metric whose result is its last value."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value = self.add_variable((), "zeros", name="value")

    def update_state(self, value: Any) -> None:
        self.value.assign(value)

    def result(self) -> Any:
        return self.value.value


class Recorder(keras.Model):
    """A wrapper of a training model: training the wrapper trains the model.

    Keras logs the loss as a running mean over the epoch. The wrapper adds the loss of
    the last step to the logs of each batch, as `step_loss`.
    """

    def __init__(self, model: TrainingModel, metrics: list[Any]) -> None:
        super().__init__()
        self.model = model
        self.step_loss = LastValue(name="step_loss")
        self.class_counts = model.class_counts  # among the metrics of the wrapper
        self.compile(optimizer=model.optimizer, loss=model.loss, metrics=metrics)

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.model(x, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        loss = self.model.compute_loss(x, y, y_pred, sample_weight, training)
        self.step_loss.update_state(loss)
        return loss


class StepLosses(keras.callbacks.Callback):
    """A callback that collects the losses of an epoch's steps.

    It ends the epoch at a loss that is not finite.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.values.append(logs["step_loss"])
        self.model.stop_training = not math.isfinite(logs["step_loss"])


class StepwiseTrainer:
    """A trainer that uses Keras' `model.fit`; see `kmlp.training.trainer.Trainer`."""

    def __init__(
        self, config: RunConfig, dataset: Dataset, checkpoint: Checkpoint | None
    ) -> None:
        self._config = config
        self._dataset = split_for(config, dataset)
        self._targets = targets_by_part(config, self._dataset)
        self.model = training_model(config, dataset)
        if checkpoint is not None:
            checkpoint.assign_to(self.model, self.model.optimizer_state)
            self.model.start(config, dataset)
        self._recorder = Recorder(self.model, keras_metrics(dataset.task))

    def train_epoch(self, epoch: int) -> EpochLogs:
        train = self._dataset.train
        order = generator(self._config.seed, Purpose.ORDER, epoch).permutation(len(train))
        losses = StepLosses()
        with backend.on_jax_cpu():
            history = self._recorder.fit(
                train.x[order],
                self._targets["train"][order],
                batch_size=self._config.batch_size,
                initial_epoch=epoch,
                epochs=epoch + 1,
                shuffle=False,
                callbacks=[losses],
                verbose=0,
            ).history
        validation = self._evaluate("validation")
        return EpochLogs(
            train={name: values[-1] for name, values in history.items()},
            validation=validation,
            test=validation if self._dataset.validates_on_test else self._evaluate("test"),
            step_losses=np.array(losses.values, "float32"),
        )

    def optimizer_state(self) -> list[Any]:
        return self.model.optimizer_state

    def close(self) -> None:
        del self._recorder, self.model
        gc.collect()  # compiled functions and models are in reference cycles

    def _evaluate(self, part: str) -> dict[str, float]:
        with backend.on_jax_cpu():
            logs: dict[str, float] = self._recorder.evaluate(
                getattr(self._dataset, part).x,
                self._targets[part],
                batch_size=EVALUATION_BATCH_SIZE,
                verbose=0,
                return_dict=True,
            )
        return logs | self.model.class_figures()
