"""The page of the keys of `--json`, made from the classes that the tests check it by."""

from __future__ import annotations

import inspect
import re
import types
import typing
from typing import Any

from pieces import code, prose, table

from kmlp_cli import json_keys

_NAMES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    types.NoneType: "null",
    Any: "any",
}


def pages() -> dict[str, str]:
    """Return the page by its path."""
    parts = [
        "# JSON\n",
        "Every command that has `--json` prints one object. Numbers that are not finite "
        "are `null`. Accuracies are from 0 to 1. Keys that are not always there are marked "
        "as *optional*.\n",
        table(
            ["command", "object"],
            [
                [code(f"kmlp {name}"), " or ".join(map(_link, outputs))]
                for name, outputs in json_keys.OUTPUTS.items()
            ],
        ),
    ]
    for cls in _all_objects():
        rows = [
            [code(key), prose(meaning), kind]
            for key, meaning, kind in (_key(*item) for item in _hints(cls).items())
        ]
        description = inspect.getdoc(cls) or ""
        heading = f"## {_title(cls)} {{ #{_anchor(cls)} }}\n"
        parts += [heading, f"{description}\n" if description else "", table(_HEAD, rows)]
    return {"reference/json.md": "\n".join(parts)}


_HEAD = ["key", "meaning", "type"]


def _all_objects() -> list[Any]:
    """List the objects of all commands, each followed by those that it holds."""
    seen: dict[Any, None] = {}

    def add(hint: Any) -> None:
        if typing.is_typeddict(hint) and hint not in seen:
            seen[hint] = None
            for inner in _hints(hint).values():
                add(inner)
        for argument in typing.get_args(hint):
            add(argument)

    for outputs in json_keys.OUTPUTS.values():
        for cls in outputs:
            add(cls)
    return list(seen)


def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls, include_extras=True)


def _key(name: str, hint: Any) -> tuple[str, str, str]:
    optional = typing.get_origin(hint) is typing.NotRequired
    if optional:
        (hint,) = typing.get_args(hint)
    kind, meaning = typing.get_args(hint)
    return name, meaning, f"{_kind(kind)}{', *optional*' if optional else ''}"


def _kind(hint: Any) -> str:
    if typing.is_typeddict(hint):
        return _link(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return ", ".join(code(argument) for argument in arguments)
    if origin is list:
        return f"list of {_kind(arguments[0])}"
    if origin is dict:
        return "object"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_kind, arguments))
    return _NAMES[hint]


def _link(cls: Any) -> str:
    return f"[{_title(cls)}](#{_anchor(cls)})"


def _title(cls: Any) -> str:
    """Return the name of a class as words.

    >>> _title(type("RunResultsJson", (), {}))
    'run results'
    """
    words = re.findall("[A-Z][a-z]+", cls.__name__.removesuffix("Json"))
    return " ".join(words).lower()


def _anchor(cls: Any) -> str:
    return _title(cls).replace(" ", "-")
