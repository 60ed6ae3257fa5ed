"""Train a run epoch by epoch."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from kmlp import backend
from kmlp.data import Dataset
from kmlp.model.config import RunConfig
from kmlp.model.metrics import METRICS_BY_NAME
from kmlp.model.run_data import split_for
from kmlp.training.checkpoint import Checkpoint
from kmlp.training.run import EpochRecord, recorded

if TYPE_CHECKING:
    from kmlp.training.fused import CompiledModelCache
    from kmlp.training.trainer import Trainer


class Session:
    """The training of a run, whose model is in memory.

    The order of an epoch's images depends only on the seed and the epoch. A run
    therefore has the same results in one session and in several.

    Args:
        config: The run's configuration.
        dataset: The whole dataset that the configuration names.
        checkpoint: The checkpoint to continue from. Defaults to None: a new run.
        compiled_models: The cache that the session takes its compiled model from, and
            gives it back to when it is closed. Defaults to None: a new cache.
        fused: True to run an epoch as one compiled program (`kmlp.fit`). False to have
            Keras call each step. Defaults to True.

    Raises:
        BackendError: if there is no backend.
    """

    def __init__(
        self,
        config: RunConfig,
        dataset: Dataset,
        checkpoint: Checkpoint | None = None,
        *,
        compiled_models: CompiledModelCache | None = None,
        fused: bool = True,
    ) -> None:
        self._keras = backend.load()
        from kmlp.training._stepwise import StepwiseTrainer
        from kmlp.training.fused import CompiledModelCache, FusedTrainer

        self.config = config
        self._split = split_for(config, dataset) if dataset.task == "regression" else None
        self.epochs = checkpoint.epochs if checkpoint is not None else 0
        self._trainer: Trainer
        if fused:
            compiled_models = compiled_models or CompiledModelCache()
            self._trainer = FusedTrainer(config, dataset, checkpoint, compiled_models)
        else:
            self._trainer = StepwiseTrainer(config, dataset, checkpoint)

    def train_epoch(self) -> EpochRecord:
        """Train one epoch, and evaluate the model on the validation and the test data."""
        started = time.perf_counter()
        logs = self._trainer.train_epoch(self.epochs)
        if self._split is not None:
            logs = logs.in_target_unit(self._split)
        self.epochs += 1
        splits = {"": logs.train, "val_": logs.validation, "test_": logs.test}
        figures = {
            f"{prefix}{name}": float(value)
            for prefix, logs_of_part in splits.items()
            for name, value in logs_of_part.items()
            if name in METRICS_BY_NAME
        }
        losses = _until_not_finite(logs.step_losses)
        if not np.isfinite([*losses, *figures.values()]).all():
            figures = dict.fromkeys(figures, math.nan)
        seconds = time.perf_counter() - started
        return recorded(figures, epoch=self.epochs, seconds=seconds, step_losses=losses)

    def checkpoint(self) -> Checkpoint:
        """Return a checkpoint from which another session continues with equal bits."""
        to_numpy = self._keras.ops.convert_to_numpy
        return Checkpoint(
            epochs=self.epochs,
            weights=tuple(map(np.array, self._trainer.model.get_weights())),
            optimizer=tuple(
                np.array(to_numpy(variable)) for variable in self._trainer.optimizer_state()
            ),
        )

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return int(self._trainer.model.count_params())

    def close(self) -> None:
        """Free the model."""
        self._trainer.close()


def _until_not_finite(losses: np.ndarray) -> np.ndarray:
    """Return the losses up to and including the first one that is not finite."""
    not_finite = np.flatnonzero(~np.isfinite(losses))
    return losses[: not_finite[0] + 1] if len(not_finite) else losses
