"""The best epoch of a stored run: the first one with the highest validation accuracy."""

from __future__ import annotations

import sqlite3


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
        "SELECT val_accuracy, test_accuracy FROM epochs WHERE run = runs.id "
        "ORDER BY loss IS NULL DESC, val_accuracy DESC, epoch LIMIT 1) WHERE id = ?",
        (run,),
    )
