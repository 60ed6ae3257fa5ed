"""SQLite as the store uses it: connections, transactions, and errors with a remedy."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kmlp.errors import (
    ConfigError,
    DamagedError,
    StoreError,
    StoreLostError,
    StoreWriteError,
    shown,
)

SECONDS_TO_WAIT = 60.0
"""Timeout for another process that is writing, in seconds."""

_UNREACHABLE = (errno.EIO, errno.ENXIO, errno.ENODEV, errno.ENOTCONN, errno.ESTALE)
"""The system's errors for files on a disk or a server that is gone."""

_FULL = (errno.ENOSPC, 122)
"""The system's errors for a full disk, and for a user's quota (`EDQUOT`, which Python does
not name on every system)."""


def connect(
    name: str, *, uri: bool = False, seconds: float = SECONDS_TO_WAIT
) -> sqlite3.Connection:
    """Connect to a database, whose content is not checked.

    Args:
        name: The path or the URI of the database.
        uri: True if `name` is a URI. Defaults to False.
        seconds: Timeout for another process that is writing, in seconds. Defaults to 60.
    """
    connection = sqlite3.connect(
        name,
        uri=uri,
        timeout=seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    connection.text_factory = _text
    connection.execute("PRAGMA foreign_keys = ON")
    # SQLite's advice for files of others; https://sqlite.org/security.html.
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _text(value: bytes) -> str:
    """Decode a cell of text. A cell that is not UTF-8 does not make its row unreadable."""
    return value.decode("utf-8", "surrogateescape")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write everything in the block or nothing, while no other process writes."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def damaged_file(path: Path, problem: str) -> str:
    """Return the message for a damaged database, with the remedy."""
    return (
        f"{path} is damaged ({problem}). Restore it from a copy, or save its readable rows "
        "by `kmlp.store.doctor.repair_folder`."
    )


@contextmanager
def translate_errors(
    path: Path, kind: type[StoreError] = StoreWriteError
) -> Iterator[None]:
    """Translate errors of SQLite and the system into errors with the path and a remedy.

    Args:
        path: The path of the database.
        kind: The class of the errors that have no class of their own. Defaults to
            `StoreWriteError`.

    Raises:
        DamagedError: if the database is damaged.
        StoreLostError: if the disk or the server is gone, and `kind` is `StoreWriteError`.
        ConfigError: if a text that was given is not UTF-8.
    """
    try:
        yield
    except StoreError:
        raise
    except UnicodeDecodeError as error:  # SQLite's message quotes the schema
        raise DamagedError(damaged_file(path, "its schema is not a text")) from error
    except UnicodeEncodeError as error:
        raise ConfigError([f"{shown(error.object)} is not a text in UTF-8."]) from error
    except (sqlite3.Error, OSError) as error:
        text = str(error)
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        number = getattr(error, "errno", None)
        if code == sqlite3.SQLITE_NOTADB:
            why = "is not a database. Move it away, or choose another `runs_dir`."
        elif code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
            raise DamagedError(damaged_file(path, text)) from error
        elif code == sqlite3.SQLITE_FULL or number in _FULL:
            why = (
                "cannot grow: the disk is full. The stored runs are intact. Free some "
                "space, then run the same command again."
            )
        elif code == sqlite3.SQLITE_BUSY:
            why = (
                f"was locked by another process for {SECONDS_TO_WAIT:.0f} s. Run the same "
                "command again when that process has ended."
            )
        else:
            why = (
                f"cannot be written or read ({text}). Choose a writable folder by "
                "`runs_dir` or KMLP_RUNS_DIR."
            )
        gone = code == sqlite3.SQLITE_IOERR or number in _UNREACHABLE
        if kind is StoreWriteError and gone:
            kind = StoreLostError
        raise kind(f"{path} {why}") from error
