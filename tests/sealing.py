"""Stores that tests change, with the checksums that their rows have then."""

import sqlite3

from kmlp.store import checksums, validity


def seal_all(connection):
    """Has every row be what was written."""
    connection.row_factory = sqlite3.Row
    for row in connection.execute("SELECT id, key FROM runs").fetchall():
        history = checksums.of_epochs(row["key"], validity.epochs_of(connection, row["id"]))
        connection.execute("UPDATE runs SET history = ? WHERE id = ?", (history, row["id"]))
    for table in checksums.COLUMNS:
        for row in connection.execute(f"SELECT id FROM {table}").fetchall():
            checksums.seal(connection, table, row["id"])
