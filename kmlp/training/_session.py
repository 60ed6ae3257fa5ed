"""A run that is being trained, epoch by epoch."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from kmlp import backend
from kmlp.data import Dataset
from kmlp.model.config import RunConfig
from kmlp.training.checkpoint import Checkpoint
from kmlp.training.run import EpochRecord

if TYPE_CHECKING:
    from kmlp.training.fused import CompiledModelCache
    from kmlp.training.trainer import Trainer


class Session:
    """Holds a run's model in memory, and trains it through `model.fit`.

    The order of an epoch's images depends on (seed, epoch) alone, so it makes
    no difference whether a run is trained in one session or in several.

    Args:
        config: The run's configuration.
        dataset: The dataset that it names, whole.
        checkpoint: Where to continue. Defaults to None: at the beginning.
        compiled_models: Where models with compiled programs are taken from, and given
            back to when the session is closed. Defaults to None: the model is
            the session's own.
        fused: Whether an epoch is one compiled program (`kmlp.fit`). Otherwise
            Keras calls each step. Defaults to True.

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
        self.epochs = checkpoint.epochs if checkpoint is not None else 0
        self._trainer: Trainer
        if fused:
            compiled_models = compiled_models or CompiledModelCache()
            self._trainer = FusedTrainer(config, dataset, checkpoint, compiled_models)
        else:
            self._trainer = StepwiseTrainer(config, dataset, checkpoint)

    def train_epoch(self) -> EpochRecord:
        """Trains one more epoch; evaluates it on the validation and the test data."""
        started = time.perf_counter()
        logs = self._trainer.train_epoch(self.epochs)
        self.epochs += 1
        splits = {"": logs.train, "val_": logs.validation, "test_": logs.test}
        figures = {
            f"{prefix}{name}": float(figures[name])
            for prefix, figures in splits.items()
            for name in ("loss", "accuracy")
        }
        losses = _until_not_finite(logs.step_losses)
        if not np.isfinite([*losses, *figures.values()]).all():
            figures = dict.fromkeys(figures, math.nan)
        return EpochRecord(
            epoch=self.epochs,
            seconds=time.perf_counter() - started,
            step_losses=losses,
            **figures,
        )

    def checkpoint(self) -> Checkpoint:
        """What another session needs to continue here, bit for bit."""
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
        """Number of weights and biases."""
        return int(self._trainer.model.count_params())

    def close(self) -> None:
        """Frees the model."""
        self._trainer.close()


def _until_not_finite(losses: np.ndarray) -> np.ndarray:
    """The losses up to the first one that is not finite, with it."""
    wrong = np.flatnonzero(~np.isfinite(losses))
    return losses[: wrong[0] + 1] if len(wrong) else losses
