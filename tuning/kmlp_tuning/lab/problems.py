"""What a recipe's file has that the schema does not allow, in the words of TOML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kmlp.errors import unknown_name
from kmlp_tuning.lab.schema import schema

_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a table",
    "string": "a text in quotes",
}
_LONG = 60
"""Characters of a value that a message repeats."""


def schema_problems(found: Mapping[str, Any]) -> Iterator[str]:
    """What a file has that the schema does not allow."""
    for error in _validator().iter_errors(found):
        place = "".join(f"{it}: " for it in _places(error.absolute_path))
        if error.validator == "additionalProperties":
            allowed = error.schema["properties"]
            for key in error.instance:
                if key not in allowed:
                    yield f"{place}{unknown_name('key', key, allowed)}"
        elif error.validator == "enum":
            given = str(error.instance)
            yield f"{place}{unknown_name('name', given, error.validator_value)}"
        elif error.validator == "required":
            missing = set(error.validator_value) - set(error.instance)
            yield f"{place}{', '.join(sorted(missing))} is missing."
        else:
            yield f"{place}{_problem(error)}"


def _validator() -> Any:
    """Of the schema; to it, 10.0 is no whole number."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    def is_integer(_: Any, it: Any) -> bool:
        return isinstance(it, int) and not isinstance(it, bool)

    types = Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer)
    return extend(Draft202012Validator, type_checker=types)(schema())


def _problem(error: Any) -> str:
    """What is wrong with one value, in the words of TOML."""
    given, keys = error.instance, list(error.absolute_path)
    told = json.dumps(given, default=str, ensure_ascii=False)
    if len(told) > _LONG:
        told = f"{told[:_LONG]} ..."
    if keys[-1:] in (["ablations"], ["configs"]) and isinstance(given, dict):
        return f"it is a single table: write [[{keys[-1]}]], in two pairs of brackets."
    if keys[-1:] == ["search"] and isinstance(given, list):
        return "there is one search: write [search], in one pair of brackets."
    of_value = keys[0] == "ablations" and error.validator_value == "number"
    if of_value and isinstance(given, dict) and given:  # 0.1 = ... is a table in a table
        value = f"{keys[-1]}.{next(iter(given))}"
        return f'{told}, but must be a number. Is the value {value}? Write "{value}" = ...'
    if error.validator == "type":
        kinds = error.validator_value
        words = [_KINDS[it] for it in ([kinds] if isinstance(kinds, str) else kinds)]
        return f"{told}, but must be {' or '.join(words)}."
    if error.validator == "anyOf":
        return f"{told}, but must be a number, or a list of numbers, one an epoch."
    if error.validator in ("minItems", "minLength", "minProperties"):
        return "it is empty."
    if error.validator == "minimum":
        return f"{told}, but must be at least {error.validator_value}."
    if error.validator == "maximum":
        return f"{told}, but must be at most {error.validator_value}."
    return str(error.message)


def _places(path: Sequence[str | int]) -> Iterator[str]:
    """Keys, each with its number if it has one, from 1: `ablations 2`, `values`."""
    keys = list(path)
    for index, key in enumerate(keys):
        if isinstance(key, str):
            after = keys[index + 1] if index + 1 < len(keys) else None
            yield f"{key} {after + 1}" if isinstance(after, int) else key
