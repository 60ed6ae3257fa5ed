"""The options of a search space: several values for each field of `RunConfig`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kmlp.model.fields import ConfigField
from kmlp_cli.options.config import config_option, declare, in_sections
from kmlp_cli.options.groups import Option, OptionGroup
from kmlp_tuning.space.default import SEARCHED

if TYPE_CHECKING:
    from kmlp.model.config import RunConfig
    from kmlp_tuning.space.space import SearchSpace


@dataclass(frozen=True, kw_only=True)
class SpaceOptions(OptionGroup):
    """One value, several or a range for each field.

    Args:
        given: The text or flag of each option, by field. None if the option is left out.
    """

    title = "Search space"

    given: Mapping[str, str | bool | None]

    @classmethod
    def options(cls) -> Iterator[Option]:
        return in_sections(cls.title, _option)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        return cls(given=values)

    def read(self, path: Path | None) -> tuple[SearchSpace, RunConfig]:
        """The space of the searched fields, and a configuration with the fixed ones.

        Args:
            path: The file of --space. None for the default space.

        Raises:
            ConfigError: with every problem at once.
        """
        from kmlp_tuning.space.notation import read_space
        from kmlp_tuning.space.parsing import space_and_base

        given = {name: value for name, value in self.given.items() if value is not None}
        return space_and_base(
            given, searched=SEARCHED if path is None else read_space(path)
        )


def _option(config_field: ConfigField) -> Option:
    if config_field.name == "seed":  # a search has one seed
        return config_option(config_field)
    default = SEARCHED.get(config_field.name) or (
        config_field.derived.text
        if config_field.derived
        else config_field.text(config_field.default)
    )
    doc = f"{config_field.doc}  [default: {default}]"
    return declare(config_field, "<values>", doc, None)
