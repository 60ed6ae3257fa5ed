"""Domains of fields: a choice or a range, given as text, as values or as an object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from kmlp._util.user_files import parsed_toml, read_text
from kmlp.errors import ConfigError, call_all, raise_problems, unknown_name
from kmlp.model.config import RunConfig
from kmlp.model.fields import ConfigField
from kmlp.model.hyperparameters import config_fields
from kmlp.model.params import parse_param_values
from kmlp.model.text import value_text

SEARCHED = {
    "width": "32,64,128,256,512",
    "depth": "1,2,3",
    "activation": "relu,tanh,gelu",
    "learning_rate": "1e-3:1:log",
    "batch_size": "16,32,64,128",
}
"""The default space, in the notation of the command line."""

WITHOUT_HIDDEN_LAYERS = ("width", "activation")
"""The fields that have no effect where `depth` is 0, and have no value there."""

_NOT_SEARCHED = {
    "seed": "the best seed is luck. The runs and the choice of configurations have that of "
    "--seed",
    "dataset": "accuracies on different images cannot be compared",
    "validation_fraction": "accuracies on different validation images cannot be compared",
    "resplit": "accuracies on different validation images cannot be compared",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values of a field."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Any number from `low` to `high`, both included."""

    low: float
    high: float
    sampling: Literal["linear", "log"] = "linear"
    """"linear": all numbers are equally probable; "log": all logarithms are. Defaults
    to "linear"."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Fields, divided into searched and fixed ones."""

    searched: dict[str, Choice | Range]
    """The fields with several values."""
    fixed: dict[str, Any]
    """The fields with one value."""


def has_value(name: str, config: RunConfig) -> bool:
    """Return True if a field has an effect in a configuration."""
    return config.depth > 0 or name not in WITHOUT_HIDDEN_LAYERS


def parse_space(
    fields: Mapping[str, Any], *, searched: Mapping[str, Any] = SEARCHED
) -> Parsed:
    """Divide fields into searched ones, with several values, and fixed ones.

    Args:
        fields: One value, several values or a range for each field, also as text.
        searched: The fields that `fields` overrides. Defaults to `SEARCHED`, without
            fields that have no effect with the `depth` or `width` in `fields`.

    Raises:
        ConfigError: with every problem at once.

    Example:
    >>> parsed = parse_space({"width": "64,128", "depth": "0:6", "momentum": "0.9"})
    >>> parsed.searched["width"], parsed.searched["depth"]
    (Choice(values=(64, 128)), Range(low=0, high=6, sampling='linear'))
    >>> parsed.fixed
    {'momentum': 0.9}
    """
    others = dict(searched)
    if searched is SEARCHED:
        if str(fields.get("depth")).strip() == "0":
            others = {
                name: value
                for name, value in others.items()
                if name not in WITHOUT_HIDDEN_LAYERS
            }
        if _state_depth(fields.get("width")):
            others.pop("depth")
    given = {**others, **fields}
    domains = call_all(partial(domain_of, name, value) for name, value in given.items())
    parsed = Parsed({}, {})
    for name, domain in zip(given, domains, strict=True):
        if isinstance(domain, Choice) and len(domain.values) == 1:
            [parsed.fixed[name]] = domain.values
        else:
            _check_searched(name)
            parsed.searched[name] = domain
    return parsed


def _state_depth(widths: Any) -> bool:
    """Return True if one of the widths has a number of units for each layer."""
    if isinstance(widths, str):
        return "x" in widths
    values = _values(widths.values if isinstance(widths, Choice) else widths)
    return any(isinstance(width, tuple | list) or "x" in str(width) for width in values)


def read_space(path: Path) -> dict[str, Any]:
    """The fields of a TOML file, for `parse_space` and `SearchSpace`.

    A value is a text as on the command line, a list of values, a table with `low`, `high`
    and perhaps `sampling`, or one value, which is fixed.

    Raises:
        ConfigError: if the file cannot be read.
    """
    fields = parsed_toml(str(path), read_text(path))
    if not fields:
        raise ConfigError([f'{path} has no field, such as width = "64,128".'])
    return fields


def domain_of(name: str, given: Any) -> Choice | Range:
    """Return the checked domain of a field; a single value is a choice of one.

    Raises:
        ConfigError: if the field is unknown, or a value is wrong.
    """
    if name not in config_fields():
        allowed = [field for field in config_fields() if field not in _NOT_SEARCHED]
        raise ConfigError([unknown_name("field", str(name), allowed)])
    if name == "seed":
        _check_searched(name)
    field = config_fields()[name]
    if isinstance(given, str) and field.type in (int, float) and ":" in given:
        given = _parse_range(field, given)
    if isinstance(given, Mapping):
        given = _range_of_table(name, given)
    if isinstance(given, Range):
        return _check_range(field, given)
    if isinstance(given, str):
        values: list[Any] = list(parse_param_values(name, given))
    else:
        values = _values(given.values if isinstance(given, Choice) else given)
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


def searched_domain(name: str, given: Any) -> Choice | Range:
    """Return the checked domain of a searched field.

    Raises:
        ConfigError: if the field has one value only, or cannot be searched.
    """
    domain = domain_of(name, given)
    _check_searched(name)
    if isinstance(domain, Choice) and len(domain.values) == 1:
        raise ConfigError(
            [
                f"`{name}` should be searched, but has one value. Give several values, or "
                "fix the field in the configuration."
            ]
        )
    return domain


def listed(domain: Choice | Range) -> list[Any]:
    """All values of a choice, or of a range of whole numbers."""
    if isinstance(domain, Choice):
        return list(domain.values)
    return list(range(int(domain.low), int(domain.high) + 1))


def ends(domain: Choice | Range) -> list[Any]:
    """The values of a choice, or the ends of a range."""
    return list(domain.values) if isinstance(domain, Choice) else [domain.low, domain.high]


def count(domain: Choice | Range) -> int | None:
    """The number of values; None if it is infinite."""
    if isinstance(domain, Choice):
        return len(domain.values)
    return int(domain.high - domain.low) + 1 if isinstance(domain.low, int) else None


def steps_of(domain: Choice | Range, number: int) -> Choice:
    """Return at most `number` values of a domain, evenly spread, with both ends.

    >>> steps_of(Range(1, 1000, "log"), 4), steps_of(Range(0.0, 1.0), 3)
    (Choice(values=(1, 10, 100, 1000)), Choice(values=(0.0, 0.5, 1.0)))
    """
    if isinstance(domain, Choice):
        return domain
    size = count(domain)
    if size is not None and size <= number:
        return Choice(tuple(listed(domain)))
    shares = [index / (number - 1) for index in range(number)]
    if domain.sampling == "log":
        values = [domain.low * (domain.high / domain.low) ** share for share in shares]
    else:
        values = [domain.low + (domain.high - domain.low) * share for share in shares]
    values[-1] = domain.high
    if isinstance(domain.low, int):
        values = [round(value) for value in values]
    return Choice(tuple(dict.fromkeys(values)))


def domain_text(name: str, domain: Choice | Range) -> str:
    """A domain in the notation of the command line.

    >>> domain_text("width", Choice((64, (300, 100))))
    '64,300x100'
    >>> domain_text("learning_rate", Range(0.001, 1.0, "log"))
    '0.001:1.0:log'
    """
    text = (":" if isinstance(domain, Range) else ",").join(
        value_text(name, value) for value in ends(domain)
    )
    return f"{text}:log" if isinstance(domain, Range) and domain.sampling == "log" else text


def _check_searched(name: str) -> None:
    if name in _NOT_SEARCHED:
        raise ConfigError([f"`{name}` is not searched: {_NOT_SEARCHED[name]}."])


def _values(given: Any) -> list[Any]:
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        return list(given)
    return [given]


def _convert(field: ConfigField, value: Any) -> Any:
    """Convert a value, or the text of one, such as `300x100` or `none`."""
    return field.parse(value) if isinstance(value, str) else field.convert(value)


def _parse_range(field: ConfigField, text: str) -> Range:
    low, high, *sampling = (part.strip() for part in text.split(":"))
    if sampling not in ([], ["log"], ["linear"]):
        raise ConfigError(
            [
                f'"{text}" of `{field.name}` is not a range. Give LOW:HIGH or '
                "LOW:HIGH:log: 1e-4:1e-1:log."
            ]
        )
    first, last = call_all([partial(field.parse, low), partial(field.parse, high)])
    return Range(first, last, "log" if sampling == ["log"] else "linear")


def _range_of_table(name: str, given: Mapping[str, Any]) -> Range:
    allowed = {"low", "high", "sampling"}
    if not {"low", "high"} <= set(given) <= allowed:
        raise ConfigError(
            [
                f"`{name}` has {', '.join(map(str, given)) or 'nothing'}, but a range has "
                "low and high, and perhaps sampling."
            ]
        )
    return Range(**given)


def _check_range(field: ConfigField, given: Range) -> Range:
    if field.type not in (int, float):
        raise ConfigError(
            [f"`{field.name}` is not a number, so it has no range. Give a list of values."]
        )
    if given.sampling not in ("linear", "log"):
        raise ConfigError(
            [
                f"The sampling of `{field.name}` is {given.sampling!r}, but must be "
                '"linear" or "log".'
            ]
        )
    low, high = call_all([partial(field.convert, end) for end in (given.low, given.high)])
    if not (isinstance(low, int | float) and isinstance(high, int | float)):
        raise ConfigError([f"The range of `{field.name}` must be of two numbers."])
    problems = []
    text = f"The range of `{field.name}` is {low} to {high}, but must be"
    if not low < high:
        problems.append(f"{text} `low < high`.")
    if given.sampling == "log" and low <= 0:
        problems.append(f"{text} `low > 0` to be sampled by its logarithm.")
    raise_problems(problems)
    return Range(low, high, given.sampling)
