"""The options of a configuration: one for each field of `RunConfig`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Self

import typer

from kmlp.errors import call_all, raise_problems
from kmlp.model.config import RunConfig
from kmlp.model.fields import ConfigField, Group
from kmlp.model.hyperparameters import config_fields
from kmlp.model.text import parse_config
from kmlp_cli.options.groups import Option, OptionGroup


@dataclass(frozen=True, kw_only=True)
class ConfigOptions(OptionGroup):
    """One value for each field.

    Args:
        given: The text or flag of each option, by field. None if the option is left out.
    """

    title = "Configuration"

    given: Mapping[str, str | bool | None]

    @classmethod
    def options(cls) -> Iterator[Option]:
        return in_sections(cls.title, config_option)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        return cls(given=values)

    def make(self, **values: Any) -> RunConfig:
        """Make the configuration.

        Args:
            **values: The values of some fields, which their options must not give.

        Raises:
            ConfigError: with every problem at once.
        """
        texts, flags = {}, {}
        problems = []
        for name, option in self.given.items():
            if name in values:
                if option != _default(config_fields()[name]):
                    problems.append(
                        f"`{name}` is the parameter that varies, so {_flag(name)} would "
                        f"have no effect. Leave {_flag(name)} out."
                    )
            elif isinstance(option, bool):
                flags[name] = option
            elif option is not None:
                texts[name] = option
        config, _ = call_all(
            [
                partial(parse_config, texts, **flags, **values),
                partial(raise_problems, problems),
            ]
        )
        checked: RunConfig = config
        return checked


def in_sections(title: str, option_of: Callable[[ConfigField], Option]) -> Iterator[Option]:
    """Yield the option of each field, with a section of the help for each group.

    Args:
        title: The start of every heading.
        option_of: Function that returns the option of a field.
    """
    for group in Group:
        for config_field in config_fields().values():
            if config_field.group is group:
                option = option_of(config_field)
                yield option._replace(section=f"{title}: {group.value}")


def config_option(config_field: ConfigField) -> Option:
    """The option for one value of a field."""
    derived = config_field.derived
    doc = config_field.doc + (f"  [default: {derived.text}]" if derived else "")
    metavar = f"<{config_field.type.__name__}>"
    return declare(config_field, metavar, doc, _default(config_field))


def declare(
    config_field: ConfigField, metavar: str, doc: str, default: str | bool | None
) -> Option:
    """The option of a field.

    Args:
        config_field: The field.
        metavar: The placeholder of the value in the help, such as "<int>".
        doc: The text of the help.
        default: The value if the option is left out, which the help shows. None is not
            shown.
    """
    is_flag = config_field.type is bool
    flag = _flag(config_field.name)
    option = typer.Option(
        f"{flag}/--no-{config_field.name}" if is_flag else flag,
        metavar=None if is_flag else metavar,
        help=doc,
    )
    kind: Any = bool | None if is_flag else str | None
    return Option(config_field.name, Annotated[kind, option], default)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _default(config_field: ConfigField) -> str | bool | None:
    """The text of the field's default, which the help shows.

    None if the default depends on other fields; the help then describes it in words.
    """
    if config_field.derived:
        return None
    default = config_field.default
    return bool(default) if config_field.type is bool else config_field.text(default)
