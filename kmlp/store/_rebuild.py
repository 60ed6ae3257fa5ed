"""A new database from the readable rows of a damaged one."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from kmlp.store._database import FILE
from kmlp.store._migrations import migrate
from kmlp.store._sqlite import connect, transaction

TABLES = (
    "environments",
    "runs",
    "epochs",
    "step_losses",
    "checkpoints",
    "studies",
    "study_runs",
)
"""The tables in the order of their references: each one refers to earlier ones only."""


def rebuild(folder: Path) -> Path:
    """Replace a damaged database by a new one that has all its readable rows.

    Args:
        folder: The runs folder.

    Returns:
        The new path of the damaged database, which is kept beside the new one.

    Raises:
        OSError: if the new database cannot be written.
    """
    path = folder / FILE
    candidates = (folder / f"{FILE}.damaged-{number}" for number in range(1, 1000))
    damaged = next(candidate for candidate in candidates if not candidate.exists())
    with tempfile.TemporaryDirectory(prefix=".kmlp-", dir=folder) as aside:
        fresh = Path(aside) / FILE
        with closing(connect(str(fresh))) as new:
            with transaction(new):
                migrate(new, 0)
            new.execute("PRAGMA foreign_keys = OFF")
            if path.exists():
                with (
                    suppress(sqlite3.Error, UnicodeDecodeError),
                    closing(connect(str(path))) as old,
                ):
                    for table in TABLES:
                        _copy(old, new, table)
        if path.exists():
            path.rename(damaged)
        for kind in ("journal", "wal", "shm"):
            path.with_name(f"{FILE}-{kind}").unlink(missing_ok=True)
        fresh.rename(path)
    return damaged


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    """Copy the readable rows of a table: those before the damage, then those after it.

    The second part is read backwards, from the last row.
    """
    columns = [row["name"] for row in new.execute(f"PRAGMA table_info({table})")]
    for order in ("", "DESC"):
        query = f"SELECT * FROM {table} NOT INDEXED ORDER BY {columns[0]} {order}"
        with suppress(sqlite3.Error, IndexError), transaction(new):
            for row in _until_damage(old, query):
                cells = [row[name] for name in columns]
                # Text that is not UTF-8 keeps its bytes, so that it is recognized later.
                places = [
                    "CAST(? AS TEXT)" if isinstance(cell, str) else "?" for cell in cells
                ]
                with suppress(sqlite3.Error):
                    new.execute(
                        f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) "
                        f"VALUES ({', '.join(places)})",
                        [
                            cell.encode("utf-8", "surrogateescape")
                            if isinstance(cell, str)
                            else cell
                            for cell in cells
                        ],
                    )


def _until_damage(connection: sqlite3.Connection, query: str) -> Iterator[sqlite3.Row]:
    # SQLite's message quotes the damaged text, which may not be UTF-8.
    with suppress(sqlite3.Error, UnicodeDecodeError):
        yield from connection.execute(query)
