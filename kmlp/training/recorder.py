"""Training any model through `model.fit` with the loss of every step kept.

Imports Keras, so it is imported only once a backend is loaded.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

_STEPS_BETWEEN_CHECKS = 256
"""How often the loss is looked at; a look makes the device wait."""


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
    """Collects the loss of every step of an epoch; ends it when one is not finite."""

    def __init__(self) -> None:
        super().__init__()
        self._losses: list[Any] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._losses.append(logs["step_loss"])
        if len(self._losses) % _STEPS_BETWEEN_CHECKS == 0:
            loss = keras.ops.convert_to_numpy(self._losses[-1])
            self.model.stop_training = not np.isfinite(loss)

    def values(self) -> NDArray[np.float32]:
        """The losses in order, up to the first one that is not finite."""
        losses = np.array(
            [keras.ops.convert_to_numpy(loss) for loss in self._losses], "float32"
        )
        wrong = np.flatnonzero(~np.isfinite(losses))
        return losses[: wrong[0] + 1] if wrong.size else losses
