"""Check the arguments of `kmlp.fit`, and convert them as Keras does."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp import backend
from kmlp._util.numbers import integer_problem
from kmlp.errors import ConfigError, call_all

DEFAULT_BATCH_SIZE = 32
"""Keras' own default."""

_NO_TARGETS = "`{}` weights targets, but `{}` is missing."


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs, targets and weights of equal length, with their names in messages."""

    names: tuple[str, str, str]
    """The names of the inputs, the targets and the weights."""
    x: Any
    """The inputs: a nest of arrays of shape `(examples, ...)`."""
    y: Any = None
    """The targets: a nest of arrays of shape `(examples, ...)`, or None."""
    weights: Any = None
    """The weights: a nest of arrays of shape `(examples, ...)`, or None."""

    @property
    def size(self) -> int:
        """The number of examples."""
        return len(backend.load().tree.flatten(self.x)[0])

    @property
    def packed(self) -> Any:
        """The nest of arrays that a model's step unpacks."""
        return backend.load().utils.pack_x_y_sample_weight(self.x, self.y, self.weights)

    def rows(self, selected: slice) -> Examples:
        """Return the examples of the selected rows."""
        tree = backend.load().tree
        x, y, weights = (
            None
            if nest is None
            else tree.map_structure(lambda array: array[selected], nest)
            for nest in (self.x, self.y, self.weights)
        )
        return Examples(self.names, x, y, weights)


@dataclass(frozen=True, slots=True)
class Batches:
    """Examples, and the size and number of their mini-batches."""

    examples: Examples
    """All examples."""
    size: int
    """The number of examples in a mini-batch."""
    steps: int | None
    """The number of mini-batches in an epoch; None for all."""

    @property
    def first(self) -> Examples:
        """The first mini-batch."""
        return self.examples.rows(slice(0, self.size))

    @property
    def last(self) -> Examples:
        """The last mini-batch, which may be smaller."""
        rest = self.examples.size % self.size or self.size
        return self.examples.rows(slice(-rest, None))


def examples(
    names: tuple[str, str, str],
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
) -> Examples:
    """Convert the user's inputs, targets and weights into arrays, as Keras does.

    Args:
        names: Names of `x`, `y` and `sample_weight` in messages.
        x: The inputs.
        y: The targets. Defaults to None: there are none.
        sample_weight: Weights of the examples, or a nest like that of the targets.
            Defaults to None.

    Raises:
        ConfigError: with every problem, and the name of its argument.
    """
    arguments = zip(names, (x, y, sample_weight), strict=True)
    x, y, weights = call_all([partial(_arrays, *argument) for argument in arguments])
    if x is None:
        raise ConfigError([f"`{names[0]}` is missing."])
    if y is None and weights is not None:
        raise ConfigError([_NO_TARGETS.format(names[2], names[1])])
    _check_sizes(names, (x, y, weights))
    if weights is not None:
        weights = _like_targets(names, y, weights)
    return Examples(names, x, y, weights)


def with_class_weight(data: Examples, class_weight: Any) -> Examples:
    """Return the examples, weighted by their class.

    Args:
        data: The examples, without weights.
        class_weight: Weights of the classes by number. A class without a weight has 1.

    Raises:
        ConfigError: if `class_weight` is not such a dict, if there are other weights,
            or if the targets are not one class for each example.
    """
    if data.y is None:
        raise ConfigError([_NO_TARGETS.format("class_weight", data.names[1])])
    if data.weights is not None:
        raise ConfigError(
            ["`class_weight` and `sample_weight` cannot both be given. Multiply them."]
        )
    weights = _weights_of_classes(data.names[1], data.y, class_weight)
    return replace(data, weights=weights)


def split_off(data: Examples, fraction: Any) -> tuple[Examples, Examples | None]:
    """Split the last examples off, for validation.

    Args:
        data: All examples.
        fraction: Fraction of the examples that is used for validation, from 0 (none) to
            below 1.

    Returns:
        The examples for training and those for validation, or None.

    Raises:
        ConfigError: if the fraction is not such a number, or if no example is left for
            training.
    """
    number = isinstance(fraction, Real) and not isinstance(fraction, bool)
    if not number or not 0 <= float(fraction) < 1:
        raise ConfigError(
            [f"`validation_split` is {fraction!r}, but must be a number from 0 to below 1."]
        )
    if not fraction:
        return data, None
    first = math.floor(data.size * (1.0 - float(fraction)))
    if first in (0, data.size):
        raise ConfigError(
            [
                f"`validation_split={fraction!r}` leaves {first} of {data.size} examples "
                "to train on. Training and validation need at least one each."
            ]
        )
    return data.rows(slice(0, first)), data.rows(slice(first, None))


def validation(data: Any) -> Examples | None:
    """Convert `validation_data` into examples; None stays None.

    Args:
        data: `x`, `(x,)`, `(x, y)` or `(x, y, weights)`, or None.

    Raises:
        ConfigError: with every problem, and the name of its part.
    """
    if data is None:
        return None
    name = "validation_data"
    names = (f"{name}[0]", f"{name}[1]", f"{name}[2]")
    if not isinstance(data, tuple | list):
        return examples((name, *names[1:]), data)
    if not 1 <= len(data) <= 3:
        raise ConfigError(
            [f"`{name}` has {len(data)} parts, but must be `(x, y)` or `(x, y, weights)`."]
        )
    return examples(names, *data)


def batches(data: Examples, size: int | None, steps: int | None) -> Batches:
    """Put examples into mini-batches; if `size` is None, of Keras' default size."""
    if size is None:
        size = -(-data.size // steps) if steps else DEFAULT_BATCH_SIZE
    return Batches(data, int(size), None if steps is None else int(steps))


def count_problems(*, least: int = 1, optional: bool = False, **counts: Any) -> list[str]:
    """Return the problems of arguments that must be integers.

    Args:
        least: The smallest allowed value. Defaults to 1.
        optional: True if None is allowed. Defaults to False.
        **counts: The values by name.
    """
    problems = []
    for name, count in counts.items():
        if optional and count is None:
            continue
        problem = integer_problem(name, count, least=least)
        if problem is not None:
            problems.append(problem)
    return problems


def option_problems(validation_freq: Any, shuffle: Any) -> list[str]:
    """Return the problems of the arguments that accept values of several types."""
    problems = []
    if isinstance(validation_freq, list | tuple):
        for epoch in validation_freq:
            problems += count_problems(validation_freq=epoch)
    else:
        problems += count_problems(validation_freq=validation_freq)
    if not isinstance(shuffle, bool | np.bool_):
        problems.append(
            f"The value of `shuffle` is {shuffle!r}, but must be True or False. To "
            "shuffle in another way, train with `model.fit`."
        )
    return problems


def frequency(validation_freq: Any) -> int | list[int]:
    """Convert `validation_freq` into the types that Keras accepts."""
    if isinstance(validation_freq, list | tuple):
        return [int(epoch) for epoch in validation_freq]
    return int(validation_freq)


def _arrays(name: str, value: Any) -> Any:
    """Convert a nest of the user's arrays; None stays None."""
    if value is None:
        return None
    tree = backend.load().tree
    leaves = tree.flatten_with_path(value)
    if not leaves:
        raise ConfigError([f"`{name}` has no arrays."])
    arrays = [_array(_place(name, path), leaf) for path, leaf in leaves]
    return tree.pack_sequence_as(value, arrays)


def _place(name: str, path: Any) -> str:
    """Return the name of an array in a nest, such as `x['a'][0]`."""
    return name + "".join(f"[{key!r}]" for key in path)


def _array(name: str, value: Any) -> Any:
    """Convert to an array or tensor of numbers; floats to the type of Keras' `floatx`."""
    keras = backend.load()
    if _is_sparse(value):
        raise ConfigError(
            [
                f"`{name}` is a {type(value).__name__}, but `kmlp.fit` takes dense arrays. "
                "Convert it, or train with `model.fit`."
            ]
        )
    if not keras.ops.is_tensor(value):
        value = _to_numpy(name, value)
    elif not hasattr(value, "__len__"):
        value = value[...]  # turns a TensorFlow variable into a tensor
    if len(value.shape) == 0:
        raise ConfigError([f"`{name}` is a single number, but must be an array."])
    dtype = str(keras.backend.standardize_dtype(value.dtype))
    if not dtype.startswith(("bool", "int", "uint", "float", "bfloat")):
        raise ConfigError([f"`{name}` is an array of {dtype}, but must contain numbers."])
    floatx = keras.config.floatx()
    if "float" not in dtype or dtype == floatx:
        return value
    if isinstance(value, np.ndarray):
        return value.astype(floatx)
    return keras.ops.cast(value, floatx)


def _to_numpy(name: str, value: Any) -> NDArray[Any]:
    """Convert to a NumPy array, with the shape that Keras would give the array."""
    if not hasattr(value, "__array__"):
        raise ConfigError(
            [
                f"`{name}` is of type {type(value).__name__}, but `kmlp.fit` takes "
                "arrays, and nests of them for several inputs. Give an array, or train "
                "with `model.fit`."
            ]
        )
    if np.ma.is_masked(value):
        raise ConfigError(
            [
                f"`{name}` is a masked array, but training would use the masked values. "
                "Leave those examples out, or fill them in with `filled()`."
            ]
        )
    pandas = sys.modules.get("pandas")
    try:
        array = np.asarray(value)
    except Exception as error:  # any library may raise here
        raise ConfigError([f"`{name}` is not an array of numbers: {error}"]) from error
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise ConfigError(
            [f"`{name}` is an array of {array.dtype}, but must contain numbers."]
        )
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if pandas is not None and isinstance(value, pandas.Series):
        array = array[:, None]  # as Keras does
    return array


def _is_sparse(value: Any) -> bool:
    """Return True for a sparse or ragged tensor of any library."""
    cls = type(value)
    return (
        cls.__module__.startswith(("scipy.sparse", "jax.experimental.sparse"))
        or cls.__name__ in ("RaggedTensor", "SparseTensor")
        or bool(getattr(value, "is_nested", False))
        or "sparse" in str(getattr(value, "layout", ""))
    )


def _check_sizes(names: tuple[str, str, str], parts: tuple[Any, Any, Any]) -> None:
    tree = backend.load().tree
    sizes = {
        _place(name, path): len(array)
        for name, part in zip(names, parts, strict=True)
        if part is not None
        for path, array in tree.flatten_with_path(part)
    }
    first, *others = sizes
    problems = [
        f"`{name}` has {sizes[name]} examples and `{first}` {sizes[first]}, but the "
        "numbers must be equal."
        for name in others
        if sizes[name] != sizes[first]
    ]
    if not sizes[first]:
        problems.insert(0, f"`{first}` has 0 examples, but must have at least one.")
    if problems:
        raise ConfigError(problems)


def _like_targets(names: tuple[str, str, str], y: Any, weights: Any) -> Any:
    """Return weights in a nest like that of the targets, as Keras does."""
    tree = backend.load().tree
    if not tree.is_nested(y):
        if tree.is_nested(weights):
            raise ConfigError(
                [
                    f"`{names[2]}` is a nest of arrays, but must be one array, like "
                    f"`{names[1]}`."
                ]
            )
        return weights
    if tree.is_nested(weights):
        try:
            tree.assert_same_structure(y, weights)
        except ValueError:
            outline = [
                str(tree.map_structure(lambda _: "...", part)) for part in (weights, y)
            ]
            raise ConfigError(
                [
                    f"`{names[2]}` has the structure {outline[0]}, but must have that of "
                    f"`{names[1]}`, {outline[1]}, with an array for each output."
                ]
            ) from None
        return weights
    if tuple(weights.shape[1:]) not in ((), (1,)):
        raise ConfigError(
            [
                f"`{names[2]}` has the shape {tuple(weights.shape)}, but `{names[1]}` has "
                "several arrays. Give one number for each example, or an array for each "
                "output."
            ]
        )
    return tree.map_structure(lambda _: weights, y)


def _weights_of_classes(name: str, y: Any, class_weight: Any) -> NDArray[Any]:
    """Return the weight of each example's class, of shape `(examples,)`."""
    keras = backend.load()
    if not isinstance(class_weight, dict):
        raise ConfigError(
            [
                f"`class_weight` is {class_weight!r}, but must be a dict from classes to "
                "weights."
            ]
        )
    for label, weight in class_weight.items():
        if not (isinstance(label, Real) and float(label).is_integer()):
            raise ConfigError(
                [f"`class_weight` has the class {label!r}, but classes must be integers."]
            )
        if not isinstance(weight, Real):
            raise ConfigError(
                [
                    f"`class_weight` has the weight {weight!r} for the class {label!r}, "
                    "but weights must be numbers."
                ]
            )
    if keras.tree.is_nested(y):
        raise ConfigError(
            [
                f"`class_weight` needs one array of targets, but `{name}` has several. "
                "Use `sample_weight`."
            ]
        )
    labels = keras.ops.convert_to_numpy(y)
    if labels.ndim > 1:
        labels = labels[..., 0] if labels.shape[-1] == 1 else labels.argmax(axis=-1)
    if labels.ndim > 1:
        raise ConfigError(
            [
                f"`class_weight` needs one class for each example, but `{name}` has the "
                f"shape {tuple(y.shape)}. Use `sample_weight`."
            ]
        )
    classes, indices = np.unique(np.round(labels).astype("int32"), return_inverse=True)
    weights = [class_weight.get(int(label), 1.0) for label in classes]
    return np.array(weights, keras.config.floatx())[indices]
