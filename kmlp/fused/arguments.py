"""Checking what `kmlp.fit` is given, and bringing it into the form that Keras gives it."""

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
"""Keras' own."""

_NO_TARGETS = "`{}` weights targets, but there is no `{}`."


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples that fit together, and what they are called in messages."""

    names: tuple[str, str, str]
    """Of the inputs, the targets and the weights."""
    x: Any
    y: Any = None
    weights: Any = None

    @property
    def size(self) -> int:
        """How many they are."""
        return len(backend.load().tree.flatten(self.x)[0])

    @property
    def packed(self) -> Any:
        """The nest of arrays that a model's step unpacks."""
        return backend.load().utils.pack_x_y_sample_weight(self.x, self.y, self.weights)

    def rows(self, which: slice, names: tuple[str, str, str] | None = None) -> Examples:
        """Some of the examples."""
        tree = backend.load().tree
        x, y, weights = (
            None if part is None else tree.map_structure(lambda array: array[which], part)
            for part in (self.x, self.y, self.weights)
        )
        return Examples(names or self.names, x, y, weights)


@dataclass(frozen=True, slots=True)
class Batches:
    """Examples in mini-batches."""

    examples: Examples
    size: int
    """Examples in a mini-batch."""
    steps: int | None
    """How many an epoch has; None for all."""

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
    """Makes arrays of what a user gives, as Keras would make them.

    Args:
        names: What `x`, `y` and `sample_weight` are called in messages.
        x: The inputs.
        y: The targets. Defaults to None: there are none.
        sample_weight: Weights of the examples, or a nest like that of the targets.
            Defaults to None.

    Raises:
        ConfigError: with what is wrong, and in which argument.
    """
    given = zip(names, (x, y, sample_weight), strict=True)
    x, y, weights = call_all([partial(_arrays, *argument) for argument in given])
    if x is None:
        raise ConfigError([f"`{names[0]}` is missing."])
    if y is None and weights is not None:
        raise ConfigError([_NO_TARGETS.format(names[2], names[1])])
    _check_sizes(names, (x, y, weights))
    if weights is not None:
        weights = _like_targets(names, y, weights)
    return Examples(names, x, y, weights)


def with_class_weight(data: Examples, class_weight: Any) -> Examples:
    """Weights examples by their class.

    Args:
        data: The examples, without weights.
        class_weight: A weight for each class, by its number; 1 where it has none.

    Raises:
        ConfigError: if it is something else, or if the examples have no single class.
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
    """Splits the last examples off, for validation.

    Args:
        data: All examples.
        fraction: How many of them are for validation, of 1; none where it is 0.

    Raises:
        ConfigError: if it is no such number, or leaves no example on a side.
    """
    number = isinstance(fraction, Real) and not isinstance(fraction, bool)
    if not number or not 0 <= float(fraction) < 1:
        raise ConfigError(
            [f"`validation_split` is {fraction!r}, but must be a number from 0 up to 1."]
        )
    if not fraction:
        return data, None
    first = math.floor(data.size * (1.0 - float(fraction)))
    if first in (0, data.size):
        raise ConfigError(
            [
                f"`validation_split={fraction!r}` leaves {first} of {data.size} examples "
                "to train on. Both sides need one at the least."
            ]
        )
    return data.rows(slice(0, first)), data.rows(slice(first, None))


def validation(data: Any) -> Examples | None:
    """What is given as `validation_data`: `x`, `(x,)`, `(x, y)` or `(x, y, weights)`.

    None stays None.

    Raises:
        ConfigError: with what is wrong.
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
    """Examples in mini-batches, of Keras' size where there is none given."""
    if size is None:
        size = -(-data.size // steps) if steps else DEFAULT_BATCH_SIZE
    return Batches(data, int(size), None if steps is None else int(steps))


def count_problems(*, least: int = 1, optional: bool = False, **counts: Any) -> list[str]:
    """What is wrong with the values of arguments that count something.

    Args:
        least: The smallest number allowed. Defaults to 1.
        optional: Whether None is allowed. Defaults to False.
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
    """What is wrong with the values of arguments that take several kinds of values."""
    problems = []
    if isinstance(validation_freq, list | tuple):
        for epoch in validation_freq:
            problems += count_problems(validation_freq=epoch)
    else:
        problems += count_problems(validation_freq=validation_freq)
    if not isinstance(shuffle, bool | np.bool_):
        problems.append(
            f"The value of `shuffle` is {shuffle!r}, but must be True or False. For "
            "another order, train with `model.fit`."
        )
    return problems


def frequency(validation_freq: Any) -> int | list[int]:
    """How often to validate, of the types that Keras takes."""
    if isinstance(validation_freq, list | tuple):
        return [int(epoch) for epoch in validation_freq]
    return int(validation_freq)


def _arrays(name: str, value: Any) -> Any:
    """A nest of arrays; None where nothing is given."""
    if value is None:
        return None
    tree = backend.load().tree
    leaves = tree.flatten_with_path(value)
    if not leaves:
        raise ConfigError([f"`{name}` has no arrays."])
    arrays = [_array(_place(name, path), leaf) for path, leaf in leaves]
    return tree.pack_sequence_as(value, arrays)


def _place(name: str, path: Any) -> str:
    return name + "".join(f"[{key!r}]" for key in path)


def _array(name: str, value: Any) -> Any:
    """An array or tensor of numbers; floats as Keras computes."""
    keras = backend.load()
    if _is_sparse(value):
        raise ConfigError(
            [
                f"`{name}` is a {type(value).__name__}, but `kmlp.fit` takes dense arrays. "
                "Make it one, or train with `model.fit`."
            ]
        )
    if not keras.ops.is_tensor(value):
        value = _to_numpy(name, value)
    elif not hasattr(value, "__len__"):
        value = value[...]  # a variable of TensorFlow is no tensor yet
    if len(value.shape) == 0:
        raise ConfigError([f"`{name}` is a single number, but must be an array."])
    dtype = str(keras.backend.standardize_dtype(value.dtype))
    if not dtype.startswith(("bool", "int", "uint", "float", "bfloat")):
        raise ConfigError([f"`{name}` is an array of {dtype}, but must have numbers."])
    floatx = keras.config.floatx()
    if "float" not in dtype or dtype == floatx:
        return value
    if isinstance(value, np.ndarray):
        return value.astype(floatx)
    return keras.ops.cast(value, floatx)


def _to_numpy(name: str, value: Any) -> NDArray[Any]:
    """An array of NumPy, with the shape that Keras gives it."""
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
                f"`{name}` is a masked array: what is masked would be trained on. Leave "
                "those examples out, or fill them in with `filled()`."
            ]
        )
    pandas = sys.modules.get("pandas")
    try:
        array = np.asarray(value)
    except Exception as error:  # of whatever library
        raise ConfigError([f"`{name}` is no array of numbers: {error}"]) from error
    if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
        raise ConfigError(
            [f"`{name}` is an array of {array.dtype}, but must have numbers."]
        )
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if pandas is not None and isinstance(value, pandas.Series):
        array = array[:, None]  # as Keras does
    return array


def _is_sparse(value: Any) -> bool:
    """Whether it is a sparse or ragged tensor, of any library."""
    kind = type(value)
    return (
        kind.__module__.startswith(("scipy.sparse", "jax.experimental.sparse"))
        or kind.__name__ in ("RaggedTensor", "SparseTensor")
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
        f"`{name}` has {sizes[name]} examples and `{first}` {sizes[first]}, but they must "
        "have equally many."
        for name in others
        if sizes[name] != sizes[first]
    ]
    if not sizes[first]:
        problems.insert(0, f"`{first}` has 0 examples, but must have one at the least.")
    if problems:
        raise ConfigError(problems)


def _like_targets(names: tuple[str, str, str], y: Any, weights: Any) -> Any:
    """Weights in the nest of the targets, as Keras has them."""
    tree = backend.load().tree
    if not tree.is_nested(y):
        if tree.is_nested(weights):
            raise ConfigError(
                [f"`{names[2]}` is a nest of arrays, but `{names[1]}` is one array."]
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
                    f"`{names[1]}`, {outline[1]}: an array for each output."
                ]
            ) from None
        return weights
    if tuple(weights.shape[1:]) not in ((), (1,)):
        raise ConfigError(
            [
                f"`{names[2]}` has the shape {tuple(weights.shape)}, but `{names[1]}` has "
                "several arrays: give one number an example, or an array for each output."
            ]
        )
    return tree.map_structure(lambda _: weights, y)


def _weights_of_classes(name: str, y: Any, class_weight: Any) -> NDArray[Any]:
    """The weight of each example's class; 1 where a class has none."""
    keras = backend.load()
    if not isinstance(class_weight, dict):
        raise ConfigError(
            [f"`class_weight` is {class_weight!r}, but must be a dict: class to weight."]
        )
    for label, weight in class_weight.items():
        if not (isinstance(label, Real) and float(label).is_integer()):
            raise ConfigError(
                [f"`class_weight` has the class {label!r}, but classes are integers."]
            )
        if not isinstance(weight, Real):
            raise ConfigError(
                [f"`class_weight` has the weight {weight!r} for {label!r}: not a number."]
            )
    if keras.tree.is_nested(y):
        raise ConfigError(
            [
                f"`class_weight` needs one array of targets, but `{name}` has several. "
                "Give `sample_weight`."
            ]
        )
    labels = keras.ops.convert_to_numpy(y)
    if labels.ndim > 1:
        labels = labels[..., 0] if labels.shape[-1] == 1 else labels.argmax(axis=-1)
    if labels.ndim > 1:
        raise ConfigError(
            [
                f"`class_weight` needs one class an example, but `{name}` has the shape "
                f"{tuple(y.shape)}. Give `sample_weight`."
            ]
        )
    classes, which = np.unique(np.round(labels).astype("int32"), return_inverse=True)
    weights = [class_weight.get(int(label), 1.0) for label in classes]
    return np.array(weights, keras.config.floatx())[which]
