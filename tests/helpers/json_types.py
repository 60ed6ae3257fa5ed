"""Checks what `--json` prints against the types that its documentation is made from."""

import json
import re
import types
import typing

from kmlp_cli.json_keys import OPEN, OUTPUTS


def check_output(arguments, text):
    """Check the output of a command: it must be one of the objects that it can print."""
    command = " ".join(arguments[: 2 if arguments[0] == "data" else 1])
    value = json.loads(text)
    problems = {cls.__name__: list(mismatches(value, cls)) for cls in OUTPUTS[command]}
    assert not all(problems.values()), problems


def mismatches(value, hint, place=""):
    """Yield each place in which a value differs from a type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is typing.Any:
        return
    if origin in (typing.Annotated, typing.NotRequired):
        yield from mismatches(value, arguments[0], place)
    elif origin in (typing.Union, types.UnionType):
        if all([*mismatches(value, argument, place)] for argument in arguments):
            yield f"{place} is {value!r}, not {hint}"
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{place} is {value!r}, not {hint}"
    elif typing.is_typeddict(hint):
        if not isinstance(value, dict):
            yield f"{place} is not an object"
            return
        hints = typing.get_type_hints(hint, include_extras=True)
        missing = hint.__required_keys__ - value.keys()
        further = OPEN.get(hint, "")
        unknown = {
            key for key in value.keys() - hints.keys() if not re.fullmatch(further, key)
        }
        yield from (f"{place} has no {key}" for key in sorted(missing))
        yield from (f"{place}.{key} is not documented" for key in sorted(unknown))
        for key in hints.keys() & value.keys():
            yield from mismatches(value[key], hints[key], f"{place}.{key}")
    elif origin in (list, dict):
        if not isinstance(value, origin):
            yield f"{place} is {value!r}, not {hint}"
            return
        items = value.items() if origin is dict else enumerate(value)
        for key, item in items:
            yield from mismatches(item, arguments[-1], f"{place}[{key}]")
    elif not _is_a(value, hint):
        yield f"{place} is {value!r}, not {hint}"


def _is_a(value, kind):
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind or (kind is types.NoneType and value is None)
