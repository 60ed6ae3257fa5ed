"""Tables as data: a terminal, a page and Markdown each show the same one their own way."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace

from kmlp._util.text import visible

NONE = "-"
"""The text of a cell without a value."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    header: str
    """Words on one line; a narrow table may break them."""
    numeric: bool = True
    """Whether its cells are numbers, which are aligned at their ends."""
    wraps: bool = False
    """Whether its cells may be broken, which numbers are not."""
    min_width: int = 1
    """Characters that it has at least where it wraps."""
    tall: bool = False
    """Whether a narrow table breaks its header into two lines."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table."""

    cells: tuple[str, ...]
    strong: bool = False
    """Whether it stands out."""
    strong_cells: tuple[int, ...] = ()
    """The places of single cells that stand out, from 0."""
    ends_section: bool = False
    """Whether a line follows it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A title, columns, rows of text, and notes under them."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    """What follows from it."""

    def __post_init__(self) -> None:
        for row in self.rows:
            assert len(row.cells) == len(self.columns), (row, self.columns)

    def titled(self, title: str, *, notes: tuple[str, ...] | None = None) -> Table:
        """The same table with another title.

        Args:
            title: The title.
            notes: The notes. Defaults to None: the same.
        """
        return replace(self, title=title, notes=self.notes if notes is None else notes)

    def to_html(self) -> str:
        """The table as HTML, for notebooks.

        Example:
        >>> Table(title="A", columns=(Column("n"),), rows=(Row(("1",)),)).to_html()
        '<table><caption>A</caption><thead><tr><th>n</th></tr></thead>...</table>'
        """
        head = "".join(f"<th>{_escaped(column.header)}</th>" for column in self.columns)
        body = "".join(
            f"<tr{_BOLD if row.strong else ''}>{_cells(self.columns, row)}</tr>"
            for row in self.rows
        )
        notes = "".join(f"<p>{_escaped(note)}</p>" for note in self.notes)
        return (
            f"<table><caption>{_escaped(self.title)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>{notes}"
        )


_BOLD = ' style="font-weight: bold"'


def _cells(columns: tuple[Column, ...], row: Row) -> str:
    return "".join(
        f'<td style="text-align: {"right" if column.numeric else "left"}'
        f'{"; font-weight: bold" if place in row.strong_cells else ""}">'
        f"{_escaped(cell)}</td>"
        for place, (column, cell) in enumerate(zip(columns, row.cells, strict=True))
    )


def _escaped(text: str) -> str:
    return html.escape(visible(text))
