"""The best epoch of a stored run: the first one with the highest validation accuracy."""

from __future__ import annotations

import sqlite3

_ORDER = "ORDER BY loss IS NULL DESC, val_accuracy DESC, epoch LIMIT 1"
"""The order in which the best epoch of a run comes first; that of a divergence, if any."""


def best_epoch(connection: sqlite3.Connection, run: int) -> int | None:
    """Return the best epoch of a run; that of the divergence, if the run diverged.

    Args:
        connection: The connection to the database.
        run: The `id` of the run's row.

    Returns:
        The epoch, from 1; None if the run has no epoch.
    """
    row = connection.execute(
        f"SELECT epoch FROM epochs WHERE run = ? {_ORDER}", (run,)
    ).fetchone()
    return None if row is None else int(row["epoch"])


def update_accuracies(connection: sqlite3.Connection, run: int) -> None:
    """Update the accuracies in the row of a run: those of its best epoch.

    The accuracies of a run that diverged are NULL. The caller has begun a transaction, and
    seals the row.

    Args:
        connection: The connection to the database.
        run: The `id` of the run's row.
    """
    connection.execute(
        "UPDATE runs SET (val_accuracy, test_accuracy) = ("
        f"SELECT val_accuracy, test_accuracy FROM epochs WHERE run = runs.id {_ORDER}) "
        "WHERE id = ?",
        (run,),
    )


def delete_other_checkpoints(connection: sqlite3.Connection, run: int, last: int) -> None:
    """Delete the checkpoints of a run, except that of its best epoch and the last ones.

    Args:
        connection: The connection to the database.
        run: The `id` of the run's row.
        last: The number of checkpoints to keep, the last ones.
    """
    connection.execute(
        "DELETE FROM checkpoints WHERE run = ? "
        "AND epochs IS NOT ? AND epochs NOT IN ("
        "SELECT epochs FROM checkpoints WHERE run = ? ORDER BY epochs DESC LIMIT ?)",
        (run, best_epoch(connection, run), run, last),
    )
