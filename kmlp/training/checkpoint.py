"""Where a run stands: its weights and optimizer state, as a value and as a file."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kmlp import backend
from kmlp._util.files import undated
from kmlp._util.processes import held
from kmlp.data import Dataset
from kmlp.errors import ResourceError
from kmlp.model.build import build_for
from kmlp.model.config import RunConfig, dataset_of
from kmlp.model.keras_files import count_weights

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Checkpoint:
    """All that is needed to continue a run; the order of its data follows from
    the seed and the epoch.
    """

    epochs: int
    weights: tuple[NDArray[np.float32], ...]
    """In the order of `model.get_weights()`."""
    optimizer: tuple[NDArray[np.float32], ...]
    """In the order of `model.optimizer.variables`."""

    def restore(self, model: keras.Sequential) -> None:
        """Gives a run's model the weights and the optimizer state."""
        model.set_weights(self.weights)
        model.optimizer.build(model.trainable_variables)
        variables = model.optimizer.variables
        for variable, value in zip(variables, self.optimizer, strict=True):
            variable.assign(value)


class CheckpointCodec:
    """Writes and reads the checkpoints of one run.

    Args:
        config: The run's configuration.
        dataset: The dataset that it names.
    """

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        self.model = build_for(config, dataset)
        self.model.optimizer.build(self.model.trainable_variables)

    def dump(self, checkpoint: Checkpoint) -> bytes:
        """The checkpoint as a `.keras` file, which loads in a Python without kmlp."""
        checkpoint.restore(self.model)
        # Keras would leave a folder of its own where it is interrupted.
        with held(), _temporary_file() as path, _without_tensorflow(), _silent():
            with _needs_room(), undated():
                self.model.save(path)
            return path.read_bytes()

    def load(self, epochs: int, checkpoint_bytes: bytes) -> Checkpoint:
        """The checkpoint of a file, which `pack` made after that many epochs."""
        with _temporary_file() as path, _without_tensorflow():
            with _needs_room():
                path.write_bytes(checkpoint_bytes)
            count_weights(path)
            self.model.load_weights(path)
        to_numpy = backend.load().ops.convert_to_numpy
        return Checkpoint(
            epochs=epochs,
            weights=tuple(map(np.array, self.model.get_weights())),
            optimizer=tuple(np.array(to_numpy(v)) for v in self.model.optimizer.variables),
        )


def load_model(config: RunConfig, checkpoint_bytes: bytes) -> keras.Sequential:
    """The model of a run's file: a plain, compiled `keras.Sequential`."""
    codec = CheckpointCodec(config, dataset_of(config))
    codec.load(0, checkpoint_bytes)
    return codec.model


@contextmanager
def _silent() -> Iterator[None]:
    """Ignores warnings, as of a user's function that is a lambda."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _temporary_file() -> Iterator[Path]:
    """A path in the temporary folder.

    Raises:
        ResourceError: if the folder cannot be used.
    """
    with _needs_room():
        folder = tempfile.TemporaryDirectory(prefix="kmlp-")
    with folder as name:
        yield Path(name) / "model.keras"


@contextmanager
def _needs_room() -> Iterator[None]:
    """Explains what keeps a file from being written to the temporary folder."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # no other folder would do
        folder = tempfile.tempdir or os.environ.get("TMPDIR")
        raise ResourceError(
            f"The temporary folder {folder or ''} cannot hold a checkpoint while it is "
            f"written ({error.strerror or error}). Make room there, or set TMPDIR to "
            "another folder. Then the same command goes on: what was trained is stored."
        ) from error


@contextmanager
def _without_tensorflow() -> Iterator[None]:
    """Has Keras on another backend not import TensorFlow to save, which takes seconds.

    Keras 3.15 looks whether an object is one of TensorFlow's. It does without where
    TensorFlow is not installed, which is what it is told here.
    """
    backend.load()
    from keras.src.utils.module_utils import tensorflow

    known = tensorflow._available
    if "tensorflow" not in sys.modules:
        tensorflow._available = False
    try:
        yield
    finally:
        tensorflow._available = known
