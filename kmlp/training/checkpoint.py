"""Checkpoints of a run: weights and optimizer state, as a value and as a file."""

from __future__ import annotations

import errno
import json
import os
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kmlp import backend
from kmlp._util.files import undated
from kmlp._util.processes import held
from kmlp.data import Dataset
from kmlp.errors import ResourceError
from kmlp.model.build import build_for
from kmlp.model.config import RunConfig
from kmlp.model.input_table import describe_input, table_of_file
from kmlp.model.keras_files import count_weights
from kmlp.model.run_data import dataset_of

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Checkpoint:
    """All that is needed to continue a run.

    The order of the data is not part of it: the order follows from seed and epoch.
    """

    epochs: int
    """The number of trained epochs."""
    weights: tuple[NDArray[np.float32], ...]
    """The weights, in the order of `model.get_weights()`."""
    optimizer: tuple[NDArray[np.float32], ...]
    """The optimizer state, in the order of `model.optimizer.variables`."""

    def restore(self, model: keras.Model) -> None:
        """Set the weights and the optimizer state of a run's plain model."""
        model.optimizer.build(model.trainable_variables)
        self.assign_to(model, model.optimizer.variables)

    def assign_to(self, model: keras.Model, optimizer_state: Sequence[Any]) -> None:
        """Set the weights of a model, and the variables of the optimizer's state."""
        model.set_weights(self.weights)
        for variable, value in zip(optimizer_state, self.optimizer, strict=True):
            variable.assign(value)


class CheckpointCodec:
    """A writer and reader of the checkpoints of one run.

    Args:
        config: The run's configuration.
        dataset: The dataset that the configuration names.
    """

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        self.model = build_for(config, dataset)
        self.model.optimizer.build(self.model.trainable_variables)

    def dump(self, checkpoint: Checkpoint) -> bytes:
        """Return the content of a `.keras` file, which Keras can load without kmlp."""
        checkpoint.restore(self.model)
        # An interrupt would make Keras leave its own temporary folder behind.
        with held(), _temporary_file() as path, _without_tensorflow(), _silent():
            with _needs_room(), undated():
                self.model.save(path)
            return path.read_bytes()

    def load(self, epochs: int, checkpoint_bytes: bytes) -> Checkpoint:
        """Return the checkpoint in the bytes that `dump` returned after `epochs`."""
        with _temporary_file() as path, _without_tensorflow():
            with _needs_room():
                path.write_bytes(checkpoint_bytes)
            count_weights(path)
            self.model.load_weights(path)
            _load_scaling(self.model, path)
        to_numpy = backend.load().ops.convert_to_numpy
        return Checkpoint(
            epochs=epochs,
            weights=tuple(map(np.array, self.model.get_weights())),
            optimizer=tuple(np.array(to_numpy(v)) for v in self.model.optimizer.variables),
        )


def load_model(config: RunConfig, checkpoint_bytes: bytes) -> keras.Sequential:
    """Return the model in a run's checkpoint: a plain, compiled `keras.Sequential`."""
    codec = CheckpointCodec(config, dataset_of(config))
    codec.load(0, checkpoint_bytes)
    return codec.model


def _load_scaling(model: keras.Sequential, path: Path) -> None:
    """Scale as the model in a file does, even if the dataset has changed since.

    The numbers of the scaling are not weights. A table that is kept with the model comes
    from the file, too.
    """
    with zipfile.ZipFile(path) as archive:
        description = json.loads(archive.read("config.json"))
    for item in description["config"]["layers"]:
        name, saved = item["class_name"], item["config"]
        if name == "Rescaling":
            layer = model.get_layer(saved["name"])
            layer.scale, layer.offset = saved["scale"], saved["offset"]
        elif name == "Normalization":
            layer = model.get_layer(saved["name"])
            layer.input_mean, layer.input_variance = saved["mean"], saved["variance"]
            layer.build(layer.input.shape)
    if (table := table_of_file(path)) is not None:
        describe_input(model, table)


@contextmanager
def _silent() -> Iterator[None]:
    """Ignore warnings, such as Keras' warning of a user's function that is a lambda."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _temporary_file() -> Iterator[Path]:
    """Yield a path in a new folder below the temporary folder.

    Raises:
        ResourceError: if the folder cannot be used.
    """
    with _needs_room():
        folder = tempfile.TemporaryDirectory(prefix="kmlp-")
    with folder as name:
        yield Path(name) / "model.keras"


@contextmanager
def _needs_room() -> Iterator[None]:
    """Explain why a file cannot be written to the temporary folder.

    Raises:
        ResourceError: if there is an `OSError` within, other than too many open files.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # too many open files: another folder would not help
        folder = tempfile.tempdir or os.environ.get("TMPDIR")
        raise ResourceError(
            f"A checkpoint cannot be written to the temporary folder {folder or ''} "
            f"({error.strerror or error}). Make room there, or set TMPDIR to another "
            "folder. The trained epochs are stored: train again to continue."
        ) from error


@contextmanager
def _without_tensorflow() -> Iterator[None]:
    """Keep Keras from importing TensorFlow on another backend, which takes seconds.

    Before saving, Keras 3.15 imports TensorFlow, if it is installed, to recognize
    TensorFlow's objects. In the block, TensorFlow seems not to be installed.
    """
    backend.load()
    from keras.src.utils.module_utils import tensorflow

    available = tensorflow._available
    if "tensorflow" not in sys.modules:
        tensorflow._available = False
    try:
        yield
    finally:
        tensorflow._available = available
