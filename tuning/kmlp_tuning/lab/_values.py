"""The types of the values in a recipe's file: their checks, and their JSON schemas."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import partial
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from kmlp.errors import ConfigError, unknown_name
from kmlp.model.fields import ConfigField
from kmlp.studies.published_value import Aggregation
from kmlp.training.checks import MAX_COUNT

KINDS: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "array": ("a list", list),
    "boolean": ("true or false", bool),
    "integer": ("a whole number", int),
    "number": ("a number", (int, float)),
    "string": ("a text in quotes", str),
}
"""The types of JSON schemas, with their names in TOML and their Python types."""

_LONG = 60
"""The largest number of characters of a value that a message repeats."""


def shortened(value: Any) -> str:
    """A value as messages repeat it: written as JSON, and cut if it is long."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _LONG else f"{text[:_LONG]} ..."


def _is(kind: str, value: Any) -> bool:
    expected = KINDS[kind][1]
    return isinstance(value, expected) and isinstance(value, bool) == (kind == "boolean")


def _check_kind(kinds: tuple[str, ...], text: str | None, value: Any) -> Any:
    """Return the value unchanged if it has one of the types and is not empty."""
    if not any(_is(kind, value) for kind in kinds):
        text = text or " or ".join(KINDS[kind][0] for kind in kinds)
        raise PydanticCustomError("kind", "{message}", {
            "message": f"{shortened(value)}, but must be {text}.", "kinds": kinds
        })  # fmt: skip
    if value in ("", []):
        raise PydanticCustomError("empty", "the value is empty.")
    return value


def _check_name(allowed: Collection[str], value: Any) -> str:
    name = str(value)
    if not isinstance(value, str) or name not in allowed:
        message = unknown_name("name", name, allowed)
        raise PydanticCustomError("name", "{message}", {"message": message})
    return name


def _check_numbers(value: Any) -> Any:
    numbers = value if isinstance(value, list) else [value]
    if not all(_is("number", number) for number in numbers):
        text = "a number, or a list of numbers, one for each epoch"
        return _check_kind((), text, value)
    return _check_kind(("number", "array"), None, value)


def _check_aggregation(value: Any) -> str:
    text = str(_check_kind(("string",), None, value))
    try:
        return Aggregation.parse(text).text
    except ConfigError as error:
        raise PydanticCustomError("aggregation", "{message}", {
            "message": error.problems[0]
        }) from None  # fmt: skip


def any_of(*kinds: str, **schema: Any) -> tuple[PlainValidator, WithJsonSchema]:
    """The annotations of a value with one of several types, which the value keeps."""
    type_ = kinds[0] if len(kinds) == 1 else list(kinds)
    return (
        PlainValidator(partial(_check_kind, kinds, None)),
        WithJsonSchema({"type": type_, **schema}),
    )


def one_of(names: Collection[str]) -> tuple[PlainValidator, WithJsonSchema]:
    """The annotations of a name from a list."""
    return (
        PlainValidator(partial(_check_name, names)),
        WithJsonSchema({"enum": list(names)}),
    )


def of_field(field: ConfigField) -> tuple[PlainValidator, WithJsonSchema]:
    """The annotations of a field's value, which may be a text as on the command line.

    The value itself is checked later, as on the command line.
    """
    types = {int: "integer", float: "number", bool: "boolean", str: "string"}
    own = types[field.type]
    kinds = [*dict.fromkeys([own, "string"]), *(["array"] if field.sequence else [])]
    return any_of(*kinds, **({"items": {"type": own}} if field.sequence else {}))


def count(name: str) -> Any:
    """The annotation of an integer from 1 to the largest allowed one, see `MAX_COUNT`."""
    return Field(ge=1, le=MAX_COUNT[name])


Number = Annotated[Any, *any_of("number")]
"""A number. A `PublishedValue` stays one."""
Numbers = Annotated[
    Any,
    PlainValidator(_check_numbers),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                {"type": "array", "items": {"type": "number"}, "minItems": 1},
            ]
        }
    ),
]
Text = Annotated[str, Field(min_length=1)]
Epochs = Annotated[int, count("epochs")]
Seeds = Annotated[int, count("seeds")]
PublishedIs = Annotated[
    str,
    PlainValidator(_check_aggregation),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^(single run|(mean|best) of (several|[1-9][0-9]*))$",
        }
    ),
]
"""The way in which published values are derived from runs; see `Aggregation`."""
