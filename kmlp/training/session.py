"""A run that is being trained, epoch by epoch."""

from __future__ import annotations

import gc
import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp import backend
from kmlp.config import RunConfig
from kmlp.data import Dataset, Split
from kmlp.losses import get_loss
from kmlp.model import build_for
from kmlp.run import Checkpoint, EpochRecord
from kmlp.seeds import Purpose, generator

_EVALUATION_BATCH_SIZE = 1000


class Session:
    """Holds a run's model in memory, and trains it through `model.fit`.

    The order of an epoch's images depends on (seed, epoch) alone, so it makes
    no difference whether a run is trained in one session or in several.

    Args:
        config: The run's configuration.
        dataset: The dataset that it names, whole.
        checkpoint: Where to continue. Defaults to None: at the beginning.

    Raises:
        BackendError: if there is no backend.
    """

    def __init__(
        self, config: RunConfig, dataset: Dataset, checkpoint: Checkpoint | None = None
    ) -> None:
        self._keras = backend.load()
        from kmlp.training.recorder import Recorder

        self.config = config
        self._dataset = dataset.with_train_size(config.train_size)
        self._one_hot = get_loss(config.loss).targets == "one_hot"
        self._model = build_for(config, dataset)
        self.epochs = 0
        if checkpoint is not None:
            checkpoint.restore(self._model)
            self.epochs = checkpoint.epochs
        self._recorder = Recorder(self._model)

    def train_epoch(self) -> EpochRecord:
        """Trains one more epoch; evaluates it on the validation and the test data."""
        from kmlp.training.recorder import StepLosses

        started = time.perf_counter()
        train = self._dataset.train
        order = generator(self.config.seed, Purpose.ORDER, self.epochs).permutation(
            len(train)
        )
        losses = StepLosses()
        history = self._recorder.fit(
            train.x[order],
            self._targets(train.y[order]),
            batch_size=self.config.batch_size,
            initial_epoch=self.epochs,
            epochs=self.epochs + 1,
            shuffle=False,
            callbacks=[losses],
            verbose=0,
        ).history
        self.epochs += 1
        figures = {
            "loss": float(history["loss"][-1]),
            "accuracy": float(history["accuracy"][-1]),
            **self._evaluate("val", self._dataset.validation),
            **self._evaluate("test", self._dataset.test),
        }
        if not np.isfinite([*losses.values, *figures.values()]).all():
            figures = dict.fromkeys(figures, math.nan)
        return EpochRecord(
            epoch=self.epochs,
            seconds=time.perf_counter() - started,
            step_losses=np.array(losses.values, "float32"),
            **figures,
        )

    def _evaluate(self, prefix: str, split: Split) -> dict[str, float]:
        logs = self._recorder.evaluate(
            split.x,
            self._targets(split.y),
            batch_size=_EVALUATION_BATCH_SIZE,
            verbose=0,
            return_dict=True,
        )
        return {f"{prefix}_{name}": float(logs[name]) for name in ("loss", "accuracy")}

    def checkpoint(self) -> Checkpoint:
        """What another session needs to continue here, bit for bit."""
        to_numpy = self._keras.ops.convert_to_numpy
        return Checkpoint(
            epochs=self.epochs,
            weights=tuple(np.array(weight) for weight in self._model.get_weights()),
            optimizer=tuple(
                np.array(to_numpy(variable)) for variable in self._model.optimizer.variables
            ),
        )

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return int(self._model.count_params())

    def close(self) -> None:
        """Frees the model: compiled functions and models refer to each other."""
        del self._recorder, self._model
        gc.collect()

    def _targets(self, labels: NDArray[np.int32]) -> NDArray[Any]:
        if not self._one_hot:
            return labels
        return np.eye(self._dataset.num_classes, dtype="float32")[labels]
