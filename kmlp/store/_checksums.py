"""Checksums of what the store has: what was changed since is told from what was written.

They find what a disk, a sync client or an editor did. They are no signatures: whoever can
write the file can write checksums, too.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from kmlp.training.run import FIGURES

COLUMNS = {
    "environments": ("id", "created", "description"),
    "studies": ("id", "name", "kind", "spec", "created", "updated", "environment"),
    "runs": (
        "key", "fresh", "config", "backend", "fused", "settings", "parameters", "epochs",
        "status", "failure", "val_accuracy", "test_accuracy", "seconds", "created",
        "updated", "environment", "history",
    ),
}  # fmt: skip
"""What the checksum of a row covers; that of a study, the keys of its runs, too."""

_EPOCH = ("epoch", *FIGURES, "seconds", "environment")


def of_row(connection: sqlite3.Connection, table: str, row: sqlite3.Row) -> str:
    """The checksum of a row of one of `COLUMNS`."""
    cells = [row[name] for name in COLUMNS[table]]
    if table == "studies":
        cells += [
            key
            for (key,) in connection.execute(
                "SELECT key FROM study_runs WHERE study = ? ORDER BY key", (row["id"],)
            )
        ]
    return _of(cells)


def is_intact(connection: sqlite3.Connection, table: str, row: sqlite3.Row) -> bool:
    """Whether a row is what was written."""
    return bool(row["checksum"] == of_row(connection, table, row))


def seal(connection: sqlite3.Connection, table: str, number: int) -> None:
    """Writes the checksum of the row of that `id`; within a transaction."""
    row = connection.execute(f"SELECT * FROM {table} WHERE id = ?", (number,)).fetchone()
    connection.execute(
        f"UPDATE {table} SET checksum = ? WHERE id = ?",
        (of_row(connection, table, row), number),
    )


def of_epochs(before: str, epochs: Iterable[sqlite3.Row]) -> str:
    """The checksum of a run's epochs: of the one before, and of the next one, and so on.

    Args:
        before: That of the epochs before these; of none, the run's key.
        epochs: Rows of `epochs` with their `losses`, in their order.
    """
    for row in epochs:
        before = _of([before, *(row[name] for name in _EPOCH), row["losses"]])
    return before


def _of(cells: list[Any]) -> str:
    text = json.dumps(cells, default=lambda it: {"bytes": hashlib.sha256(it).hexdigest()})
    return hashlib.sha256(text.encode()).hexdigest()
