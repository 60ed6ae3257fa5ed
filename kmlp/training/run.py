"""A run as a value: its configuration, the epochs that it has, its checkpoint."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from kmlp import backend
from kmlp.model.activations import ACTIVATIONS
from kmlp.model.build import count_parameters
from kmlp.model.config import RunConfig, dataset_of, identity_fields
from kmlp.model.losses import LOSSES
from kmlp.settings import read_settings

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from kmlp.data import Dataset

NUMERICS_VERSION = 4
"""Goes up when a change of kmlp changes the numbers that a run comes to."""

FIGURES = (
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "test_loss",
    "test_accuracy",
)
"""What a record has of an epoch, beside its time and its steps."""

Status = Literal["finished", "diverged", "failed"]
"""Diverged: its loss is not finite any more, and training it further is of no use.
Failed: training it ended in an error, or in the end of its process, too often."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EpochRecord:
    """What one epoch of a run came to; all of it nan if a loss was not finite."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean training loss over the epoch's images, while they were trained on."""
    accuracy: float
    """Share of the epoch's images that were classified right, likewise."""
    val_loss: float
    """Mean loss over the validation images, after the epoch."""
    val_accuracy: float
    """Share of the validation images classified right."""
    test_loss: float
    """Mean loss over the test images, after the epoch."""
    test_accuracy: float
    """Share of the test images classified right."""
    seconds: float
    """Wall-clock time of the epoch, its evaluation included; in the first one
    that a session trains, compiling too."""
    step_losses: NDArray[np.float32]
    """The mean loss of each mini-batch before its update, of shape `(steps,)`;
    where it diverged, up to the first one that is not finite."""

    @property
    def finite(self) -> bool:
        """Whether every loss of the epoch is finite."""
        return math.isfinite(self.loss)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Run:
    """The training of one configuration, as far as it has come."""

    config: RunConfig
    backend: str
    fused: bool
    """Whether an epoch was one compiled program (see `kmlp.fit`)."""
    parameters: int
    """Number of weights and biases."""
    history: tuple[EpochRecord, ...]
    """One record an epoch; the last one may be the one in which it diverged. Empty
    only if it failed."""
    checkpoint_bytes: Callable[[], bytes] | None = None
    """Reads the model after the last epoch, a `.keras` file with optimizer state;
    None if it diverged, or in a view of its first epochs."""
    failure: str | None = None
    """Why it failed; None if it did not."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """See `kmlp.settings`: those that were not as they are by default."""
    key: str = ""
    """See `run_key`; empty if no store has it."""
    updated: float = 0.0
    """When it was trained last, in seconds since 1970."""

    @property
    def status(self) -> Status:
        """Whether it diverged or failed."""
        if self.failure is not None:
            return "failed"
        return "finished" if self.history[-1].finite else "diverged"

    @property
    def epochs(self) -> int:
        """Number of epochs that it has, a diverged one included."""
        return len(self.history)

    @property
    def val_accuracy(self) -> float:
        """Validation accuracy after the last epoch; nan if diverged or failed."""
        return self._last("val_accuracy")

    @property
    def test_loss(self) -> float:
        """Mean loss over the test images after the last epoch; likewise."""
        return self._last("test_loss")

    @property
    def test_accuracy(self) -> float:
        """Share of the test images classified right, likewise."""
        return self._last("test_accuracy")

    def _last(self, figure: str) -> float:
        if self.failure is not None:
            return math.nan
        return float(getattr(self.history[-1], figure))

    @property
    def seconds(self) -> float:
        """Wall-clock time of all epochs."""
        return sum(record.seconds for record in self.history)

    def reaches(self, epochs: int) -> bool:
        """Whether it has so many epochs, or diverged or failed before."""
        return self.epochs >= epochs or self.status != "finished"

    def truncated(self, epochs: int) -> Run:
        """The run as it was after its first epochs; its model is the last one's only."""
        if epochs > self.epochs:
            return self
        checkpoint_bytes = self.checkpoint_bytes if epochs == self.epochs else None
        return replace(
            self,
            history=self.history[:epochs],
            checkpoint_bytes=checkpoint_bytes,
            failure=None,
        )

    def with_model_loaded(self) -> Run:
        """The run with its model in memory, for when the store is gone."""
        if self.checkpoint_bytes is None:
            return self
        checkpoint_bytes = self.checkpoint_bytes()
        return replace(self, checkpoint_bytes=lambda: checkpoint_bytes)

    def model(self) -> keras.Sequential:
        """The trained model: a plain, compiled `keras.Sequential`.

        Raises:
            ValueError: if there is none.
            StoreError: if its file is damaged or gone.
        """
        if self.checkpoint_bytes is None:
            raise ValueError("There is no trained model: the run diverged or was cut.")
        from kmlp.training.checkpoint import load_model

        return load_model(self.config, self.checkpoint_bytes())


@dataclass(frozen=True, slots=True)
class RunState:
    """The point that a run in the store has reached."""

    epochs: int = 0
    diverged: bool = False
    checkpoint_bytes: bytes | None = None
    """The checkpoint after these epochs. None: there is none, or it was not asked for."""
    damaged: tuple[str, ...] = ()
    """Files that were damaged; the epochs after the last good one are gone."""

    def satisfies(self, epochs: int) -> bool:
        """Whether nothing is left to train of a run that is to have so many epochs."""
        return self.diverged or self.epochs >= epochs


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """What a run is, before it is trained."""

    key: str
    """See `run_key`."""
    config: RunConfig
    backend: str
    fused: bool
    """Whether an epoch is one compiled program."""
    parameters: int
    """Number of weights and biases."""
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    """See `kmlp.settings`: those that are not as they are by default."""


def common_settings(runs: Iterable[Run]) -> Mapping[str, str]:
    """The settings under which the runs of a study were trained: all have the same."""
    return next((run.settings for run in runs), {})


def identify(
    config: RunConfig,
    *,
    fused: bool,
    settings: Mapping[str, str] | None = None,
    dataset: Dataset | None = None,
) -> RunIdentity:
    """The identity of a run on the backend of this process, as that is set.

    Args:
        config: The run's configuration.
        fused: Whether an epoch is one compiled program.
        settings: What `kmlp.settings.read_settings` says of the process. Defaults to
            None: it is asked.
        dataset: The dataset that the configuration names. Defaults to None: it is loaded.

    Raises:
        ConfigError: if a setting of this process is none for runs.
        BackendError: if there is no backend.
        DataError: if the dataset cannot be read.
    """
    if dataset is None:
        dataset = dataset_of(config)
    name = backend.select()
    if settings is None:
        settings = read_settings(name)
    return RunIdentity(
        key=run_key(config, dataset.fingerprint, name, fused=fused, settings=settings),
        config=config,
        backend=name,
        fused=fused,
        parameters=count_parameters(
            dataset.input_shape, dataset.num_classes, config.width, config.depth
        ),
        settings=settings,
    )


def run_key(
    config: RunConfig,
    fingerprint: str,
    backend: str,
    *,
    fused: bool,
    settings: Mapping[str, str] | None = None,
    numerics: int | None = None,
) -> str:
    """What identifies a run's results: equal keys mean equal numbers.

    Functions of the user's own count with their code.

    Args:
        config: The run's configuration.
        fingerprint: The dataset's.
        backend: The name of the backend.
        fused: Whether an epoch is one compiled program.
        settings: What `kmlp.settings.read_settings` says of the process. Defaults to
            None: all are as they are by default.
        numerics: The version of kmlp's numbers. Defaults to None: this one's.

    Returns:
        A SHA-256, in hexadecimal.
    """
    custom = [
        registry.digest(name)
        for registry, name in (
            (ACTIVATIONS, config.activation),
            (ACTIVATIONS, config.output or "linear"),
            (LOSSES, config.loss),
        )
        if registry.is_custom(name)
    ]
    values = identity_fields(config.to_dict())
    version = NUMERICS_VERSION if numerics is None else numerics
    parts: list[Any] = [version, backend, fused, fingerprint, values, *custom]
    if settings:
        parts.append({"settings": dict(settings)})
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
