"""Activations by name: Keras' own, registered ones, and those of `package.module:name`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kmlp import backend
from kmlp.model.registry import Registry

Activation = Callable[[Any], Any]
"""A function that takes a tensor and returns one of the same shape, with `keras.ops`."""

# This list allows to check names without importing a backend. A test compares the list
# with `keras.activations`.
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
    "glu": "it halves the number of features, which the next layer does not expect.",
    "threshold": "it needs two more numbers. Register a function of one argument instead.",
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
    """Register a custom activation under a name.

    Args:
        name: A new name, which must be an identifier.
        function: A function that takes a tensor and returns one of the same shape.
            If it uses only `keras.ops`, it works on every backend.
        replace: True to replace another custom activation of that name. Defaults to
            False.

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
    """Return the activation of that name.

    Raises:
        UnknownNameError: if there is none, with the allowed names and the nearest one.
    """
    return ACTIVATIONS.get(name)
