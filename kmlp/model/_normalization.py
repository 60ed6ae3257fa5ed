"""Normalizations between a hidden layer and its activation.

| name | layer of Keras | weights of each unit |
|---|---|---|
| none | | |
| batch | BatchNormalization | gamma, beta, moving mean, moving variance |
| layer | LayerNormalization | gamma, beta |

Reference: S. Ioffe and C. Szegedy (2015), Batch normalization, ICML; J. L. Ba et al.
(2016), Layer normalization, arXiv:1607.06450.
"""

from __future__ import annotations

from typing import Any

from kmlp import backend
from kmlp.errors import UnknownNameError, unknown_name

_INITIAL = {"none": (), "batch": (1.0, 0.0, 0.0, 1.0), "layer": (1.0, 0.0)}
"""The initial value of each weight of a unit, in Keras' order."""


def check_normalization(name: str) -> None:
    """Check the name of a normalization.

    Raises:
        UnknownNameError: if there is no normalization of that name.
    """
    if name not in _INITIAL:
        raise UnknownNameError(unknown_name("normalization", name, _INITIAL))


def initial_values(name: str) -> tuple[float, ...]:
    """Return the initial value of each weight that a normalization has for each unit."""
    return _INITIAL[name]


def normalization_layers(name: str, suffix: str) -> list[Any]:
    """Return the layer of a normalization in a list, which is empty for "none".

    Args:
        name: The normalization.
        suffix: The end of the layer's name.
    """
    layers = backend.load().layers
    match name:
        case "batch":
            return [layers.BatchNormalization(name=f"normalization_{suffix}")]
        case "layer":
            return [layers.LayerNormalization(name=f"normalization_{suffix}")]
    return []
