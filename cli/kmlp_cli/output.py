"""Results go to stdout, here; all else goes to stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_PIPE_WIDTH = 160
"""Columns where there is no terminal to fit: enough that nothing is wrapped."""


def print_json(values: dict[str, Any]) -> None:
    """Prints one JSON object. Numbers that are not finite must be None by now."""
    print(json.dumps(values, indent=2, allow_nan=False))


def print_table(*parts: RenderableType) -> None:
    """Prints tables and texts, as wide as the terminal; wide where there is none."""
    console = _stdout()
    for part in parts:
        console.print(part)


def _stdout() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    if console.is_terminal:
        return console
    return Console(highlight=False, width=_PIPE_WIDTH)
