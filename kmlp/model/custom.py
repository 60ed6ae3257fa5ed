"""The custom objects that a configuration names, in all registries."""

from __future__ import annotations

from typing import Any

from kmlp.model.activations import ACTIVATIONS
from kmlp.model.config import RunConfig
from kmlp.model.losses import LOSSES
from kmlp.model.optimizers import OPTIMIZERS
from kmlp.model.registry import Registry

REGISTRIES: tuple[Registry[Any], ...] = (ACTIVATIONS, LOSSES, OPTIMIZERS)
"""The registries, each for objects of one kind."""


def named_objects(config: RunConfig) -> list[tuple[Registry[Any], str]]:
    """Return the names in a configuration, each with its registry.

    The keys of runs depend on the order.
    """
    return [
        (ACTIVATIONS, config.activation),
        (ACTIVATIONS, config.output or "linear"),
        (LOSSES, config.loss),
        (OPTIMIZERS, config.optimizer),
    ]


def registered() -> tuple[dict[str, Any], ...]:
    """Return the registered custom objects of each registry, by name."""
    return tuple(registry.custom for registry in REGISTRIES)
