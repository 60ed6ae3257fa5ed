"""Results go to stdout, here; all else goes to stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_PIPE_WIDTH = 160
"""Columns where there is no terminal to fit: enough that nothing is wrapped."""

_LONG = 500
"""Rows of a table that is printed without Rich, which takes 2 ms for each."""


def has_colours() -> bool:
    """Whether stdout is a terminal that shows colours."""
    from rich.console import Console

    return Console().color_system is not None


def print_json(values: dict[str, Any]) -> None:
    """Prints one JSON object. Numbers that are not finite must be None by now."""
    print(json.dumps(values, indent=2, allow_nan=False))


def print_json_list(name: str, items: list[dict[str, Any]]) -> None:
    """Prints one JSON object that has a list, of which each item is a line."""
    # Indented, it would take three times as long.
    lines = ",\n".join(json.dumps(item, allow_nan=False) for item in items)
    print(f'{{"{name}": [\n{lines}\n]}}')


def print_table(table: Table, note: Text | None = None) -> None:
    """Prints a table, and a sentence under it.

    On a narrow terminal the columns move together; where that is not enough, lines
    are longer than the terminal is wide: a number is never cut.
    """
    if table.row_count > _LONG:
        _print_long(table)
        return
    from rich.cells import cell_len
    from rich.console import Console
    from rich.measure import Measurement

    for column in table.columns:
        if column.no_wrap:
            lines = "\n".join(map(str, [column.header, *column.cells])).splitlines()
            column.min_width = max(map(cell_len, lines))
    console = Console(highlight=False)
    width = console.width if console.is_terminal else _PIPE_WIDTH

    def needed() -> Measurement:
        boundless = Console(highlight=False, width=1000)
        return Measurement.get(boundless, boundless.options, table)

    if needed().maximum > width:
        table.padding = (0, 0, 0, 0)
    Console(highlight=False, width=max(width, needed().minimum)).print(table)
    if note is not None:
        print_text(note)


def print_text(text: Text | str) -> None:
    """Prints a text, which breaks between words where a terminal is narrow."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    console.print(text, soft_wrap=not console.is_terminal)


def _print_long(table: Table) -> None:
    columns = []
    for column in table.columns:
        cells = [" ".join(str(cell).split()) for cell in (column.header, *column.cells)]
        width = max(map(len, cells))
        right = column.justify == "right"
        columns.append([it.rjust(width) if right else it.ljust(width) for it in cells])
    print("\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True)))
