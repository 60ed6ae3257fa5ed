"""The hyperparameters of a space in the form of Keras Tuner, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from kmlp.errors import ConfigError
from kmlp.model.domains import Choice, Range, Simple
from kmlp.model.hyperparameters import config_fields
from kmlp.model.text import value_text
from kmlp_tuning.space.conditions import Parameter

if TYPE_CHECKING:
    import keras_tuner


def declare(hp: keras_tuner.HyperParameters, parameter: Parameter) -> Any:
    """Declare a hyperparameter, and return its value; None if it is not active.

    Its conditions are on hyperparameters that are declared already.
    """
    domain = parameter.domain
    with ExitStack() as scopes:
        for parent, values in parameter.conditions.items():
            of_parent = next(each for each in hp.space if each.name == parent)
            texts = isinstance(of_parent.default, str)
            allowed = [value_text(parent, value) if texts else value for value in values]
            scopes.enter_context(hp.conditional_scope(parent, allowed))
        if isinstance(domain, Choice):
            choices = [_to_tuner(parameter, value) for value in domain.values]
            return hp.Choice(parameter.name, choices)
        make: Callable[..., Any] = hp.Int if isinstance(domain.low, int) else hp.Float
        return make(parameter.name, domain.low, domain.high, sampling=domain.sampling)


def from_tuner(parameter: Parameter, value: Any) -> Any:
    """Return the value of a field for a value of Keras Tuner."""
    if isinstance(parameter.domain, Choice) and _texts(parameter.domain):
        return config_fields()[parameter.field].parse(value)
    return value


def domains_of(hyperparameters: Iterable[Any]) -> dict[str, Any]:
    """Return the domains by field of hyperparameters that `declare` declared.

    Raises:
        ConfigError: if a hyperparameter has steps, or depends on a value that its
            conditions do not have.
    """
    domains: dict[str, Any] = {}
    for hp in hyperparameters:
        name, colon, value = hp.name.partition(":")
        if not colon:
            domains[name] = _domain_of(hp)
            continue
        parents = [
            condition.name
            for condition in hp.conditions
            if [str(each) for each in condition.values] == [value]
        ]
        if not parents:
            raise ConfigError(
                [f"The hyperparameter {hp.name} is not conditional on the value {value}."]
            )
        domains.setdefault(name, {parents[0]: {}})[parents[0]][value] = _domain_of(hp)
    return domains


def _texts(domain: Choice) -> bool:
    """Return True if Keras Tuner gets the values of a choice as texts.

    Its choices have one plain type, and turn truth values into numbers.
    """
    kinds = {type(value) for value in domain.values}
    return len(kinds) > 1 or not kinds <= {int, float, str}


def _to_tuner(parameter: Parameter, value: Any) -> Any:
    assert isinstance(parameter.domain, Choice)
    return value_text(parameter.field, value) if _texts(parameter.domain) else value


def _domain_of(hp: Any) -> Simple:
    import keras_tuner

    kinds = keras_tuner.engine.hyperparameters
    if isinstance(hp, kinds.Boolean):
        return Choice((False, True))
    if isinstance(hp, kinds.Choice):
        return Choice(tuple(hp.values))
    if not isinstance(hp, kinds.Int | kinds.Float) or hp.step not in (None, 1):
        raise ConfigError(
            [f"The hyperparameter {hp.name} is neither a choice nor a range without steps."]
        )
    return Range(hp.min_value, hp.max_value, hp.sampling)
