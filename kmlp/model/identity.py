"""The fields that identify a run, and those that tell configurations apart."""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from kmlp.model.config import RunConfig
from kmlp.model.fields import to_jsonable
from kmlp.model.hyperparameters import config_fields
from kmlp.model.scaling import DEFAULT_SCALINGS

_ALWAYS_IDENTIFYING = frozenset(
    {
        *("dataset", "width", "depth", "activation", "loss", "output", "learning_rate"),
        *("momentum", "nesterov", "weight_decay", "batch_size", "initializer"),
        *("train_size", "validation_fraction", "seed"),
    }
)
"""The first fields, which identify a run at their defaults, too. The set is closed."""

_FIRST_DEFAULTS = {"scaling": DEFAULT_SCALINGS["images"]}
"""The values at which fields are left out whose defaults depend on the dataset: those that
they had when all datasets were images."""


def identity_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that identify a run.

    The keys of runs and the names of studies depend on the result. Every field that was
    added later is left out at its default, so that it does not change the keys of stored
    runs.

    Args:
        values: Fields of a `RunConfig`, as values for JSON.

    >>> identity_fields({"width": 128, "scaling": "unit"})
    {'width': 128}
    >>> identity_fields({"scaling": "symmetric"})
    {'scaling': 'symmetric'}
    """
    fields = config_fields()
    return {
        name: value
        for name, value in values.items()
        if name in _ALWAYS_IDENTIFYING
        or value != _FIRST_DEFAULTS.get(name, to_jsonable(fields[name].default))
    }


def fixed_identity(base: RunConfig, varied: Container[str]) -> dict[str, Any]:
    """Return the fields that identify a study, other than those that vary.

    A loss that follows from a dataset that varies is named as the base has it, as in the
    names of studies from the time when all datasets were images.

    Args:
        base: The configuration with the fixed fields.
        varied: The names of the fields that vary.

    Example:
    >>> fixed_identity(RunConfig(), ["dataset", "seed"])["loss"]
    'cross_entropy'
    """
    fields = base.fixed_fields(varied)
    if "loss" not in varied:
        fields["loss"] = base.loss
    return identity_fields(fields)


def varied_fields(configs: Sequence[RunConfig]) -> list[str]:
    """Return the fields that tell configurations apart, without the seed.

    A default that follows from another field tells nothing more, unless it is the learning
    rate, which is needed to judge optimizers.

    Example:
    >>> varied_fields([RunConfig(), RunConfig(optimizer="rmsprop")])
    ['optimizer', 'learning_rate']
    """
    return [
        name
        for name, field in config_fields().items()
        if name != "seed"
        and len({getattr(config, name) for config in configs}) > 1
        and (
            name == "learning_rate"
            or not (field.derived and field.derived.source)
            or any(
                getattr(config, name) != field.derive(None, config) for config in configs
            )
        )
    ]
