"""Use a Keras model as a classifier: load it, check it and compute probabilities."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kmlp import backend
from kmlp.errors import ConfigError, UnknownNameError, raise_problems
from kmlp.model.keras_files import check_model_file, count_weights, no_more_weights
from kmlp.model.registry import import_object
from kmlp.model.saved_objects import foreign_names

if TYPE_CHECKING:
    import keras

_PROBABILITIES = ("softmax", "sparsemax", "sigmoid", "hard_sigmoid", "sparse_sigmoid")
"""Activations whose outputs are probabilities."""
_MISSING = re.compile(r"Could not locate (?:function|class) '([^']+)'")
_CODE = re.compile(r"\blambda\b|function identifier: \{'value'", re.IGNORECASE)
_BATCH = 1000
MAX_OUTPUT = 2**28
"""The maximum number of outputs of a layer for one batch: 1 GiB of floats."""


def shape_text(shape: Any) -> str:
    """Return a shape for readers, such as `28 x 28`, with ? for a size that may vary."""
    if not _is_shape(shape):
        return "several arrays"
    return " x ".join("?" if size is None else str(size) for size in shape) or "a number"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Classifier:
    """A model of images or rows, whose output is a number for each class."""

    model: keras.Model
    """The Keras model."""
    input_shape: tuple[int | None, ...]
    """Shape of one image, or of one row of a table. None stands for any size."""
    num_classes: int
    """Number of classes."""
    output: str | None
    """The activation of the last layer; None if it is unknown."""
    batch: int = _BATCH
    """The maximum number of examples in a batch."""

    @property
    def noun(self) -> str:
        """The word for the examples: "images", or "rows" of a table."""
        return "rows" if len(self.input_shape) == 1 else "images"

    @property
    def outputs_are_probabilities(self) -> bool:
        """True if the last activation makes probabilities, or logarithms of them."""
        return self.output in (*_PROBABILITIES, "log_softmax")

    def shape_problems(
        self, shape: Sequence[int | None], classes: int | None = None
    ) -> list[str]:
        """Return the reasons why the model cannot classify such examples; empty if it can.

        Args:
            shape: Shape of one example. An axis of one channel may be left out.
            classes: Number of classes. Defaults to None: any number.
        """
        problems = []
        fits = any(
            len(sizes) == len(self.input_shape)
            and all(
                required in (None, size)
                for required, size in zip(self.input_shape, sizes, strict=True)
            )
            for sizes in (tuple(shape), (*shape, 1))
        )
        if not fits:
            problems.append(
                f"The model takes {self.noun} of {shape_text(self.input_shape)}, but these "
                f"are {shape_text(tuple(shape))}."
            )
        if classes not in (None, self.num_classes):
            problems.append(
                f"The model has {self.num_classes} classes, but {classes} are given."
            )
        return problems

    def class_probabilities(self, images: NDArray[Any]) -> NDArray[np.float64]:
        """Return the model's confidence in each class, from 0 to 1.

        Args:
            images: Pixels from 0 to 255, of shape `(size, *shape)`, where `shape` fits
                the model.

        Returns:
            An array of shape `(size, num_classes)`. Outputs of a softmax or a sigmoid
            are unchanged; outputs of a log-softmax are exponentiated. If the last
            activation is unknown, outputs are unchanged if they are not negative and
            sum to 1 for every image. All other outputs are scores, and the result is
            their softmax: a probability if the model was trained with cross entropy,
            and otherwise only a confidence. In every case a larger output means a
            larger confidence.

        Raises:
            ConfigError: if the images do not fit the model, or if an output is not a
                finite number.
        """
        raise_problems(self.shape_problems(images.shape[1:]))
        if images.ndim <= len(self.input_shape):
            images = images[..., None]
        outputs = outputs_of(self.model, images, self.batch)
        confidences = self._to_confidences(outputs)
        invalid = np.isnan(confidences).any(axis=1).sum()
        if invalid:
            raise ConfigError(
                [
                    f"The model's outputs are not finite for {invalid} of {len(images)} "
                    f"{self.noun}. Did its training diverge?"
                ]
            )
        return confidences

    def _to_confidences(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.output in _PROBABILITIES:
            return outputs
        if self.output == "log_softmax":
            return np.exp(outputs)
        if self.output is None:
            sums = outputs.sum(axis=1)
            if (outputs >= 0).all() and np.allclose(sums, 1, atol=1e-3):
                return outputs
        from scipy.special import softmax

        with np.errstate(invalid="ignore"):  # the caller refuses invalid results
            confidences: NDArray[np.float64] = softmax(outputs, axis=1)
        return confidences


def outputs_of(model: keras.Model, x: NDArray[Any], batch: int) -> NDArray[np.float64]:
    """Return the outputs of a model for raw examples.

    Args:
        model: The model.
        x: The examples, of shape `(size, *input_shape)`.
        batch: The maximum number of examples in a batch.
    """
    return np.concatenate(
        [
            np.asarray(
                model.predict_on_batch(x[start : start + batch].astype("float32")),
                "float64",
            )
            for start in range(0, len(x), batch)
        ]
    )


def load_classifier(path: Path, *, custom: Sequence[str] = ()) -> Classifier:
    """Load a classifier from a `.keras` file, from kmlp or elsewhere.

    Args:
        path: The file.
        custom: See `load_model`. Defaults to none.

    Raises:
        ConfigError: if the file cannot be loaded, or is not a classifier.
    """
    return as_classifier(load_model(path, custom=custom), str(path))


def load_model(path: Path, *, custom: Sequence[str] = ()) -> keras.Model:
    """Load a model from a `.keras` file, from kmlp or elsewhere.

    The file is loaded in Keras' safe mode: a file that contains code, such as a lambda,
    is refused. Modules, files and addresses that the file names are not imported, read
    or downloaded. The stated sizes are checked before the model is built: see
    `kmlp.model.keras_files`.

    Args:
        path: The file.
        custom: Functions and classes of the model that are not Keras' own, each as
            `package.module:name`. Defaults to none.

    Raises:
        ConfigError: if the file is not a `.keras` file, is damaged, or needs a function or
            class that is not given.
    """
    check_model_file(path)
    try:
        objects = {name.partition(":")[2]: import_object(name) for name in custom}
    except UnknownNameError as error:
        raise ConfigError([str(error)]) from error
    count = count_weights(path)
    keras = backend.load()
    raise_problems(_not_keras_own(path, name) for name in foreign_names(path, objects))
    try:
        with no_more_weights(path, count):
            model: Any = keras.saving.load_model(
                path, custom_objects=objects, compile=False, safe_mode=True
            )
    except ConfigError:
        raise
    except Exception as error:  # Keras may raise errors of any class
        raise ConfigError([_reason(path, error)]) from error
    return model


def as_classifier(model: keras.Model, name: str = "The model") -> Classifier:
    """Return a model as a classifier, with its input shape and its number of classes.

    Args:
        model: A built Keras model.
        name: Name of the model in messages. Defaults to "The model".

    Raises:
        ConfigError: if the input is not one image or row, or if the output is not a number
            for each class.

    Example:
    >>> from kmlp import build_mlp
    >>> classifier = as_classifier(build_mlp(loss="nll"))
    >>> classifier.input_shape, classifier.num_classes, classifier.output
    ((28, 28), 10, 'log_softmax')
    """
    inputs, outputs = _shapes(model, name)
    if not (len(outputs) == 2 and (outputs[1] or 0) >= 2):
        raise ConfigError(
            [
                f"{name} gives {_batch_text(outputs)} for {_example(inputs)}, but must "
                "give a number for each of at least two classes."
            ]
        )
    return Classifier(
        model=model,
        input_shape=tuple(inputs[1:]),
        num_classes=outputs[1] or 0,
        output=_last_activation(model),
        batch=batch_of(model, name),
    )


def _shapes(
    model: keras.Model, name: str
) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
    """Return the shapes of the input and the output of a model, with the batch.

    Raises:
        ConfigError: if the input is not one image or row, or if the output is not one
            array.
    """
    try:
        inputs, outputs = model.input_shape, model.output_shape
    except AttributeError:
        raise ConfigError(
            [f"{name} has no input shape. Start the model with a `keras.Input`."]
        ) from None
    if not (_is_shape(inputs) and 2 <= len(inputs) <= 4):
        raise ConfigError(
            [
                f"{name} takes {_batch_text(inputs)}, but must take images of height x "
                "width or height x width x channels, or rows of several columns."
            ]
        )
    if not _is_shape(outputs):
        raise ConfigError(
            [
                f"{name} gives {_batch_text(outputs)} for {_example(inputs)}, but must "
                "give one array."
            ]
        )
    return inputs, outputs


def _example(inputs: tuple[int | None, ...]) -> str:
    return "a row" if len(inputs) == 2 else "an image"


def gives_one_number(model: keras.Model, name: str = "The model") -> bool:
    """Return True for a regression: a model that gives one number for each example.

    The number must not be a probability: such a model is a classifier of two classes.

    Raises:
        ConfigError: if the model takes neither images nor rows.
    """
    _, outputs = _shapes(model, name)
    return outputs[1:] == (1,) and _last_activation(model) not in _PROBABILITIES


def batch_of(model: keras.Model, name: str = "The model") -> int:
    """Return the maximum number of examples in a batch, which fits into memory.

    Raises:
        ConfigError: if the outputs of a layer are too large for one example.
    """
    layer, largest = _largest_output(model)
    if largest > MAX_OUTPUT:
        raise ConfigError(
            [
                f"{name}: layer {layer} gives {largest:,} numbers for an example, but at "
                f"most {MAX_OUTPUT:,} are allowed."
            ]
        )
    return min(_BATCH, MAX_OUTPUT // largest)


def _reason(path: Path, error: Exception) -> str:
    """Return the reason why a file cannot be loaded, from a long error of Keras."""
    text = str(error)
    if missing := _MISSING.search(text):
        return _not_keras_own(path, missing[1])
    if _CODE.search(text):
        return (
            f"{path}: contains a lambda, which is code that loading would run. Replace "
            "the lambda by a named function or a layer of Keras, and save the model again."
        )
    last = " ".join(text.rpartition("Exception encountered: ")[2].split())
    return f"{path}: cannot be loaded ({type(error).__name__}: {last[:300]})."


def _not_keras_own(path: Path, name: str) -> str:
    return (
        f'{path}: uses "{name}", which is not one of Keras\' own functions and classes for '
        f"models. Say where it is defined: `custom=['package.module:{name}']`."
    )


def _last_activation(model: keras.Model) -> str | None:
    """Return the name of a model's last activation; None if it is unknown."""
    keras = backend.load()
    if not (isinstance(model, keras.Sequential) or hasattr(model, "operations")):
        return None  # in a subclass of `Model`, the order of the layers is unknown
    last = model.layers[-1]
    if isinstance(last, keras.Model):
        return _last_activation(last)
    if isinstance(last, keras.layers.Softmax):
        return "softmax"
    return getattr(getattr(last, "activation", None), "__name__", None)


def _largest_output(model: keras.Model) -> tuple[str, int]:
    """Return the name of the layer with the most outputs for an image, and the number."""
    keras = backend.load()
    largest = ("", 1)
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            largest = max(largest, _largest_output(layer), key=itemgetter(1))
        try:
            outputs = keras.tree.flatten(layer.output)
        except (AttributeError, ValueError):  # the output of this layer is unknown
            continue
        for output in outputs:
            count = math.prod(size for size in output.shape[1:] if size is not None)
            largest = max(largest, (layer.name, count), key=itemgetter(1))
    return largest


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and all(
        size is None or isinstance(size, int) for size in shape
    )


def _batch_text(shape: Any) -> str:
    return shape_text(shape[1:] if _is_shape(shape) else shape)
