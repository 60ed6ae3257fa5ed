"""A Keras model as a classifier of images: what it takes, and what its numbers mean."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
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

_SHARES = ("softmax", "sparsemax", "sigmoid", "hard_sigmoid", "sparse_sigmoid")
_MISSING = re.compile(r"Could not locate (?:function|class) '([^']+)'")
_CODE = re.compile(r"\blambda\b|function identifier: \{'value'", re.IGNORECASE)
_BATCH = 1000
MAX_OUTPUT = 2**28
"""Numbers that a layer may give for a batch: 1 GiB of them."""


def shape_text(shape: Any) -> str:
    """A shape as people write it: `28 x 28`, with ? for a size that is open."""
    if not _is_shape(shape):
        return "several arrays"
    return " x ".join("?" if size is None else str(size) for size in shape) or "a number"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Classifier:
    """A model that takes one image and gives one number for each class."""

    model: keras.Model
    input_shape: tuple[int | None, ...]
    """Shape of one image; None: any size."""
    num_classes: int
    output: str | None
    """The activation that the model ends with; None: it does not tell."""
    batch: int = _BATCH
    """How many images it is shown at a time, at most."""

    @property
    def outputs_are_probabilities(self) -> bool:
        """Whether its outputs say themselves how confident it is, by what they are."""
        return self.output in (*_SHARES, "log_softmax")

    def shape_problems(
        self, shape: Sequence[int | None], classes: int | None = None
    ) -> list[str]:
        """Reasons why the model cannot take images of this shape; empty if it can.

        An axis of one channel may be left out. With None, any number will do.
        """
        problems = []
        fits = any(
            len(sizes) == len(self.input_shape)
            and all(
                takes in (None, size)
                for takes, size in zip(self.input_shape, sizes, strict=True)
            )
            for sizes in (tuple(shape), (*shape, 1))
        )
        if not fits:
            problems.append(
                f"The model takes images of {shape_text(self.input_shape)}, but these are "
                f"of {shape_text(tuple(shape))}."
            )
        if classes not in (None, self.num_classes):
            problems.append(
                f"The model tells {self.num_classes} classes apart, but there are "
                f"{classes} here."
            )
        return problems

    def class_probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """How confident the model is of each class, from 0 to 1.

        Args:
            images: Pixels from 0 to 255, of shape `(size, *shape)` with a shape that
                the model takes.

        Returns:
            An array of shape `(size, num_classes)`. Outputs of a softmax or a sigmoid
            are as they are, those of a log-softmax their exponential. Other outputs
            are as they are if each image's are not negative and sum to 1; otherwise
            they are scores, and this is their softmax: a probability if the model was
            trained with cross entropy, and no more than a confidence if it was not.
            A larger output is a larger confidence in any case.

        Raises:
            ConfigError: if the model does not take them, or if an output is no number.
        """
        raise_problems(self.shape_problems(images.shape[1:]))
        if images.ndim <= len(self.input_shape):
            images = images[..., None]
        outputs = np.concatenate(
            [
                np.asarray(
                    self.model.predict_on_batch(
                        images[start : start + self.batch].astype("float32")
                    ),
                    "float64",
                )
                for start in range(0, len(images), self.batch)
            ]
        )
        found = self._to_confidences(outputs)
        wrong = np.isnan(found).any(axis=1).sum()
        if wrong:
            raise ConfigError(
                [
                    f"The model gives numbers that are not finite for {wrong} of "
                    f"{len(images)} images. Did its training diverge?"
                ]
            )
        return found

    def _to_confidences(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.output in _SHARES:
            return outputs
        if self.output == "log_softmax":
            return np.exp(outputs)
        if self.output is None:
            sums = outputs.sum(axis=1)
            if (outputs >= 0).all() and np.allclose(sums, 1, atol=1e-3):
                return outputs
        from scipy.special import softmax

        with np.errstate(invalid="ignore"):  # said by the caller
            shares: NDArray[np.float64] = softmax(outputs, axis=1)
        return shares


def load_classifier(path: Path, *, custom: Sequence[str] = ()) -> Classifier:
    """Loads a `.keras` file of an image classifier, of kmlp or any other.

    It is loaded in Keras' safe mode: a file that holds code, such as a lambda, is
    refused. Nothing that the file names is imported, read or downloaded, and what it
    states of its size is checked before it is built: see `kmlp.model.keras_files`.

    Args:
        path: The file.
        custom: Functions and classes that the model is made of and that are not
            Keras' own, each as `package.module:name`. Defaults to none.

    Raises:
        ConfigError: if it is no such file, is damaged, needs something that is not
            given, or is no classifier of images.
    """
    check_model_file(path)
    try:
        objects = {name.partition(":")[2]: import_object(name) for name in custom}
    except UnknownNameError as error:
        raise ConfigError([str(error)]) from error
    count = count_weights(path)
    keras = backend.load()
    raise_problems(_not_keras_own(path, it) for it in foreign_names(path, objects))
    try:
        with no_more_weights(path, count):
            model = keras.saving.load_model(
                path, custom_objects=objects, compile=False, safe_mode=True
            )
    except ConfigError:
        raise
    except Exception as error:  # Keras promises no closed list
        raise ConfigError([_why(path, error)]) from error
    return as_classifier(model, str(path))


def as_classifier(model: keras.Model, what: str = "The model") -> Classifier:
    """What a model takes and gives.

    Args:
        model: A built Keras model.
        what: Its name in errors. Defaults to "The model".

    Raises:
        ConfigError: if it does not take one image and give a number a class.

    Example:
    >>> from kmlp import build_mlp
    >>> found = as_classifier(build_mlp(loss="nll"))
    >>> found.input_shape, found.num_classes, found.output
    ((28, 28), 10, 'log_softmax')
    """
    try:
        taken, given = model.input_shape, model.output_shape
    except AttributeError:
        raise ConfigError(
            [f"{what} does not say which shape it takes. Begin it with a `keras.Input`."]
        ) from None
    if not (_is_shape(taken) and 3 <= len(taken) <= 4):
        raise ConfigError(
            [
                f"{what} takes {_batch_text(taken)}, but must take images of height x "
                "width or height x width x channels."
            ]
        )
    if not (_is_shape(given) and len(given) == 2 and (given[1] or 0) >= 2):
        raise ConfigError(
            [
                f"{what} gives {_batch_text(given)} for an image, but must give a number "
                "for each class, of which there are two at least."
            ]
        )
    layer, largest = _largest_output(model)
    if largest > MAX_OUTPUT:
        raise ConfigError(
            [
                f"{what}: its layer {layer} gives {largest:,} numbers for an image, but "
                f"must give at most {MAX_OUTPUT:,}."
            ]
        )
    return Classifier(
        model=model,
        input_shape=tuple(taken[1:]),
        num_classes=given[1],
        output=_last_activation(model),
        batch=min(_BATCH, MAX_OUTPUT // largest),
    )


def _why(path: Path, error: Exception) -> str:
    """Why Keras could not load a file, in a sentence, where it says much more."""
    text = str(error)
    if missing := _MISSING.search(text):
        return _not_keras_own(path, missing[1])
    if _CODE.search(text):
        return (
            f"{path}: holds a lambda, code that loading would run, so it is not loaded. "
            "Save the model with a named function, or a layer of Keras, in its place."
        )
    last = " ".join(text.rpartition("Exception encountered: ")[2].split())
    return f"{path}: cannot be loaded ({type(error).__name__}: {last[:300]})."


def _not_keras_own(path: Path, name: str) -> str:
    return (
        f'{path}: is made with "{name}", which is not Keras\' own, or not for models. Say '
        f"where it is defined: `custom=['package.module:{name}']`."
    )


def _last_activation(model: keras.Model) -> str | None:
    """The name of the activation that a chain of layers ends with."""
    keras = backend.load()
    if not (isinstance(model, keras.Sequential) or hasattr(model, "operations")):
        return None  # the layers of a class of its own are in no order
    last = model.layers[-1]
    if isinstance(last, keras.Model):
        return _last_activation(last)
    if isinstance(last, keras.layers.Softmax):
        return "softmax"
    return getattr(getattr(last, "activation", None), "__name__", None)


def _largest_output(model: keras.Model) -> tuple[str, int]:
    """The layer that gives the most numbers for an image, and how many these are."""
    keras = backend.load()
    largest = ("", 1)
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            largest = max(largest, _largest_output(layer), key=lambda it: it[1])
        try:
            outputs = keras.tree.flatten(layer.output)
        except (AttributeError, ValueError):  # it does not tell
            continue
        for output in outputs:
            size = math.prod(it for it in output.shape[1:] if it is not None)
            largest = max(largest, (layer.name, size), key=lambda it: it[1])
    return largest


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and all(
        size is None or isinstance(size, int) for size in shape
    )


def _batch_text(shape: Any) -> str:
    return shape_text(shape[1:] if _is_shape(shape) else shape)
