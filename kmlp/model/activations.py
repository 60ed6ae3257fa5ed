"""Activations by name: Keras' own, registered ones, and `package.module:name`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kmlp import backend
from kmlp.model.registry import Registry

Activation = Callable[[Any], Any]
"""Takes a tensor and returns one of the same shape, by `keras.ops`."""

# Listed here so that names are checked without importing a backend; a test
# compares the list with `keras.activations`.
_KERAS = [
    "celu",
    "elu",
    "exponential",
    "gelu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
]

_UNUSABLE = {
    "glu": "it halves the number of features, which no stock layer after it expects.",
    "threshold": "it needs two numbers; register a function of one argument instead.",
}


def _from_keras(name: str) -> Activation:
    keras = backend.load()
    activation: Activation = keras.activations.get(name)
    return activation


def _to_activation(item: object) -> Activation:
    if not callable(item):
        raise TypeError(f"{item!r} is not callable.")
    return item


ACTIVATIONS: Registry[Activation] = Registry(
    "activation",
    {name: partial(_from_keras, name) for name in _KERAS},
    _to_activation,
    _UNUSABLE,
)


def register_activation(name: str, function: Activation, *, replace: bool = False) -> None:
    """Makes a custom activation known under a name.

    Args:
        name: A new name, an identifier.
        function: Takes a tensor and returns one of the same shape. Written
            with `keras.ops` it works on every backend.
        replace: Whether the name may be another custom activation's already.
            Defaults to False.

    Raises:
        ConfigError: if the name is taken.
        TypeError: if `function` is not callable.

    Example:
    >>> register_activation("squared_relu", lambda x: x * x * (x > 0))
    >>> get_activation("squared_relu")(3.0)
    9.0
    """
    ACTIVATIONS.register(name, function, replace=replace)


def get_activation(name: str) -> Activation:
    """The activation of that name.

    Raises:
        UnknownNameError: with the allowed names and the nearest one.
    """
    return ACTIVATIONS.get(name)
