"""The options that choose the output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from kmlp_cli.options.groups import OptionGroup

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead of a table.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show the results only, and no progress.")
]


@dataclass(frozen=True, kw_only=True)
class OutputOptions(OptionGroup):
    """The options of a command that trains and shows results."""

    title = "Output"

    as_json: Json = False
    quiet: Quiet = False
