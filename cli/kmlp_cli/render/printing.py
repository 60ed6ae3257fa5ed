"""Printing studies: their tables, with the conclusions below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kmlp_cli.render._rich_tables import rich_table
from kmlp_cli.terminal.output import print_lines, print_table, say

if TYPE_CHECKING:
    from kmlp.studies.study import Study
    from kmlp.studies.table import Table


def print_data(table: Table) -> None:
    """Print a table and its sentences."""
    print_table(rich_table(table), *table.sentences)


def print_tables(tables: Iterable[Table]) -> None:
    """Print tables, with an empty line between them."""
    for number, table in enumerate(tables):
        if number:
            print_lines()
        print_data(table)


def print_study(study: Study, *, brief: bool = False) -> None:
    """Print a study.

    Args:
        study: The study, of any kind.
        brief: See `Study.tables`. Defaults to False.
    """
    print_tables(study.tables(brief=brief))
    if study.closing:
        print_lines(*study.closing)


def say_limits(study: Study) -> None:
    """Print the limits of a study as a whole to stderr, if there are any."""
    for limit in study.limits:
        say(limit)
