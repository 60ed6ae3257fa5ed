"""Fields of a configuration: type, rule and description of each, declared once.

The checks, the parsing of text, the command line's options and its help all use these
declarations.
"""

from __future__ import annotations

import math
import struct
import typing
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from enum import StrEnum
from fractions import Fraction
from typing import Any

from kmlp._util.numbers import as_integer, as_number
from kmlp.errors import ConfigError, UnknownNameError, shown


@dataclass(frozen=True, slots=True)
class Doc:
    """The description of a field, with its unit, which help texts show."""

    text: str
    """The description."""


class Group(StrEnum):
    """The group of a field, whose value is its heading in help texts."""

    NETWORK = "network"
    """The layers of the model, and their initial weights."""
    TRAINING = "training"
    """The loss, and the steps that minimize it."""
    REGULARIZATION = "regularization"
    """The means against overfitting."""
    DATA = "data"
    """The examples, and their division."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition for a field's value."""

    text: str
    """The condition as code, which messages show."""
    holds: Callable[[Any], bool]
    """Function that returns True if a value satisfies the condition."""


def at_least(field: str, least: int) -> Rule:
    """Return the rule that a field's value is not less than a number."""
    return Rule(f"{field} >= {least}", lambda value: value >= least)


@dataclass(frozen=True, slots=True)
class Name:
    """The mark of a field whose value is the name of an object."""

    check: Callable[[str], str | None]
    """Function that raises `UnknownNameError` for an unknown name. If several texts name
    the same object, it returns the text to use."""


@dataclass(frozen=True, slots=True)
class NoneWord:
    """The word that stands for None in a value given as text."""

    word: str
    """The word, in lower case."""


@dataclass(frozen=True, slots=True)
class Derived:
    """The mark of a field whose default follows from the fields before it."""

    text: str
    """The default as help texts show it."""
    make: Callable[[Any], Any]
    """Function that returns the value for an instance whose earlier fields are set."""
    source: str = ""
    """The field on whose value the default depends, so that a configuration with another
    value has another default. Defaults to "": a changed configuration keeps the value."""


@dataclass(frozen=True, slots=True)
class ConfigField:
    """One field of a configuration, with all parts of its declaration."""

    name: str
    """The name of the field."""
    type: type
    """The type of a value."""
    sequence: bool
    """True if a tuple of the type is allowed, too."""
    optional: bool
    """True if None is allowed."""
    default: Any
    """The default value."""
    doc: str
    """The description."""
    group: Group
    """The group."""
    rule: Rule | None
    """The condition for a value; None without one."""
    named: Name | None
    """The check of a name; None if the value is not a name."""
    none_word: str
    """The word that stands for None in text."""
    derived: Derived | None
    """The derived default; None without one."""

    def derive(self, value: Any, owner: Any) -> Any:
        """Return the value; the derived default if the value is None.

        Args:
            value: The value.
            owner: The configuration, whose fields before this one are set.
        """
        return self.derived.make(owner) if self.derived and value is None else value

    def convert(self, value: Any) -> Any:
        """Return the value in the field's type; a list or an array as a tuple.

        The word that stands for None is None here, too.

        Raises:
            ConfigError: if the value has another type, breaks the rule, or is an unknown
                name.
        """
        if self.optional and (value is None or self._is_none_word(value)):
            return None
        several = self.sequence and _is_sequence(value)
        parts = [_convert(self.type, part) for part in (value if several else [value])]
        if not parts or None in parts:
            raise ConfigError([self._wrong_type(value, "(300, 100)")])
        converted = tuple(parts) if several else parts[0]
        for part in parts:
            self._check_size(part)
        if self.rule is not None and not all(map(self.rule.holds, map(as_computed, parts))):
            raise ConfigError(
                [
                    f"The value of `{self.name}` is {shown(converted)}, but "
                    f"{'each ' if several else ''}must be `{self.rule.text}`"
                    f"{', also as float32' if all(map(self.rule.holds, parts)) else ''}."
                ]
            )
        if self.named is not None:
            try:
                converted = self.named.check(parts[0]) or converted
            except UnknownNameError as error:
                raise ConfigError([str(error)]) from None
        return converted

    def _is_none_word(self, value: Any) -> bool:
        return isinstance(value, str) and value.lower() == self.none_word

    def could_be(self, value: Any) -> bool:
        """Return True if a stored value has the right type and satisfies the rule.

        Names are not checked.
        """
        if value is None:
            return self.optional or self.derived is not None
        several = self.sequence and isinstance(value, tuple)
        parts = value if several else [value]
        converted = [_convert(self.type, part) for part in parts]
        if not parts or None in converted:
            return False
        return self.rule is None or all(map(self.rule.holds, converted))

    def _check_size(self, number: Any) -> None:
        """Check that a number is not too large, and that float32 can hold it.

        Raises:
            ConfigError: if the number fails the check.
        """
        if isinstance(number, int):
            holds, sizes = abs(number) < 2**128, "less than 2**128"
        elif isinstance(number, float) and math.isfinite(number):
            size = abs(as_computed(number))
            holds = size == number == 0 or FLOAT32_MIN <= size < math.inf
            zero = "0, or " if self.rule is None or self.rule.holds(0.0) else ""
            sizes = f"{zero}from {FLOAT32_MIN:.2g} to {FLOAT32_MAX:.2g} (float32)"
        else:
            return
        if not holds:
            raise ConfigError(
                [f"The value of `{self.name}` is {shown(number)}, but must be {sizes}."]
            )

    def parse(self, text: str) -> Any:
        """Return the value of a text, such as `1e-3`, `1/6`, `relu`, `true` or `300x100`.

        Raises:
            ConfigError: if the text has another type, breaks the rule, or is an unknown
                name.
        """
        word = text.strip()
        if self.optional and self._is_none_word(word):
            return None
        try:
            values = list(
                map(_PARSERS[self.type], word.split("x") if self.sequence else [word])
            )
        except (ValueError, KeyError, ArithmeticError):
            raise ConfigError([self._wrong_type(word, "300x100")]) from None
        return self.convert(values if len(values) > 1 else values[0])

    def text(self, value: Any) -> str:
        """Return a value as text, in the form that `parse` reads."""
        if value is None:
            return self.none_word
        if isinstance(value, float) and (fraction := _as_fraction(value)):
            return fraction
        if isinstance(value, tuple | list):
            return "x".join(map(self.text, value))
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _wrong_type(self, value: Any, several: str) -> str:
        or_several = f", or several: {several}" if self.sequence else ""
        or_none = f" or {self.none_word}" if self.optional else ""
        return (
            f"The value of `{self.name}` is {shown(value)}, but must be "
            f"{_IN_WORDS[self.type]}{or_several}{or_none}."
        )


FLOAT32_MIN, FLOAT32_MAX = 2.0**-126, (2 - 2.0**-23) * 2.0**127
"""The least positive float32 that no backend rounds to 0, and the greatest float32."""


def as_computed(value: Any) -> Any:
    """Return a value as models compute with it: for a float, the nearest float32.

    >>> as_computed(0.99999999999), as_computed(1e39), as_computed(1e-46), as_computed(3)
    (1.0, inf, 0.0, 3)
    """
    if not isinstance(value, float):
        return value
    try:
        rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def _parse_bool(word: str) -> bool:
    return {
        "true": True,
        "yes": True,
        "1": True,
        "false": False,
        "no": False,
        "0": False,
    }[word.lower()]


def _parse_float(word: str) -> float:
    numerator, slash, denominator = word.partition("/")
    return float(Fraction(int(numerator), int(denominator))) if slash else float(word)


def _as_fraction(value: float) -> str | None:
    """Return a long number as a simple fraction, such as `1/6`; None if none fits."""
    if len(str(value)) < _LONG or not math.isfinite(value):
        return None
    fraction = Fraction(value).limit_denominator(1000)
    return str(fraction) if float(fraction) == value else None


_LONG = 12
"""Numbers with at least this many characters are written as fractions if one fits."""

_PARSERS: dict[type, Callable[[str], Any]] = {
    int: int,
    float: _parse_float,
    bool: _parse_bool,
    str: str,
}
_IN_WORDS = {int: "an integer", float: "a number", bool: "true or false", str: "a name"}


def _convert(kind: type, value: Any) -> Any:
    """Return the value in exactly the type `kind`; None if the value has another type."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()  # a NumPy number
    if kind is bool or isinstance(value, bool):
        return value if kind is bool and isinstance(value, bool) else None
    if kind is str:
        return value if isinstance(value, str) else None
    return as_integer(value) if kind is int else as_number(value)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, list | tuple) or getattr(value, "ndim", None) == 1


def to_jsonable(value: Any) -> Any:
    """Return a field's value for JSON: a tuple becomes a list."""
    return list(value) if isinstance(value, tuple) else value


def describe_fields(cls: type) -> dict[str, ConfigField]:
    """Return every field of a dataclass by name, in the order of declaration.

    Each field is `Annotated` with a `Group` and a `Doc`, and optionally with a `Rule`, a
    `Name`, a `NoneWord` and a `Derived`.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    return {
        field.name: _describe(field.name, hints[field.name], field.default)
        for field in dataclass_fields(cls)
        if field.init
    }


def _describe(name: str, hint: Any, default: Any) -> ConfigField:
    declared, *extras = typing.get_args(hint)
    types = typing.get_args(declared) or (declared,)
    optional = type(None) in types
    return ConfigField(
        name=name,
        type=next(part for part in types if part is not type(None)),
        sequence=any(typing.get_origin(part) is tuple for part in types),
        optional=optional,
        default=default,
        doc=next(extra.text for extra in extras if isinstance(extra, Doc)),
        group=next(extra for extra in extras if isinstance(extra, Group)),
        rule=next((extra for extra in extras if isinstance(extra, Rule)), None),
        named=next((extra for extra in extras if isinstance(extra, Name)), None),
        none_word=next(
            (extra.word for extra in extras if isinstance(extra, NoneWord)), "none"
        ),
        derived=next((extra for extra in extras if isinstance(extra, Derived)), None),
    )
