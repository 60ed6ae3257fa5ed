"""The options that commands share; those of a configuration are made of its fields."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from kmlp.backend import BACKENDS
from kmlp.config import ConfigField, RunConfig, config_fields, parse_config, value_text

Epochs = Annotated[int, typer.Option(help="Epochs of every run.")]
Backend = Annotated[
    str | None,
    typer.Option(
        help=f"Keras backend: {', '.join(BACKENDS)}.  [default: KERAS_BACKEND, else the "
        "first of them that is installed]",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead of a table.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no progress; results only.")
]


def config_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command an option for every field of `RunConfig`.

    The command has a parameter `config`, a function without arguments: it makes
    the `RunConfig` of the options that were given, or raises `ConfigError`.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [param for param in signature.parameters.values() if param.name != "config"]
    options = [_option(field) for field in config_fields().values()]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        fields = {name: given.pop(name) for name in config_fields()}
        command(config=functools.partial(_make_config, fields), **given)

    parameters = [
        param.replace(kind=inspect.Parameter.KEYWORD_ONLY) for param in [*own, *options]
    ]
    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {param.name: param.annotation for param in parameters}
    return with_options


def _make_config(given: dict[str, Any]) -> RunConfig:
    texts = {name: text for name, text in given.items() if isinstance(text, str)}
    flags = {name: flag for name, flag in given.items() if isinstance(flag, bool)}
    return parse_config(texts, **flags)


def _option(field: ConfigField) -> inspect.Parameter:
    name = field.name.replace("_", "-")
    is_flag = field.type is bool
    option = typer.Option(
        f"--{name}/--no-{name}" if is_flag else f"--{name}",
        metavar=None if is_flag else f"<{field.type.__name__}>",
        help=field.doc,
    )
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=field.default if is_flag else value_text(field.default),
        annotation=Annotated[bool if is_flag else str, option],
    )
