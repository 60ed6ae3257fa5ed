"""Opening the database of a runs folder, and what can be wrong with it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from kmlp.errors import ConfigError, StoreError, StoreWriteError, shown

VERSION = 1
"""Of the schema; SQLite keeps it as `user_version`."""

FILE = "kmlp.sqlite"
SECONDS_TO_WAIT = 60.0
"""For another process that is writing."""


def open_database(folder: Path | None, *, writable: bool = True) -> sqlite3.Connection:
    """Opens the database of a runs folder, and makes both where there is none.

    Args:
        folder: None: in memory.
        writable: Whether it is to be written to. Defaults to True.

    Raises:
        StoreError: if it cannot be opened, or is none of this version of kmlp.
    """
    if folder is None:
        connection = _connect(":memory:")
        _prepare(connection)
        return connection
    path = folder / FILE
    with explained(path, StoreError):
        if folder.exists() and not folder.is_dir():
            raise StoreError(
                f"{folder} is no folder. Choose one by --runs-dir or KMLP_RUNS_DIR."
            )
        if writable:
            folder.mkdir(parents=True, exist_ok=True)
            connection = _connect(str(path))
        elif not path.exists():
            raise StoreError(f"There are no runs in {folder} yet.")
        else:
            connection = _connect_to_read(path)
        try:
            version, tables = connection.execute(
                "SELECT user_version, (SELECT count(*) FROM sqlite_master) "
                "FROM pragma_user_version"
            ).fetchone()
            if version > VERSION:
                raise StoreError(
                    f"{path} was written by a newer kmlp (schema {version}; this one knows "
                    f"{VERSION}). Update kmlp, or choose another --runs-dir."
                )
            if version == 0 and not tables and not writable:
                raise StoreError(f"There are no runs in {folder} yet.")
            if version == 0 and tables:
                raise StoreError(
                    f"{path} is a database of something else. Move it away, or choose "
                    "another --runs-dir."
                )
            if writable:
                connection.execute("PRAGMA journal_mode = WAL")
                _prepare(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _connect(name: str, *, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name,
        uri=uri,
        timeout=SECONDS_TO_WAIT,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """To read where the folder cannot be written to, the file must be at rest."""
    uri = path.absolute().as_uri()
    at_rest = not path.with_name(f"{path.name}-wal").exists()
    immutable = at_rest and not os.access(path.parent, os.W_OK)
    return _connect(f"{uri}?{'immutable=1' if immutable else 'mode=rw'}", uri=True)


def _prepare(connection: sqlite3.Connection) -> None:
    """Makes the tables, unless they are there."""
    with transaction(connection):
        if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:
            # Fails where the database cannot be written to, before anything is trained.
            connection.execute(f"PRAGMA user_version = {VERSION}")
            return
        script = files("kmlp.store").joinpath("schema.sql").read_text(encoding="utf-8")
        for statement in script.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written in it, or nothing; no other process writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def explained(path: Path, kind: type[StoreError] = StoreWriteError) -> Iterator[None]:
    """Turns what the system says into an error with the path and the mend."""
    try:
        yield
    except StoreError:
        raise
    except UnicodeEncodeError as error:
        raise ConfigError(
            [f"{shown(error.object)} is no text: it is not in UTF-8."]
        ) from error
    except (sqlite3.Error, OSError) as error:
        text = str(error)
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        number = getattr(error, "errno", None)
        if code == sqlite3.SQLITE_NOTADB:
            why = "is no database. Move it away, or choose another --runs-dir."
        elif code == sqlite3.SQLITE_CORRUPT:
            why = f"is damaged ({text}). Restore it, or choose another --runs-dir."
        elif code == sqlite3.SQLITE_FULL or number in (28, 122):  # no space, quota
            why = (
                "cannot grow: the disk is full. What was stored is intact. Make room, then "
                "run the same command again."
            )
        elif code == sqlite3.SQLITE_BUSY:
            why = (
                f"was locked by another process for {SECONDS_TO_WAIT:.0f} s. Run the same "
                "command again when that one is done."
            )
        else:
            why = (
                f"cannot be written to or read ({text}). Choose a folder that can, by "
                "--runs-dir or KMLP_RUNS_DIR."
            )
        raise kind(f"{path} {why}") from error
