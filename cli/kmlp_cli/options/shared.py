"""The options that commands share; those of a configuration are made of its fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from kmlp.backend import BACKENDS
from kmlp.errors import ConfigError, gather, raise_problems
from kmlp.model.config import RunConfig, config_fields, parse_config
from kmlp.model.fields import ConfigField

Epochs = Annotated[int, typer.Option(help="Epochs of every run.")]
Backend = Annotated[
    str | None,
    typer.Option(
        help=f"Keras backend: {', '.join(BACKENDS)}.  [default: KERAS_BACKEND, else the "
        "first of them that is installed]",
    ),
]
Fused = Annotated[
    bool,
    typer.Option(
        "--fused/--no-fused",
        help="Run an epoch as one compiled program, or step by step as plain Keras does.",
    ),
]
RunsDir = Annotated[
    str | None,
    typer.Option(
        "--runs-dir",
        metavar="FOLDER",
        help="The folder that keeps all runs; :memory: keeps nothing.  [default: "
        "KMLP_RUNS_DIR, else kmlp_runs]",
    ),
]
Fresh = Annotated[
    bool,
    typer.Option(
        "--fresh", help="Train from the beginning, in the place of what is stored."
    ),
]
Name = Annotated[
    str | None,
    typer.Option(help="The study's name, for `kmlp show`.  [default: made of it]"),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Runs to train at a time, each in a process of its own; it makes no "
        "difference to the results.  [default: the number of cores; with a GPU 1]"
    ),
]
Baseline = Annotated[
    str | None,
    typer.Option(
        help="The value that the others are compared with.  [default: the best]",
        show_default=False,
    ),
]
Convergence = Annotated[
    bool, typer.Option("--convergence", help="Show how each value learned, too.")
]
TargetAccuracy = Annotated[
    float | None,
    typer.Option(
        metavar="PERCENT",
        help="Show how long each value took to this validation accuracy.",
        show_default=False,
    ),
]
TensorBoard = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard",
        metavar="FOLDER",
        help="Write the runs' logs for TensorBoard there, into a folder named after the "
        "study.",
        show_default=False,
    ),
]
Model = Annotated[
    Path,
    typer.Argument(metavar="MODEL.keras", help="The model's file.", show_default=False),
]
Custom = Annotated[
    list[str] | None,
    typer.Option(
        metavar="package.module:name",
        help="A function or class that the model is made of and that is not Keras' own; "
        "may be given several times.",
        show_default=False,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead of a table.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no progress; results only.")
]


def target_share(target_accuracy: float | None) -> float | None:
    """The target as a share.

    Raises:
        ConfigError: if it is no percentage, or is a share already.
    """
    if target_accuracy is not None and not 1 < target_accuracy <= 100:
        raise ConfigError(
            [
                f"The value of `--target-accuracy` is {target_accuracy:g}, but is a "
                "percentage: more than 1, and at most 100."
            ]
        )
    return None if target_accuracy is None else target_accuracy / 100


@dataclass(frozen=True, slots=True)
class ConfigOptions:
    """The options of a configuration, as they were given."""

    given: dict[str, str | bool | None]

    def make(self, **values: Any) -> RunConfig:
        """The configuration of the options, but for fields whose values are given.

        Raises:
            ConfigError: with every problem at once; an option for a field whose
                value is given is one.
        """
        texts, flags = {}, {}
        problems = []
        for name, option in self.given.items():
            if name in values:
                if option != _default(config_fields()[name]):
                    problems.append(
                        f"`{name}` is the axis, so {_flag(name)} would have no effect. "
                        "Leave it out."
                    )
            elif isinstance(option, bool):
                flags[name] = option
            elif option is not None:
                texts[name] = option
        config, *_ = gather(
            [
                partial(parse_config, texts, **flags, **values),
                partial(raise_problems, problems),
            ]
        )
        made: RunConfig = config
        return made


def config_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command an option for every field of `RunConfig`.

    The command has a parameter `config`, in which it gets the `ConfigOptions`.
    """
    return _with_options(command, _option)


def space_options(searched: Mapping[str, str]) -> Callable[..., Callable[..., None]]:
    """The same for a command that takes several values of a field, or a range.

    Args:
        searched: What is searched by default, by field.
    """
    return partial(_with_options, make=partial(_space_option, searched))


def _with_options(
    command: Callable[..., None], make: Callable[[ConfigField], inspect.Parameter]
) -> Callable[..., None]:
    signature = inspect.signature(command, eval_str=True)
    own = [param for param in signature.parameters.values() if param.name != "config"]
    options = [make(field) for field in config_fields().values()]

    @wraps(command)
    def with_options(**given: Any) -> None:
        fields = {name: given.pop(name) for name in config_fields()}
        command(config=ConfigOptions(fields), **given)

    parameters = [
        param.replace(kind=inspect.Parameter.KEYWORD_ONLY) for param in [*own, *options]
    ]
    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {param.name: param.annotation for param in parameters}
    return with_options


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _default(field: ConfigField) -> str | bool | None:
    """An option's default: the text of the field's, so that help shows it.

    None where it is derived from other fields, which the help says in words.
    """
    if field.derived:
        return None
    return bool(field.default) if field.type is bool else field.text(field.default)


def _option(field: ConfigField) -> inspect.Parameter:
    default = f"  [default: {field.derived.text}]" if field.derived else ""
    return _parameter(
        field, f"<{field.type.__name__}>", field.doc + default, _default(field)
    )


def _space_option(searched: Mapping[str, str], field: ConfigField) -> inspect.Parameter:
    if field.name == "seed":
        return _option(field)
    default = searched.get(field.name) or (
        field.derived.text if field.derived else field.text(field.default)
    )
    doc = f"{field.doc}  [default: {default}]"
    return _parameter(field, "<values>", doc, None)


def _parameter(
    field: ConfigField, metavar: str, doc: str, default: str | bool | None
) -> inspect.Parameter:
    is_flag = field.type is bool
    flag = _flag(field.name)
    option = typer.Option(
        f"{flag}/--no-{field.name}" if is_flag else flag,
        metavar=None if is_flag else metavar,
        help=doc,
    )
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[bool | None if is_flag else str | None, option],
    )
