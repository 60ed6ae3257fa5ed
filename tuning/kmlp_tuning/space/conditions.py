"""Conditional fields: their effect or their domain depends on the value of another field.

A field has a domain for each value of its parent if that is given (`Conditional`), as a
learning rate for each optimizer. A field that has no effect with some values of its parent
has no value there, as momentum with adam, or width in a model without hidden layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kmlp.errors import ConfigError, UnknownNameError
from kmlp.model.config import RunConfig
from kmlp.model.domains import Conditional, Domain, Simple, ends, listed
from kmlp.model.hyperparameters import config_fields
from kmlp.model.label_smoothing import SMOOTHED_LOSSES
from kmlp.model.optimizers import OPTIMIZER_FIELDS, optimizer_defaults
from kmlp.model.text import value_text

PARENTS = {
    **dict.fromkeys(("width", "activation", "dropout", "normalization"), "depth"),
    **dict.fromkeys(OPTIMIZER_FIELDS, "optimizer"),
    "label_smoothing": "loss",
}
"""The fields that have no effect with some values of another field."""


def has_effect(name: str, value: Any) -> bool:
    """Return True if a field has an effect with a value of its parent.

    A custom optimizer that this process does not know has all fields.

    Example:
    >>> has_effect("momentum", "adam"), has_effect("width", 0), has_effect("width", 1)
    (False, False, True)
    """
    match PARENTS[name]:
        case "depth":
            return bool(value > 0)
        case "loss":
            return value in SMOOTHED_LOSSES
    try:
        return name in optimizer_defaults(value)
    except UnknownNameError:
        return True


@dataclass(frozen=True, slots=True)
class Parameter:
    """A hyperparameter of Keras Tuner: a field, or a field with one value of its parent."""

    name: str
    """The name in Keras Tuner, such as "width" or "learning_rate:adam"."""
    field: str
    domain: Simple
    conditions: Mapping[str, tuple[Any, ...]]
    """The values of other fields with which the field has this domain, by field."""

    def active(self, values: Mapping[str, Any]) -> bool:
        """Return True if the values of the other fields fulfil the conditions."""
        return all(
            parent in values and values[parent] in allowed
            for parent, allowed in self.conditions.items()
        )

    def holds_in(self, config: RunConfig) -> bool:
        """Return True if a configuration fulfils the conditions."""
        return self.active({parent: getattr(config, parent) for parent in self.conditions})


def parameters_of(domains: Mapping[str, Domain]) -> tuple[Parameter, ...]:
    """Return the hyperparameters of a space, parents before the fields that need them."""
    parameters = {
        name: hyperparameters_of(name, domains)
        for name in config_fields()
        if name in domains
    }
    ordered: dict[str, list[Parameter]] = {}

    def place(name: str) -> None:
        for parent in parameters[name][0].conditions:
            place(parent)
        ordered.setdefault(name, parameters[name])

    for name in sorted(parameters, key=lambda name: name != "depth"):
        place(name)
    return tuple(parameter for each in ordered.values() for parameter in each)


def hyperparameters_of(name: str, domains: Mapping[str, Domain]) -> list[Parameter]:
    """Return the hyperparameters of one field of a space."""
    domain = domains[name]
    conditions: dict[str, tuple[Any, ...]] = {}
    parent = PARENTS.get(name)
    if parent is not None and parent in domains:
        values = all_values(domains[parent])
        allowed = tuple(value for value in values if has_effect(name, value))
        if len(allowed) < len(values):
            conditions[parent] = allowed
    if not isinstance(domain, Conditional):
        return [Parameter(name, name, domain, conditions)]
    return [
        Parameter(
            f"{name}:{value_text(domain.parent, value)}",
            name,
            each,
            {**conditions, domain.parent: (value,)},
        )
        for value, each in domain.domains.items()
    ]


def all_values(domain: Domain) -> list[Any]:
    """Return all values of a domain that is not a range of floats."""
    return ends(domain) if isinstance(domain, Conditional) else listed(domain)


def value_of(name: str, key: Any) -> Any:
    """Return the value of a field that a key or its text stands for, or else the key."""
    field = config_fields()[name]
    try:
        return field.parse(key) if isinstance(key, str) else field.convert(key)
    except ConfigError:
        return key
