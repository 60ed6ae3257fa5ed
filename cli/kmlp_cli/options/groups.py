"""Groups of options, each declared once for all commands that have it.

A group is a dataclass whose fields are options, and a command takes it as an argument:

    @dataclass(frozen=True, kw_only=True)
    class OutputOptions(OptionGroup):
        title = "Output"
        as_json: Annotated[bool, typer.Option("--json")] = False

    def train(epochs: Epochs = 10, *, output: OutputOptions) -> None: ...

    add_command(app, train)

`kmlp train` then has the options --epochs and --json, the latter in a section "Output" of
its help, and calls `train` with an `OutputOptions`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from functools import cache, partial
from typing import Annotated, Any, ClassVar, NamedTuple, Self, get_args, get_type_hints

import typer
from typer.core import TyperCommand

from kmlp_cli.terminal.output import set_wording


class Option(NamedTuple):
    """An option or argument of a command."""

    name: str
    """The name of the group's field or of the command's argument."""
    annotation: Any
    """The type, `Annotated` as Typer reads it."""
    default: Any = MISSING
    """The value if the option is left out. `MISSING` if it is required."""
    section: str = ""
    """The heading in the help. Empty: the title of the option's group."""


@dataclass(frozen=True, kw_only=True)
class OptionGroup:
    """Options that belong together: a dataclass whose fields are the options."""

    title: ClassVar[str]
    """The heading of the group's section in a command's help."""

    @classmethod
    def options(cls) -> Iterator[Option]:
        """The options, in the order of the help."""
        types = get_type_hints(cls, include_extras=True)
        for option in fields(cls):
            yield Option(option.name, types[option.name], option.default)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Self:
        """The group with the values of its options."""
        return cls(**values)


@cache  # several commands have the same groups
def _options_of(group: Any) -> tuple[Option, ...]:
    """The options of a group, each under its heading in the help."""
    options = []
    for option in group.options():
        kind, declared = get_args(option.annotation)
        info = copy(declared)
        info.rich_help_panel = option.section or group.title
        options.append(option._replace(annotation=Annotated[kind, info]))
    return tuple(options)


class _Command(TyperCommand):
    """A command whose help has a section for each group of options.

    Its messages name its options.
    """

    def epilog_text(self) -> str:
        """The text below the options in the help."""
        return ""

    def invoke(self, ctx: Any) -> Any:
        from kmlp_cli.options._wording import in_options  # `--help` does not need it

        # A parameter that varies keeps its name, which is the value of --param.
        options = {
            option.name: option
            for option in self.params
            if option.name not in (None, ctx.params.get("param"))
            and option.param_type_name == "option"
        }
        set_wording(partial(in_options, options=options))
        return super().invoke(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if (record := parameter.get_help_record(ctx)) is not None:
                kind = f"{parameter.param_type_name.title()}s"  # "Arguments" or "Options"
                title = getattr(parameter, "rich_help_panel", None) or kind
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        self.epilog = self.epilog_text()
        super().format_epilog(ctx, formatter)


def add_command(
    app: typer.Typer,
    command: Callable[..., None],
    *,
    name: str | None = None,
    epilog: str | Callable[[], str] = "",
) -> None:
    """Add a command that takes groups of options to an app.

    Args:
        app: The app.
        command: The function to call. An argument whose type is an `OptionGroup` stands
            for the options of the group; any other is an option or an argument of its
            own, as Typer reads it. The docstring is the command's help.
        name: The command's name. Defaults to None: the function's.
        epilog: The text below the options in the help, or a function that returns it when
            the help is shown. Defaults to "": nothing.
    """
    groups: dict[str, Any] = {}
    options: list[Option] = []
    for argument in inspect.signature(command, eval_str=True).parameters.values():
        kind = argument.annotation
        if isinstance(kind, type) and issubclass(kind, OptionGroup):
            groups[argument.name] = kind
            options += _options_of(argument.annotation)
        else:
            default = MISSING if argument.default is argument.empty else argument.default
            options.append(Option(argument.name, kind, default))

    def run(parsed: object) -> None:
        values = dict(vars(parsed))
        arguments = {
            argument: group.from_values(
                {option.name: values.pop(option.name) for option in _options_of(group)}
            )
            for argument, group in groups.items()
        }
        command(**arguments, **values)

    class Command(_Command):
        """The command with its epilog."""

        def epilog_text(self) -> str:
            return epilog if isinstance(epilog, str) else epilog()

    # With groups, Typer makes an object of a class that has all of their options.
    parsed: Callable[..., Any] = command
    if groups:
        parsed = make_dataclass(
            command.__name__,
            [(*option[:2], field(default=option.default)) for option in options],
            kw_only=True,
            repr=False,
            eq=False,
            namespace={"__post_init__": run},
        )
    app.command(
        name or command.__name__,
        cls=Command,
        help=inspect.getdoc(command),
    )(parsed)
