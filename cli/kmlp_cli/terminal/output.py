"""Printing: results to stdout, everything else to stderr.

No other module prints. Texts may come from users, files and exceptions. So nothing in them
is read as markup, and control characters are escaped as in Python.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kmlp._util.text import visible

if TYPE_CHECKING:
    from rich.table import Table

_PIPE_WIDTH = 160
"""The width without a terminal, in columns. Nothing has to be wrapped at this width."""

_LONG = 500
"""Tables with more rows than this are printed without Rich, which takes 2 ms for each row.
"""


_rephrase: Callable[[str], str] = str


def set_wording(rephrase: Callable[[str], str]) -> None:
    """Set the function that puts the library's messages in the words of the command."""
    global _rephrase
    _rephrase = rephrase


def rephrased(text: str) -> str:
    """Return a message of the library in the words of the running command."""
    return _rephrase(text)


def say(line: str = "", *, end: str = "\n") -> None:
    """Print a line to stderr, in the words of the running command."""
    print(visible(rephrased(line)), end=end, file=sys.stderr, flush=True)


def has_colours() -> bool:
    """Return True if stdout is a terminal that shows coloured blocks."""
    from kmlp_cli.terminal.console import PlainConsole, fitting

    console = PlainConsole()
    return console.color_system is not None and fitting(console, "▀") == "▀"


def print_json(values: dict[str, Any]) -> None:
    """Print one JSON object. It must not hold infinite numbers or nan."""
    print(_json(values, indent=2))


def print_json_list(name: str, items: list[dict[str, Any]]) -> None:
    """Print one JSON object with a list, each item on a line of its own."""
    # With indentation, this would take three times as long.
    lines = ",\n".join(map(_json, items))
    print(f'{{"{name}": [\n{lines}\n]}}')


def _json(values: dict[str, Any], indent: int | None = None) -> str:
    """Return JSON in printable ASCII, which every stream can encode."""
    import json  # `kmlp --help` does not need it

    text = json.dumps(values, indent=indent, allow_nan=False)
    return text.replace("\x7f", "\\u007f")  # `json` escapes all others


def print_table(table: Table, *lines: str) -> None:
    """Print a table, and lines below it.

    On a narrow terminal, the space between columns shrinks. If that is not enough, lines
    are longer than the terminal is wide, so that no number is cut.
    """
    if table.row_count > _LONG:
        _print_long(table)
        return
    from rich.cells import cell_len
    from rich.measure import Measurement

    from kmlp_cli.terminal.console import ASCII_BOX, PlainConsole, fitting

    console = PlainConsole()
    if console.options.ascii_only:
        table.box = table.box and ASCII_BOX
    for column in table.columns:
        if column.no_wrap:
            cells = "\n".join(map(str, [column.header, *column.cells]))
            column.min_width = max(map(cell_len, fitting(console, cells).split("\n")))
    width = console.width if console.is_terminal else _PIPE_WIDTH

    def needed() -> Measurement:
        boundless = PlainConsole(width=1000)
        return Measurement.get(boundless, boundless.options, table)

    if needed().maximum > width:
        table.padding = (0, 0, 0, 0)
    PlainConsole(width=max(width, needed().minimum)).print(table)
    for line in lines:
        print_text(line)


def print_text(*lines: str) -> None:
    """Print lines, and break them between words on a narrow terminal."""
    from kmlp_cli.terminal.console import PlainConsole, plain

    console = PlainConsole()
    for line in lines:
        console.print(plain(console, line), soft_wrap=not console.is_terminal)


def print_lines(*lines: str) -> None:
    """Print lines without breaking them, such as commands.

    Without lines, print an empty one.
    """
    print("\n".join(map(visible, lines)))


def print_file(text: str) -> None:
    """Print the text of a whole file."""
    print(text, end="")


def _print_long(table: Table) -> None:
    fit = getattr(sys.stdout, "fit", str)
    columns = []
    for column in table.columns:
        cells = [" ".join(str(cell).split()) for cell in (column.header, *column.cells)]
        cells = list(map(fit, cells))
        width = max(map(len, cells))
        right = column.justify == "right"
        columns.append(
            [cell.rjust(width) if right else cell.ljust(width) for cell in cells]
        )
    print("\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True)))
