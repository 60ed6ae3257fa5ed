"""The division of given fields into searched and fixed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from kmlp.errors import ConfigError, call_all, collect_errors
from kmlp.model.config import RunConfig
from kmlp.model.domains import Choice, Conditional, Domain
from kmlp.model.hyperparameters import config_fields
from kmlp_tuning.space._parents import missing_text, resolved, with_parents
from kmlp_tuning.space.default import SEARCHED, default_fields, values_of
from kmlp_tuning.space.notation import ByValue, check_searched, domain_of
from kmlp_tuning.space.space import SearchSpace


@dataclass(frozen=True, slots=True)
class Parsed:
    """Fields, divided into searched and fixed ones."""

    searched: dict[str, Domain]
    """The fields with several values."""
    fixed: dict[str, Any]
    """The fields with one value."""


def parse_space(
    fields: Mapping[str, Any],
    *,
    searched: Mapping[str, Any] = SEARCHED,
    base: RunConfig | None = None,
) -> Parsed:
    """Divide fields into searched ones, with several values, and fixed ones.

    Args:
        fields: One value, several values or a range for each field, also as text.
        searched: The fields that `fields` overrides. Defaults to `SEARCHED`, adapted to
            `fields` and `base`: see `default_fields`.
        base: The configuration with the other fields. Defaults to None: their defaults.

    Raises:
        ConfigError: with every problem at once.

    Example:
    >>> parsed = parse_space({"width": "64,128", "depth": "0:6", "momentum": "0.9"})
    >>> parsed.searched["width"], parsed.searched["depth"]
    (Choice(values=(64, 128)), Range(low=0, high=6, sampling='linear'))
    >>> parsed.fixed
    {'momentum': 0.9}
    """
    given = _domains(fields)
    if searched is SEARCHED:
        others = default_fields(given, base)
    else:
        others = _others(_domains(searched), given)
    domains = with_parents({**others, **given})
    parsed = Parsed({}, {})
    for name, domain in domains.items():
        if isinstance(domain, Choice) and len(domain.values) == 1:
            [parsed.fixed[name]] = domain.values
        else:
            check_searched(name)
            parsed.searched[name] = domain
    parsed.searched.update(resolved(parsed.searched))
    return parsed


def default_space(base: RunConfig | None = None) -> SearchSpace:
    """Return the default space, which `kmlp tune --help` shows.

    Args:
        base: The configuration with the fixed fields. The optimizers of the space are
            those that take its fields. Defaults to None: `RunConfig()`.
    """
    domains = default_fields({}, base)
    return SearchSpace(
        {
            name: domain
            for name, domain in domains.items()
            if not isinstance(domain, Choice) or len(domain.values) > 1
        }
    )


def space_and_base(
    fields: Mapping[str, Any],
    *,
    searched: Mapping[str, Any] = SEARCHED,
    base: RunConfig | None = None,
) -> tuple[SearchSpace, RunConfig]:
    """Divide fields into searched and fixed ones.

    Args:
        fields: One value, several or a range for each field; the seed has one value.
        searched: The fields of the space that `fields` overrides. Defaults to the default
            space.
        base: The configuration that has the other fields. Defaults to None: their defaults.

    Returns:
        The space, and a configuration that has the fixed fields.

    Raises:
        ConfigError: with every problem at once.

    Example:
    >>> fields = {"width": [64, 128], "learning_rate": "1e-4:1e-1:log", "momentum": 0.9}
    >>> space, base = space_and_base(fields, searched={})
    >>> list(space.fields), base.momentum
    (['width', 'learning_rate'], 0.9)
    """
    width = fields.get("width")
    if isinstance(width, tuple) and len(width) > 1:
        raise ConfigError(
            [
                f"The value of `width` is {width}, which can be one network or several "
                f"widths. Give [{width}] or {list(width)}."
            ]
        )
    seed = config_fields()["seed"]
    own_seed: dict[str, Any] = {}
    with collect_errors() as step:
        with step():
            parsed = parse_space(
                {name: value for name, value in fields.items() if name != seed.name},
                searched=searched,
                base=base,
            )
        with step():
            if seed.name in fields:
                value = fields[seed.name]
                convert = seed.parse if isinstance(value, str) else seed.convert
                own_seed[seed.name] = convert(value)
    space = SearchSpace(parsed.searched)
    fixed = {**parsed.fixed, **own_seed}
    return space, space.base(fixed) if base is None else base.with_fields(**fixed)


def _others(
    searched: Mapping[str, Domain | ByValue], given: Mapping[str, Domain | ByValue]
) -> dict[str, Domain]:
    """Return the domains that are not replaced, for the given values of their parents."""
    named = {name: each for name, each in given.items() if not isinstance(each, ByValue)}
    domains = with_parents({**named, **searched})
    return {
        name: _narrowed(name, domain, given) if isinstance(domain, Conditional) else domain
        for name, domain in domains.items()
        if name not in given
    }


def _narrowed(
    name: str, domain: Conditional, given: Mapping[str, Domain | ByValue]
) -> Domain:
    """Return the domains for the given values of the parent, which replace others."""
    if domain.parent not in given:
        return domain
    values = values_of(given[domain.parent])
    domains = {value: each for value, each in domain.domains.items() if value in values}
    if len(values) > 1:
        return Conditional(domain.parent, domains)
    if not domains:
        raise ConfigError([missing_text(name, domain.parent, values, values)])
    return domains[values[0]]


def _domains(fields: Mapping[str, Any]) -> dict[str, Domain | ByValue]:
    makers = [partial(domain_of, name, value) for name, value in fields.items()]
    return dict(zip(fields, call_all(makers), strict=True))
