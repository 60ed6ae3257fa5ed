"""Domains of fields: a choice, a range, or one of these for each value of another field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from kmlp.errors import ConfigError, call_all, raise_problems
from kmlp.model.fields import ConfigField
from kmlp.model.text import value_text


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
class Conditional:
    """A domain for each value of another searched field, such as rates by optimizer.

    Example:
    >>> rates = {"sgd": Range(0.001, 1.0, "log"), "adam": Range(0.0001, 0.1, "log")}
    >>> domain_text("learning_rate", Conditional("optimizer", rates))
    'sgd=0.001:1.0:log,adam=0.0001:0.1:log'
    """

    parent: str
    """The other field."""
    domains: Mapping[Any, Choice | Range]
    """The domain of the field by value of the other one. A field that has no effect with a
    value, such as momentum with adam, has no domain for it."""


RANGE_KEYS = {"low", "high", "sampling"}
"""The keys of a range that is given as a table."""

Simple = Choice | Range
"""A domain that does not depend on another field."""
Domain = Choice | Range | Conditional


def listed(domain: Simple) -> list[Any]:
    """Return all values of a choice, or of a range of whole numbers."""
    if isinstance(domain, Choice):
        return list(domain.values)
    return list(range(int(domain.low), int(domain.high) + 1))


def ends(domain: Domain) -> list[Any]:
    """Return the values of choices, and the ends of ranges."""
    if isinstance(domain, Conditional):
        every = [end for each in domain.domains.values() for end in ends(each)]
        return list(dict.fromkeys(every))
    return list(domain.values) if isinstance(domain, Choice) else [domain.low, domain.high]


def count(domain: Simple) -> int | None:
    """Return the number of values; None if it is infinite."""
    if isinstance(domain, Choice):
        return len(domain.values)
    return int(domain.high - domain.low) + 1 if isinstance(domain.low, int) else None


def span(domain: Domain) -> Simple:
    """Return the smallest domain, of one piece, that has all values of a domain.

    >>> span(Conditional("optimizer", {"sgd": Range(0.1, 1.0), "adam": Choice((0.01,))}))
    Range(low=0.01, high=1.0, sampling='linear')
    """
    if not isinstance(domain, Conditional):
        return domain
    ranges = [each for each in domain.domains.values() if isinstance(each, Range)]
    values = ends(domain)
    if ranges:
        log = any(each.sampling == "log" for each in ranges) and min(values) > 0
        return Range(min(values), max(values), "log" if log else "linear")
    numbers = all(isinstance(value, int | float) for value in values)
    return Choice(tuple(sorted(values) if numbers else values))


def number_at(domain: Range, place: float) -> float:
    """Return the number at a place in a range of floats: the inverse of `place_in`.

    >>> number_at(Range(0.01, 1.0, "log"), 0.5), number_at(Range(0.0, 4.0), 0.25)
    (0.1, 1.0)
    """
    low, high = domain.low, domain.high
    if domain.sampling == "log":
        return float(low * (high / low) ** place)
    return float(low + (high - low) * place)


def place_in(domain: Range, number: float) -> float:
    """Return the place of a number in a range: 0 for its low end, 1 for its high end.

    >>> place_in(Range(0.01, 1.0, "log"), 0.1), place_in(Range(0, 4), 1)
    (0.5, 0.25)
    """
    low, high = domain.low, domain.high
    if domain.sampling == "log":
        return math.log(number / low) / math.log(high / low)
    return (number - low) / (high - low)


def steps_of(domain: Domain, number: int) -> Domain:
    """Return at most `number` values of a domain, evenly spread, with both ends.

    >>> steps_of(Range(1, 1000, "log"), 4), steps_of(Range(0.0, 1.0), 3)
    (Choice(values=(1, 10, 100, 1000)), Choice(values=(0.0, 0.5, 1.0)))
    """
    if isinstance(domain, Conditional):
        by_value = {value: _steps(each, number) for value, each in domain.domains.items()}
        return Conditional(domain.parent, by_value)
    return _steps(domain, number)


def _steps(domain: Simple, number: int) -> Choice:
    if isinstance(domain, Choice):
        return domain
    size = count(domain)
    if size is not None and size <= number:
        return Choice(tuple(listed(domain)))
    shares = [index / (number - 1) for index in range(number)]
    values: list[float] = [number_at(domain, share) for share in shares]
    values[-1] = domain.high
    if isinstance(domain.low, int):
        values = [round(value) for value in values]
    return Choice(tuple(dict.fromkeys(values)))


def domain_text(name: str, domain: Domain) -> str:
    """Return a domain in the notation of the command line.

    >>> domain_text("width", Choice((64, (300, 100))))
    '64,300x100'
    >>> domain_text("learning_rate", Range(0.001, 1.0, "log"))
    '0.001:1.0:log'
    """
    if isinstance(domain, Conditional):
        return ",".join(
            f"{value_text(domain.parent, value)}={domain_text(name, each)}"
            for value, each in domain.domains.items()
        )
    text = (":" if isinstance(domain, Range) else ",").join(
        value_text(name, value) for value in ends(domain)
    )
    return f"{text}:log" if isinstance(domain, Range) and domain.sampling == "log" else text


def parse_range(field: ConfigField, text: str) -> Range:
    """Return the range that a text stands for: `LOW:HIGH`, or `LOW:HIGH:log`.

    Its ends are not compared: see `check_range`.

    Raises:
        ConfigError: if the text has another form.
    """
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


def range_of_table(name: str, given: Mapping[str, Any]) -> Range:
    """Return the range that a table with the keys `low`, `high` and `sampling` stands for.

    Raises:
        ConfigError: if it has other keys.
    """
    if not {"low", "high"} <= set(given) <= RANGE_KEYS:
        raise ConfigError(
            [
                f"`{name}` has {', '.join(map(str, given)) or 'nothing'}, but a range has "
                "low and high, and perhaps sampling."
            ]
        )
    return Range(**given)


def check_range(field: ConfigField, given: Range) -> Range:
    """Return a range of a field, with its ends in the field's type.

    Raises:
        ConfigError: if the field has no such range.
    """
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
