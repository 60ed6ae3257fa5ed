"""Tables as Rich draws them in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from kmlp._util.text import visible

if TYPE_CHECKING:
    from kmlp.studies import table as data

_HYPHENATED = {"parameters": "param-\neters", "bracket": "brac-\nket"}
"""Words of headers that are hyphenated, because the cells under them are narrow."""


class _Table(Table):
    """A table whose cells show control characters escaped, so that each is one line."""

    def add_column(self, header: RenderableType = "", *rest: Any, **options: Any) -> None:
        shown = visible(header, keep="\n") if isinstance(header, str) else header
        super().add_column(shown, *rest, **options)

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        super().add_row(
            *(visible(cell) if isinstance(cell, str) else cell for cell in cells), **options
        )


def plain_table(title: str, *caption: str) -> Table:
    """An empty table in the style of all tables.

    Args:
        title: The title above the table.
        *caption: Lines below the table.
    """
    return _Table(
        title=visible(title),
        title_style="bold",
        title_justify="left",
        caption="\n".join(map(visible, caption)) or None,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def grid() -> Table:
    """An empty table without lines, which puts things side by side."""
    return _Table.grid(padding=(0, 2))


def rich_table(table: data.Table) -> Table:
    """Draw a table; its headers take two lines where the cells under them are narrow.

    A table without any header is drawn without a line for them.
    """
    drawn = plain_table(table.title, *table.notes)
    drawn.show_header = any(column.header for column in table.columns)
    for column in table.columns:
        drawn.add_column(
            _broken(column.header) if column.tall else column.header,
            justify="right" if column.numeric else "left",
            no_wrap=not column.wraps,
            overflow="fold",
            min_width=column.min_width if column.wraps else None,
        )
    for row in table.rows:
        drawn.add_row(
            *(
                Text(visible(cell), style="bold") if place in row.strong_cells else cell
                for place, cell in enumerate(row.cells)
            ),
            style="bold" if row.strong else None,
        )
        if row.ends_section:
            drawn.add_section()
    return drawn


def _broken(header: str) -> str:
    r"""Break a header into two lines so that it is as narrow as possible.

    >>> _broken("validation accuracy %"), _broken("learning_rate"), _broken("s per epoch")
    ('validation\naccuracy %', 'learning\nrate', 's per\nepoch')
    """
    if header in _HYPHENATED:
        return _HYPHENATED[header]
    words = header.replace("_", " ").split(" ")
    lines = [
        (" ".join(words[:place]), " ".join(words[place:])) for place in range(1, len(words))
    ]
    if not lines:
        return header
    return "\n".join(min(lines, key=lambda pair: max(map(len, pair))))
