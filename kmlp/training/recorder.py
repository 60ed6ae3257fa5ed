"""Training any model through `model.fit` with the loss of every step kept.

Imports Keras, so it is imported only once a backend is loaded.
"""

from __future__ import annotations

import math
from typing import Any

import keras


class LastValue(keras.metrics.Metric):
    """A metric whose result is the value that it was given last."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value = self.add_variable((), "zeros", name="value")

    def update_state(self, value: Any) -> None:
        self.value.assign(value)

    def result(self) -> Any:
        return self.value.value


class Recorder(keras.Model):
    """Wraps a compiled model; training the wrapper trains the model.

    Keras logs the loss as a running mean over the epoch; this adds the loss of
    the last step to the logs of each batch, as `step_loss`.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self.model = model
        self.step_loss = LastValue(name="step_loss")
        self.compile(optimizer=model.optimizer, loss=model.loss, metrics=["accuracy"])

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.model(x, training=training)

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().compute_loss(*args, **kwargs)
        self.step_loss.update_state(loss)
        return loss


class StepLosses(keras.callbacks.Callback):
    """Collects the loss of every step of an epoch, up to one that is not finite."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.values.append(logs["step_loss"])
        self.model.stop_training = not math.isfinite(logs["step_loss"])
