"""The parents of conditional fields, found by their values and checked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from kmlp.errors import ConfigError, call_all, raise_problems
from kmlp.model.domains import Conditional, Domain, Simple, count, listed
from kmlp.model.fields import ConfigField
from kmlp.model.hyperparameters import config_fields
from kmlp.model.text import value_text
from kmlp_tuning.space.conditions import (
    PARENTS,
    all_values,
    has_effect,
    hyperparameters_of,
    value_of,
)
from kmlp_tuning.space.notation import ByValue, check_searched


def resolved(given: Mapping[str, Domain | ByValue]) -> dict[str, Domain]:
    """Find and check the parents of conditional fields.

    Args:
        given: The domains of all searched fields.

    Raises:
        ConfigError: if a parent is not searched or is itself conditional, or if the values
            of a parent and the domains do not agree.
    """
    found = with_parents(given)
    makers = [partial(_checked, name, domain, found) for name, domain in found.items()]
    domains = dict(zip(found, call_all(makers), strict=True))
    call_all(partial(_check_effect, name, domains) for name in domains)
    call_all(partial(_check_parents, name, domains) for name in domains)
    return domains


def with_parents(given: Mapping[str, Domain | ByValue]) -> dict[str, Domain]:
    """Find the parents of conditional fields by their values.

    Raises:
        ConfigError: if no field has the values, or several have them.

    Example:
    >>> from kmlp.model.domains import Choice, Range
    >>> rates = ByValue({"sgd": Range(0.01, 1.0), "adam": Range(0.001, 0.1)})
    >>> given = {"optimizer": Choice(("sgd", "adam")), "learning_rate": rates}
    >>> with_parents(given)["learning_rate"].parent
    'optimizer'
    """
    makers = [partial(_with_parent, name, domain, given) for name, domain in given.items()]
    return dict(zip(given, call_all(makers), strict=True))


def _with_parent(
    name: str, domain: Domain | ByValue, given: Mapping[str, Domain | ByValue]
) -> Domain:
    if isinstance(domain, ByValue):
        domain = Conditional(_parent_by_values(name, domain, given), domain.domains)
    if not isinstance(domain, Conditional):
        return domain
    domains = {value_of(domain.parent, key): each for key, each in domain.domains.items()}
    return Conditional(domain.parent, domains)


def _checked(name: str, domain: Domain, given: Mapping[str, Domain]) -> Domain:
    """Return the domain with the values of its parent in their order."""
    if not isinstance(domain, Conditional):
        return domain
    parent = given.get(domain.parent)
    if parent is None:
        raise ConfigError([_not_searched(name, domain.parent)])
    if isinstance(parent, Conditional):
        return domain  # `_check_parents` refuses it
    if count(parent) is None:
        raise ConfigError(
            [
                f"`{name}` has a domain for each value of `{domain.parent}`, whose values "
                f"are a range of numbers. Give a list of values of `{domain.parent}`."
            ]
        )
    return Conditional(domain.parent, _by_value(name, domain, listed(parent)))


def _by_value(name: str, domain: Conditional, values: list[Any]) -> dict[Any, Simple]:
    """Return the domains in the order of the values of the parent."""
    parent = domain.parent
    domains = domain.domains
    own = PARENTS.get(name) == parent
    effective = [value for value in values if not own or has_effect(name, value)]
    missing = [value for value in effective if value not in domains]
    problems = []
    if missing:
        problems.append(missing_text(name, parent, missing, effective))
    for key in domains:
        text = _texts(parent, [key])
        if key not in values:
            problems.append(
                f"`{name}` has a domain for {text}, which `{parent}` does not have: it is "
                f"{_texts(parent, values)}. Leave {text} out."
            )
        elif key not in effective:
            problems.append(
                f"`{name}` has no effect if `{parent}` is {text}, but has a domain for it. "
                f"Leave {text} out."
            )
    raise_problems(problems)
    return {value: domains[value] for value in effective}


def missing_text(name: str, parent: str, missing: list[Any], values: list[Any]) -> str:
    """Return the problem of a field without a domain for some values of its parent."""
    return (
        f"`{name}` has no domain for {_texts(parent, missing)} of `{parent}`. Give one for "
        f"each value: {_texts(parent, values)}."
    )


def _parent_by_values(
    name: str, domain: ByValue, given: Mapping[str, Domain | ByValue]
) -> str:
    """Return the searched field that has most of the values for which domains are given."""
    shared: dict[str, int] = {}
    for parent, of_parent in given.items():
        if parent == name or isinstance(of_parent, ByValue):
            continue
        if isinstance(of_parent, Conditional) or count(of_parent) is not None:
            values = all_values(of_parent)
            keys = [value_of(parent, key) for key in domain.domains]
            shared[parent] = sum(key in values for key in keys)
    most = max(shared.values(), default=0)
    parents = [parent for parent, number in shared.items() if number == most]
    texts = ", ".join(map(str, domain.domains))
    if most and len(parents) == 1:
        return parents[0]
    if most:
        both = " and of ".join(f"`{parent}`" for parent in parents)
        problem = (
            f"`{name}` has domains for {texts}, which are values of {both}. Name the "
            f"field: {{{parents[0]} = {{...}}}}."
        )
    elif named := _field_of_names(domain):
        problem = _not_searched(name, named)
    else:
        problem = (
            f"`{name}` has domains for {texts}, but no searched field has such values. A "
            "range has low and high, and perhaps sampling."
        )
    raise ConfigError([problem])


def _field_of_names(domain: ByValue) -> str | None:
    """Return a field that has all values for which domains are given, as names."""
    for name, field in config_fields().items():
        if field.named and all(_is_value(field, key) for key in domain.domains):
            return name
    return None


def _check_effect(name: str, domains: Mapping[str, Domain]) -> None:
    """Check that a field has an effect with some value of its parent."""
    parent = PARENTS.get(name)
    if parent is not None and parent in domains:
        values = all_values(domains[parent])
        if not any(has_effect(name, value) for value in values):
            raise ConfigError(
                [
                    f"`{name}` has no effect if `{parent}` is {_texts(parent, values)}, so "
                    "it cannot be searched."
                ]
            )


def _check_parents(name: str, domains: Mapping[str, Domain]) -> None:
    """Check that the fields on which a field depends do not depend on others."""
    for parent in hyperparameters_of(name, domains)[0].conditions:
        for other in hyperparameters_of(parent, domains)[0].conditions:
            raise ConfigError(
                [
                    f"`{name}` depends on `{parent}`, which itself depends on `{other}`. "
                    f"Give `{parent}` a domain that does not, or fix `{name}`."
                ]
            )


def _not_searched(name: str, parent: str) -> str:
    return (
        f"`{name}` has a domain for each value of `{parent}`, but `{parent}` is not "
        f"searched. Give several values of `{parent}`, or one domain of `{name}`."
    )


def _is_value(field: ConfigField, key: Any) -> bool:
    try:
        check_searched(field.name)
        field.parse(str(key))
    except ConfigError:
        return False
    return True


def _texts(name: str, values: list[Any]) -> str:
    return ", ".join(
        value if isinstance(value, str) else value_text(name, value) for value in values
    )
