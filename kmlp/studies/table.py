"""Tables as data, from which the terminal, HTML pages and Markdown are rendered."""

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
    """The words of the header. A narrow table can break the line between them."""
    numeric: bool = True
    """True if the cells are numbers, which are aligned at the right."""
    wraps: bool = False
    """True if the cells can be broken into lines; numbers cannot."""
    min_width: int = 1
    """The smallest width, in characters, of a column that wraps."""
    tall: bool = False
    """True if a narrow table breaks the header into two lines."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table."""

    cells: tuple[str, ...]
    strong: bool = False
    """True if the row is emphasized."""
    strong_cells: tuple[int, ...] = ()
    """The indexes of single cells that are emphasized, from 0."""
    ends_section: bool = False
    """True if a line follows the row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A title, columns, rows of text, and notes under them."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    """The conclusions from the table."""

    def __post_init__(self) -> None:
        for row in self.rows:
            assert len(row.cells) == len(self.columns), (row, self.columns)

    def titled(self, title: str, *, notes: tuple[str, ...] | None = None) -> Table:
        """Return the same table with another title.

        Args:
            title: The title.
            notes: The notes. Defaults to None: the notes of this table.
        """
        return replace(self, title=title, notes=self.notes if notes is None else notes)

    def to_html(self) -> str:
        """Return the table as HTML, for notebooks.

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
