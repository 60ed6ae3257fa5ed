"""The problems of a recipe's file as sentences in the words of TOML, with their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import ValidationError

from kmlp.errors import unknown_name
from kmlp_tuning.lab._values import shortened
from kmlp_tuning.lab.tables import RecipeTable, Table

_KINDS = {
    "int_type": "a whole number",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "string_type": "a text in quotes",
}
"""Pydantic's errors for a value of a wrong type, with the expected type in TOML."""


def problems(error: ValidationError) -> Iterator[str]:
    """The problems of a file, one sentence each."""
    for entry in error.errors():
        loc: tuple[Any, ...] = entry["loc"]
        match entry["type"]:
            case "extra_forbidden":
                *table, key = loc
                text = unknown_name("key", str(key), _keys_of(table))
                yield f"{_place(table)}{text}"
            case "missing":
                *table, key = loc
                yield f"{_place(table)}{key} is missing."
            case kind:
                context = entry.get("ctx", {})
                yield f"{_place(loc)}{_problem(kind, loc, entry, context)}"


def _problem(kind: str, loc: Sequence[Any], entry: Any, context: dict[str, Any]) -> str:
    """The problem of one value."""
    value, key = entry["input"], loc[-1]
    if key in ("ablations", "configs") and isinstance(value, dict):
        return f"this is a single table. Write [[{key}]], with two pairs of brackets."
    if key == "search" and isinstance(value, list):
        return "there can be only one search. Write [search], with one pair of brackets."
    if context.get("kinds") == ("number",) and isinstance(value, dict) and value:
        level = f"{key}.{next(iter(value))}"  # TOML reads 0.1 = ... as a table in a table
        return f'{entry["msg"][:-1]}. Is the value {level}? Write "{level}" = ...'
    if kind in _KINDS:
        return f"{shortened(value)}, but must be {_KINDS[kind]}."
    if kind == "greater_than_equal":
        return f"{shortened(value)}, but must be at least {context['ge']}."
    if kind == "less_than_equal":
        return f"{shortened(value)}, but must be at most {context['le']}."
    if kind in ("too_short", "string_too_short"):
        return "the value is empty."
    return str(entry["msg"])


def _place(loc: Sequence[Any]) -> str:
    """The keys to a value, with numbers from 1 in lists: `ablations 2: values: `."""
    place = ""
    for index, key in enumerate(loc):
        if isinstance(key, str):
            after = loc[index + 1] if index + 1 < len(loc) else None
            place += f"{key} {after + 1}: " if isinstance(after, int) else f"{key}: "
    return place


def _keys_of(loc: Sequence[Any]) -> list[str]:
    """The keys that the table at a place may have."""
    table: type[Table] = RecipeTable
    for key in loc:
        if isinstance(key, str):
            table = next(_tables(table.model_fields[key].annotation))
    return list(table.model_fields)


def _tables(annotation: Any) -> Iterator[type[Table]]:
    """The tables in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        yield annotation
    for part in get_args(annotation):
        yield from _tables(part)
