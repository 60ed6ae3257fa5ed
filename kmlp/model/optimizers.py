"""Optimizers by name: Keras' own, registered ones, and those of `package.module:name`.

An optimizer takes some of the fields of `OPTIMIZER_FIELDS`, each with a default of its own.
The learning rate of `sgd` is 0.1 by default, ten times that of Keras. All other defaults
are those of Keras' classes, or those of a custom optimizer's arguments.

`weight_decay` is the decoupled decay, which all of Keras' optimizers take. It is 0.0 by
default, and 0.004 for `adamw` and `muon`. `muon` applies it to kernels and biases alike,
and trains biases by AdamW, whose betas are `beta_1` and `beta_2`.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from kmlp import backend
from kmlp.errors import ConfigError, UnknownNameError, shown
from kmlp.model.fields import as_computed
from kmlp.model.registry import Registry

if TYPE_CHECKING:
    import keras

MakeOptimizer = Callable[..., Any]
"""A class of optimizers, or a function that takes fields as keywords and returns one."""

OPTIMIZER_FIELDS = {
    "learning_rate": None,
    "momentum": 0.0,
    "nesterov": False,
    "beta_1": None,
    "beta_2": None,
    "rho": None,
    "epsilon": None,
    "weight_decay": 0.0,
    "clipnorm": None,
}
"""The fields that optimizers take, each with its value where the optimizer lacks it."""

_ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}

# This table allows to check names and fields without importing a backend. A test compares
# the table with `keras.optimizers`.
_KERAS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"learning_rate": 0.1, "momentum": 0.0, "nesterov": False}),
    "adadelta": ("Adadelta", {"rho": 0.95, "epsilon": 1e-7}),
    "adafactor": ("Adafactor", {}),
    "adagrad": ("Adagrad", {"epsilon": 1e-7}),
    "adam": ("Adam", _ADAM),
    "adamax": ("Adamax", _ADAM),
    "adamw": ("AdamW", {**_ADAM, "weight_decay": 0.004}),
    "ftrl": ("Ftrl", {}),
    "lamb": ("Lamb", _ADAM),
    "lion": ("Lion", {"beta_1": 0.9, "beta_2": 0.99}),
    "muon": (
        "Muon",
        {
            "momentum": 0.95,
            "nesterov": True,
            "beta_1": None,
            "beta_2": None,
            "epsilon": 1e-7,
            "weight_decay": 0.004,
        },
    ),
    "nadam": ("Nadam", _ADAM),
    "rmsprop": ("RMSprop", {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7}),
    "schedulefreeadamw": (
        "ScheduleFreeAdamW",
        {**_ADAM, "learning_rate": 0.0025, "epsilon": 1e-8},
    ),
}
_RENAMED = {"muon": {"beta_1": "adam_beta_1", "beta_2": "adam_beta_2"}}
"""The arguments that have other names than the field. The default of such a field is None:
Keras' own, 0.9 and 0.999."""
_OF_ALL = {"learning_rate": 0.001, "weight_decay": 0.0, "clipnorm": None}
"""The fields that all of Keras' optimizers take, with their most frequent defaults."""

_UNUSABLE = {
    "lossscaleoptimizer": "it wraps another optimizer.",
    "multioptimizer": "it combines several optimizers.",
    "optimizer": "it is the base class of all optimizers.",
}


def _from_keras(class_name: str) -> MakeOptimizer:
    make: MakeOptimizer = getattr(backend.load().optimizers, class_name)
    return make


def _to_maker(item: object) -> MakeOptimizer:
    if not callable(item):
        raise TypeError(f"{item!r} is not callable.")
    rate = _parameters(item).get("learning_rate")
    if rate is None or rate.default is rate.empty:
        raise TypeError(f"{item!r} has no argument `learning_rate` with a default.")
    return item


OPTIMIZERS: Registry[MakeOptimizer] = Registry(
    "optimizer",
    {name: partial(_from_keras, class_name) for name, (class_name, _) in _KERAS.items()},
    _to_maker,
    _UNUSABLE,
)


def register_optimizer(name: str, make: MakeOptimizer, *, replace: bool = False) -> None:
    """Register a custom optimizer under a name.

    Args:
        name: A new name, which must be an identifier.
        make: A subclass of `keras.optimizers.Optimizer`, or a function that returns an
            optimizer. Its arguments are the fields that it takes, such as `learning_rate`
            and `momentum`, with their defaults. `learning_rate` is required, with a
            default, and must become the optimizer's learning rate.
        replace: True to replace another custom optimizer of that name. Defaults to False.

    Raises:
        ConfigError: if the name is taken.
        TypeError: if `make` is not callable, or has no default learning rate.

    Example:
    >>> import keras
    >>> from kmlp import register_optimizer
    >>> def adam_with_amsgrad(learning_rate=0.001, beta_2=0.99):
    ...     return keras.optimizers.Adam(learning_rate, beta_2=beta_2, amsgrad=True)
    >>> register_optimizer("amsgrad", adam_with_amsgrad)
    """
    OPTIMIZERS.register(name, make, replace=replace)


def optimizer_defaults(name: str) -> Mapping[str, Any]:
    """Return the fields that an optimizer takes, each with its default.

    Raises:
        UnknownNameError: if there is no optimizer of that name.

    Example:
    >>> optimizer_defaults("lion")["beta_2"]
    0.99
    """
    if name in _KERAS:
        return _OF_ALL | _KERAS[name][1]
    if not OPTIMIZERS.is_custom(name):
        OPTIMIZERS.check(name)
    return _custom_defaults(OPTIMIZERS.get(name))


def default_of(field: str) -> Callable[[Any], Any]:
    """Return a function that returns the default of a field for a configuration.

    It is the value of a field that the optimizer lacks, if the optimizer is unknown.
    """

    def default(config: Any) -> Any:
        try:
            defaults = optimizer_defaults(config.optimizer)
        except UnknownNameError:  # a stored name of another process
            defaults = {}
        if field == "nesterov" and config.momentum == 0:
            return False  # it does nothing without momentum
        return defaults.get(field, OPTIMIZER_FIELDS[field])

    return default


def default_text(field: str) -> str:
    """Return the defaults of a field in words, for help texts.

    Example:
    >>> default_text("learning_rate")
    '0.1 for sgd, 0.0025 for schedulefreeadamw, else 0.001'
    >>> default_text("rho")
    '0.95 for adadelta, 0.9 for rmsprop'
    >>> default_text("beta_1")
    '0.9'
    """
    defaults = {name: optimizer_defaults(name) for name in _KERAS}
    values = {name: given[field] for name, given in defaults.items() if field in given}
    values = {
        name: value for name, value in values.items() if field not in _RENAMED.get(name, ())
    }
    [(most, count)] = Counter(values.values()).most_common(1)
    others: dict[Any, list[str]] = {}
    for name, value in values.items():
        if count == 1 or value != most:
            others.setdefault(value, []).append(name)
    parts = [f"{_text(value)} for {' and '.join(names)}" for value, names in others.items()]
    if count > 1:
        parts.append(f"else {_text(most)}" if parts else _text(most))
    return ", ".join(parts)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def takers(field: str) -> list[str]:
    """Return the names of Keras' optimizers that take a field."""
    return [name for name in _KERAS if field in optimizer_defaults(name)]


def make_optimizer(config: Any) -> keras.optimizers.Optimizer:
    """Return the optimizer of a configuration.

    Args:
        config: A `RunConfig`.

    Raises:
        ConfigError: if a custom optimizer is not one of Keras, or does not have the
            learning rate that it was given.
    """
    defaults = optimizer_defaults(config.optimizer)
    values = {name: getattr(config, name) for name in defaults}
    # Without decay, Keras' programs lack the operation. `AdamW` needs a number.
    if values.get("weight_decay") == 0.0 and not defaults["weight_decay"]:
        values["weight_decay"] = None
    if config.optimizer == "muon":
        values["adam_weight_decay"] = values["weight_decay"]
    for field, argument in _RENAMED.get(config.optimizer, {}).items():
        if (value := values.pop(field)) is not None:
            values[argument] = value
    optimizer = OPTIMIZERS.get(config.optimizer)(**values)
    if config.optimizer not in _KERAS:
        _check_custom(optimizer, config)
    return optimizer


def _check_custom(optimizer: Any, config: Any) -> None:
    """Check that a custom optimizer has the learning rate that a run sets and records.

    Raises:
        ConfigError: if it is not an optimizer of Keras, or if its learning rate is another
            or a schedule.
    """
    keras = backend.load()
    subject = f'The optimizer "{config.optimizer}"'
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise ConfigError(
            [f"{subject} is {shown(optimizer)}, but must be an `Optimizer` of Keras."]
        )
    rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
    try:
        optimizer.learning_rate = config.learning_rate
    except TypeError:  # Keras refuses
        raise ConfigError(
            [
                f"{subject} has a schedule of its own, but must take `learning_rate` as a "
                "number. Vary the rate by the field `schedule`."
            ]
        ) from None
    if rate != as_computed(float(config.learning_rate)):
        raise ConfigError(
            [
                f"{subject} has a learning rate of {rate:g}, but was given a "
                f"`learning_rate` of {config.learning_rate:g}. Let the optimizer use the "
                "number as it is given."
            ]
        )


def _custom_defaults(make: MakeOptimizer) -> Mapping[str, Any]:
    """Return the fields that the arguments of a custom optimizer name."""
    parameters = _parameters(make)
    if isinstance(make, type) and any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    ):  # Keras' base class takes the others
        parameters = {**_parameters(_from_keras("Optimizer")), **parameters}
    return {
        name: lacking
        if parameters[name].default in (None, inspect.Parameter.empty)
        else parameters[name].default
        for name, lacking in OPTIMIZER_FIELDS.items()
        if name in parameters
    }


def _parameters(make: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(make).parameters)
    except (TypeError, ValueError):  # some built-in functions have no signature
        return {}
