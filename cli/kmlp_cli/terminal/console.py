"""The only Rich console. It does not read markup or emoji codes in a text."""

from __future__ import annotations

import sys
from typing import Any

from rich import box
from rich.console import Console
from rich.text import Text

from kmlp._util.text import visible

ASCII_BOX = box.Box("    \n    \n -- \n" + 5 * "    \n", ascii=True)
"""The lines of tables on a stream that can only encode ASCII."""


class PlainConsole(Console):
    """A console on a standard stream.

    Args:
        stderr: True for stderr. Defaults to False: stdout, for results.
        width: The number of columns. Defaults to None: the terminal's.
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
    """Put stand-ins in place of characters that the console's stream cannot encode.

    A layout needs the width of the text as it is printed, stand-ins included.
    """
    fit = getattr(console.file, "fit", str)
    fitted: str = fit(text)
    return fitted


def plain(console: Console, line: str) -> Text:
    """Return a line for any console, without markup or line breaks."""
    return Text(fitting(console, visible(line)))
