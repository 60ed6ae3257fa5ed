"""Results printed: their tables, each with its conclusion below."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kmlp.studies.ablation import Ablation
    from kmlp_tuning.search.results import Search


def print_ablation(study: Ablation, *, convergence: bool, target: float | None) -> None:
    """Print an ablation.

    Args:
        study: Any.
        convergence: Whether to show how each value learned.
        target: The accuracy (0 to 1) that they took how long to reach, which shows it,
            too.
    """
    from kmlp.studies.conclusion import conclusion
    from kmlp_cli.render import tables
    from kmlp_cli.terminal.output import print_lines, print_table

    print_table(tables.ablation_table(study), conclusion(study))
    if convergence or target is not None:
        print_lines()
        print_table(tables.convergence_table(study, target))


def print_search(search: Search, *, every: bool = False) -> None:
    """Print a search.

    Args:
        search: Any.
        every: Whether to show all trials, not only the best ten. Defaults to False.
    """
    from kmlp.studies.conclusion import conclusion
    from kmlp_cli.render import search_tables as tables
    from kmlp_cli.terminal.output import print_lines, print_table

    print_table(tables.search_table(search, every=every))
    if search.importances is not None:
        print_table(
            tables.importance_table(search.importances),
            search.importances.meaning,
        )
    if search.replication is not None:
        print_table(
            tables.replication_table(search, search.replication),
            conclusion(search.replication),
        )
    print_lines(*tables.best_lines(search))
