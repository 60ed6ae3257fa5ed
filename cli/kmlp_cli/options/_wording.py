"""Translation of the library's messages into the words of the command line.

The library names its arguments and functions, such as `runs_dir` and
`kmlp.delete_study("width")`. A user of the command line reads `--runs-dir` and
`kmlp rm width` instead.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Mapping
from typing import Protocol

from kmlp.model.hyperparameters import config_fields

COMMANDS = {
    "kmlp.load_study": "kmlp show",
    "kmlp.delete_study": "kmlp rm",
    "kmlp.load_dataset": "kmlp data prepare",
    "kmlp.data.import_dataset": "kmlp data import",
    "kmlp.data.remove_dataset": "kmlp data rm",
    "kmlp.store.doctor.repair_folder": "kmlp doctor --repair",
}
"""Functions of the library with the commands that do the same."""

_ARGUMENTS = {
    "address": "ray_address",
    "wait": "ray_wait",
    "runtime_env": "ray_runtime_env",
}
"""Arguments of `kmlp.RayExecutor`, with the different names of their options."""

_QUOTED = re.compile(
    r"`(?P<name>\w+)(?:=(?P<value>[^`]*))?`|`(?P<call>[\w.]+(?:\(.*?\))?)`"
)


class Option(Protocol):
    """An option of a command, as Typer makes it."""

    opts: list[str]
    secondary_opts: list[str]


def in_options(text: str, options: Mapping[str, Option]) -> str:
    """Replace arguments in a message by options, and functions by commands.

    Fields of a configuration keep their names, which are also values of --param, columns
    and keys.

    Args:
        text: A message of the library.
        options: The options of the running command, by the names of their arguments.
    """

    def replaced(match: re.Match[str]) -> str:
        try:
            if match["call"] is not None:
                return _command(match["call"]) or match[0]
            name = _ARGUMENTS.get(match["name"], match["name"])
            if name not in options or name in config_fields():
                return match[0]
            return f"`{_option(options[name], match['value'])}`"
        except (SyntaxError, ValueError):  # a text of the user in backquotes
            return match[0]

    return _QUOTED.sub(replaced, text)


def _option(option: Option, value: str | None) -> str:
    """An option with its value, which is written as in Python. None: without a value."""
    if value in (None, "True"):
        return option.opts[-1]
    if value == "False" and option.secondary_opts:
        return option.secondary_opts[-1]
    return f"{option.opts[-1]} {_word(ast.parse(value, mode='eval').body)}"


def _command(call: str) -> str | None:
    """The command that does the same as a call of the library. None if there is none."""
    name, has_arguments, _ = call.partition("(")
    if name not in COMMANDS:
        return None
    words = [COMMANDS[name]]
    if has_arguments:
        parsed = ast.parse(call, mode="eval").body
        assert isinstance(parsed, ast.Call)
        words += [_word(argument) for argument in parsed.args]
        for keyword in parsed.keywords:
            words += [f"--{str(keyword.arg).replace('_', '-')}", _word(keyword.value)]
    return f"`{' '.join(words)}`"


def _word(argument: ast.expr) -> str:
    """An argument as a word of a command. A variable becomes a placeholder."""
    if isinstance(argument, ast.Name):
        return argument.id.upper()
    value = ast.literal_eval(argument)
    if isinstance(value, tuple):  # a size
        return "x".join(map(str, value))
    return shlex.quote(" ".join(value) if isinstance(value, list) else str(value))
