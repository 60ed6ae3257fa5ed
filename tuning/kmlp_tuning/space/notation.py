"""Domains that are given as text, as values, as tables or as objects, each checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kmlp._util.user_files import parsed_toml, read_text
from kmlp.errors import ConfigError, call_all, raise_problems, unknown_name
from kmlp.model.domains import (
    RANGE_KEYS,
    Choice,
    Conditional,
    Domain,
    Range,
    Simple,
    check_range,
    parse_range,
    range_of_table,
)
from kmlp.model.fields import ConfigField
from kmlp.model.hyperparameters import config_fields
from kmlp.model.params import parse_param_values
from kmlp.model.text import value_text

_NOT_SEARCHED = {
    "seed": "the best seed is luck. The runs and the choice of configurations have that of "
    "--seed",
    "dataset": "results on different examples cannot be compared",
    "validation_fraction": "results on different validation examples cannot be compared",
    "resplit": "results on different validation examples cannot be compared",
    "folds": "each trial has one seed, so it would validate on one fold. Leave `folds` "
    "out, and compare the best trials by an ablation with folds",
}


@dataclass(frozen=True, slots=True)
class ByValue:
    """Domains by the values of another field that is not named."""

    domains: Mapping[Any, Simple]


def read_space(path: Path) -> dict[str, Any]:
    """Return the fields of a TOML file, for `parse_space` and `SearchSpace`.

    A value is a text as on the command line, a list of values, one value, which is fixed,
    or a table: `low`, `high` and perhaps `sampling`, or a domain for each value of another
    field.

    Raises:
        ConfigError: if the file cannot be read.
    """
    fields = parsed_toml(str(path), read_text(path))
    if not fields:
        raise ConfigError([f'{path} has no field, such as width = "64,128".'])
    return fields


def domain_of(name: str, given: Any) -> Domain | ByValue:
    """Return the checked domain of a field; a single value is a choice of one.

    Raises:
        ConfigError: if the field is unknown, or a value is wrong.
    """
    if name not in config_fields():
        allowed = [field for field in config_fields() if field not in _NOT_SEARCHED]
        raise ConfigError([unknown_name("field", str(name), allowed)])
    if name in ("seed", "folds"):  # not even one value
        check_searched(name)
    if isinstance(given, str) and "=" in given:
        given = _split_by_value(name, given)
    if isinstance(given, Conditional):
        if given.parent not in config_fields():
            raise ConfigError([unknown_name("field", str(given.parent), config_fields())])
        return Conditional(given.parent, _domains_by_value(name, given.domains))
    if not isinstance(given, Mapping) or RANGE_KEYS & given.keys():
        return _simple_domain(name, given)
    if len(given) == 1 and isinstance(domains := next(iter(given.values())), Mapping):
        [parent] = given
        if parent in config_fields():
            return Conditional(parent, _domains_by_value(name, domains))
    return ByValue(_domains_by_value(name, given))


def check_several(name: str, domain: Domain | ByValue) -> None:
    """Check that a domain has more than one value.

    Raises:
        ConfigError: if it has not, or if the field cannot be searched.
    """
    check_searched(name)
    if isinstance(domain, Choice) and len(domain.values) == 1:
        raise ConfigError(
            [
                f"`{name}` should be searched, but has one value. Give several values, or "
                "fix the field in the configuration."
            ]
        )


def check_searched(name: str) -> None:
    """Check that a field can be searched.

    Raises:
        ConfigError: if it cannot, with the reason.
    """
    if name in _NOT_SEARCHED:
        raise ConfigError([f"`{name}` is not searched: {_NOT_SEARCHED[name]}."])


def _domains_by_value(name: str, given: Mapping[Any, Any]) -> dict[Any, Simple]:
    if not given:
        raise ConfigError([f"`{name}` has no value. Give one or several."])
    domains = call_all(partial(_simple_domain, name, each) for each in given.values())
    return dict(zip(given, domains, strict=True))


def _split_by_value(name: str, text: str) -> dict[str, str]:
    """Divide a text such as `sgd=1e-3:1:log,adam=0.001,0.01` at the values before `=`."""
    domains: dict[str, list[str]] = {}
    for part in text.split(","):
        value, equals, first = part.partition("=")
        value = value.strip()
        if equals and value not in domains:
            domains[value] = [first]
        elif equals or not domains:
            raise ConfigError(
                [
                    f'"{text}" of `{name}` does not have one domain for each value. Give '
                    "VALUE=DOMAIN,VALUE=DOMAIN: sgd=1e-3:1:log,adam=1e-4:1e-1:log."
                ]
            )
        else:
            domains[next(reversed(domains))].append(part)
    return {value: ",".join(parts) for value, parts in domains.items()}


def _simple_domain(name: str, given: Any) -> Simple:
    field = config_fields()[name]
    if isinstance(given, str) and field.type in (int, float) and ":" in given:
        given = parse_range(field, given)
    if isinstance(given, Mapping):
        given = range_of_table(name, given)
    if isinstance(given, Conditional):
        raise ConfigError([f"`{name}` depends on several fields. Let it depend on one."])
    if isinstance(given, Range):
        return check_range(field, given)
    if isinstance(given, str):
        values: list[Any] = list(parse_param_values(name, given))
    else:
        values = values_in(given)
    converted = call_all(partial(_convert, field, value) for value in values)
    problems = [
        f"The value {value_text(name, value)} of `{name}` is given "
        f"{converted.count(value)} times. Give it once."
        for value in dict.fromkeys(converted)
        if converted.count(value) > 1
    ]
    problems += [
        f"The value {value_text(name, value)} of `{name}` has equal layers: give "
        f"{value[0]}, and a `depth` of {len(value)}."
        for value in converted
        if len(converted) > 1 and isinstance(value, tuple) and len(set(value)) == 1
    ]
    if not converted:
        problems.append(f"`{name}` has no value. Give one or several.")
    raise_problems(problems)
    return Choice(tuple(converted))


def values_in(given: Any) -> list[Any]:
    """Return the values of a choice or another iterable; a single value as a list."""
    if isinstance(given, Choice):
        return list(given.values)
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        return list(given)
    return [given]


def _convert(field: ConfigField, value: Any) -> Any:
    """Convert a value, or the text of one, such as `300x100` or `none`."""
    return field.parse(value) if isinstance(value, str) else field.convert(value)
