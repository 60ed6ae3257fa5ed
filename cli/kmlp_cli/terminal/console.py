"""The one Rich console, to which every string is text: no markup, no emoji codes."""

from __future__ import annotations

import sys
from typing import Any

from rich import box
from rich.console import Console
from rich.text import Text

from kmlp._util.text import visible

ASCII_BOX = box.Box("    \n    \n -- \n" + 5 * "    \n", ascii=True)
"""The lines of tables on a stream that has only ASCII."""


class PlainConsole(Console):
    """A console on a standard stream, that of results or that of all else.

    Args:
        stderr: Whether it is that of all else. Defaults to False.
        width: Columns. Defaults to None: the terminal's.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        stream = sys.stderr if stderr else sys.stdout
        super().__init__(
            file=getattr(stream, "styled", stream),
            width=width,
            markup=False,
            emoji=False,
            highlight=False,
        )

    def render_str(self, text: str, **options: Any) -> Text:
        options |= {"markup": False, "emoji": False, "highlight": False}
        shown = fitting(self, visible(text, keep="\n"))
        return super().render_str(shown, **options)


def fitting(console: Console, text: str) -> str:
    """A text with stand-ins for what the console's stream cannot encode.

    They are as wide as they will be printed, which a layout has to know.
    """
    fit = getattr(console.file, "fit", str)
    found: str = fit(text)
    return found


def plain(console: Console, line: str) -> Text:
    """A line for any console, of which nothing is markup or breaks it."""
    return Text(fitting(console, visible(line)))
