"""Checksums of rows, which reveal that a row was changed since it was written.

They reveal the damage that a disk, a sync client or an editor did. They are not signatures:
a program that writes the file can write checksums, too.
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
"""The columns that the checksum of a row covers. The checksum of a study also covers the
keys of its runs."""

NO_METRICS = "{}"
"""The cell of a row without further metrics."""
_EPOCH = ("epoch", *FIGURES, "seconds", "environment")


def of_row(connection: sqlite3.Connection, table: str, row: sqlite3.Row) -> str:
    """Return the checksum of a row of one of the tables in `COLUMNS`."""
    cells = [row[name] for name in COLUMNS[table]]
    if table == "runs":
        cells += _metrics(row)
    if table == "studies":
        cells += [
            key
            for (key,) in connection.execute(
                "SELECT key FROM study_runs WHERE study = ? ORDER BY key", (row["id"],)
            )
        ]
    return _of(cells)


def is_intact(connection: sqlite3.Connection, table: str, row: sqlite3.Row) -> bool:
    """True if a row was not changed since it was written."""
    return bool(row["checksum"] == of_row(connection, table, row))


def seal(connection: sqlite3.Connection, table: str, number: int) -> None:
    """Write the checksum of the row with this `id`. The caller has begun a transaction."""
    row = connection.execute(f"SELECT * FROM {table} WHERE id = ?", (number,)).fetchone()
    connection.execute(
        f"UPDATE {table} SET checksum = ? WHERE id = ?",
        (of_row(connection, table, row), number),
    )


def of_epochs(before: str, epochs: Iterable[sqlite3.Row]) -> str:
    """Return the checksum of a run's epochs, which continues that of earlier epochs.

    Args:
        before: The checksum of the earlier epochs; the run's key if there are none.
        epochs: Rows of `epochs` with their `losses`, in order.
    """
    for row in epochs:
        cells = [*(row[name] for name in _EPOCH), row["losses"], *_metrics(row)]
        before = _of([before, *cells])
    return before


def _metrics(row: sqlite3.Row) -> list[Any]:
    """Return the cell with the further metrics of a row of `runs` or `epochs`.

    It is left out if there are none, so that the checksums of older rows stay valid.
    """
    return [] if row["metrics"] == NO_METRICS else [row["metrics"]]


def _of(cells: list[Any]) -> str:
    text = json.dumps(cells, default=_digest)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(content: bytes) -> dict[str, str]:
    """Return bytes in a form that JSON can hold."""
    return {"bytes": hashlib.sha256(content).hexdigest()}
