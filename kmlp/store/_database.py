"""Opening the database of a runs folder, after checking its files and its structure."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from functools import cache
from pathlib import Path

from kmlp.errors import DamagedError, StoreError, shown
from kmlp.store import _checkpoint_files
from kmlp.store._migrations import VERSION, migrate
from kmlp.store._sqlite import connect, damaged_file, transaction, translate_errors
from kmlp.store.leases import (
    SECONDS_BETWEEN_BEATS,
    SECONDS_UNTIL_EXPIRED,
    holder_runs,
)

FILE = "kmlp.sqlite"

_TABLES = ("environments", "runs", "checkpoints", "studies", "study_runs", "changes")
"""The tables that are checked against their indexes when a store is opened. The table of
epochs has no index, and the checksums of runs cover it."""

_MOST_CHANGES = 2**62
"""More changes than any store can have; SQLite counts to 2**63."""

_SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")
"""The end of a journal that names another file, which SQLite would delete."""


def open_database(folder: Path | None, *, writable: bool = True) -> sqlite3.Connection:
    """Open the database of a runs folder; create the folder and the database if needed.

    The schema of an older store is brought up to date. If the store is opened for reading,
    that is done in a copy in memory.

    Args:
        folder: The runs folder; None for a database in memory.
        writable: True if the database will be written to. Defaults to True.

    Raises:
        StoreError: if the database cannot be opened, is damaged, or was written by a newer
            kmlp.
    """
    if folder is None:
        connection = connect(":memory:")
        with transaction(connection):
            migrate(connection, 0)
        return connection
    path = folder / FILE
    with translate_errors(path, StoreError):
        if folder.exists() and not folder.is_dir():
            raise StoreError(
                f"{folder} is not a folder. Choose a folder by `runs_dir` or KMLP_RUNS_DIR."
            )
        if not writable and not path.exists():
            raise StoreError(f"There are no runs in {folder} yet.")
        folder.mkdir(parents=True, exist_ok=True)
        _check_files(path)
        if writable:
            _check_checkpoint_folder(folder / _checkpoint_files.FOLDER)
        connection = connect(str(path)) if writable else _connect_to_read(path)
        try:
            version = _version(connection, path)
            if version == 0 and not writable:
                raise StoreError(f"There are no runs in {folder} yet.")
            if writable:
                _prepare(connection, path, version)
            elif version < VERSION:
                connection = _up_to_date_copy(connection, version)
            _check_structure(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def open_again(folder: Path, *, seconds: float) -> sqlite3.Connection:
    """Return a second connection to a database that this process has open.

    Args:
        folder: The runs folder. No file is created in it.
        seconds: Timeout for another process that is writing, in seconds.

    Raises:
        StoreError: if the database cannot be opened any more.
    """
    path = folder / FILE
    with translate_errors(path, StoreError):
        return connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, seconds=seconds)


def count_changes(connection: sqlite3.Connection, path: Path) -> int:
    """Return the number of transactions that the database has seen.

    Args:
        connection: The connection to the database.
        path: The path of the database, for messages.

    Raises:
        DamagedError: if the database does not have that number.
    """
    counts = [row["count"] for row in connection.execute("SELECT count FROM changes")]
    match counts:
        case [int(count)] if 0 <= count < _MOST_CHANGES:
            return count
    raise DamagedError(damaged_file(path, "`changes` has no count"))


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """Connect for reading. In a read-only folder, the file must not be in use."""
    uri = path.absolute().as_uri()
    in_use = any(_companion(path, kind).exists() for kind in ("journal", "wal"))
    immutable = not in_use and not os.access(path.parent, os.W_OK)
    return connect(f"{uri}?{'immutable=1' if immutable else 'mode=rw'}", uri=True)


def _companion(path: Path, kind: str) -> Path:
    """Return the path of a file that SQLite keeps beside the database."""
    return path.with_name(f"{path.name}-{kind}")


def _check_files(path: Path) -> None:
    """Raise `StoreError` if opening the database could reach files of others."""
    for file in (path, *(_companion(path, kind) for kind in ("journal", "wal", "shm"))):
        if file.is_symlink():
            raise StoreError(
                f"{file} is a link, which is not followed. Give the folder of the file "
                "itself by `runs_dir` or KMLP_RUNS_DIR."
            )
        if file.exists() and not file.is_file():  # SQLite would wait for a pipe
            raise StoreError(
                f"{file} is not a file. Move it away, or choose another `runs_dir`."
            )
    journal = _companion(path, "journal")
    if journal.exists():
        with journal.open("rb") as opened:
            opened.seek(max(0, journal.stat().st_size - len(_SUPER_JOURNAL)))
            if opened.read() == _SUPER_JOURNAL:
                raise StoreError(
                    f"{journal} names another file, so kmlp did not write it. Choose "
                    "another `runs_dir`."
                )


def _check_checkpoint_folder(folder: Path) -> None:
    """Raise `StoreError` if checkpoints cannot be written there, or would go elsewhere.

    The check is made before the database is changed: runs without their checkpoints would
    be trained again.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise StoreError(
            f"{folder} is not a folder, or is a link, which is not followed. Put the "
            "folder with the checkpoints there, or choose another `runs_dir`."
        )


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the schema; 0 for a database without tables."""
    version, tables = connection.execute(
        "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
    ).fetchone()
    if version < 0:
        raise DamagedError(damaged_file(path, f"its schema has the number {version}"))
    if version > VERSION:
        raise StoreError(
            f"{path} was written by a newer kmlp (schema {version}; this one knows "
            f"{VERSION}). Update kmlp, or choose another `runs_dir`."
        )
    if version == 0 and tables:
        if connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'study_runs'"
        ).fetchone():
            raise DamagedError(damaged_file(path, "its schema has no number"))
        raise StoreError(
            f"{path} is a database of another program. Move it away, or choose another "
            "`runs_dir`."
        )
    left = (
        _checkpoint_files.names(path.parent / _checkpoint_files.FOLDER)
        if version == 0
        else []
    )
    if left:
        raise DamagedError(
            f"{path} is empty or missing, but the folder has {len(left)} checkpoint "
            "files. Restore the database from a copy, or remove the files by "
            "`kmlp.store.doctor.repair_folder`."
        )
    return int(version)


def _prepare(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Bring a database that will be written to up to date."""
    # With a rollback journal, the whole store is one file, which can be copied. A process
    # also notices if that file is replaced.
    [mode] = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    if mode != "delete":
        raise StoreError(
            f"{path} is in use by an older kmlp. Wait until that kmlp has ended."
        )
    if version in (1, 2):  # outside of the transaction, which would block heartbeats
        _check_unused(connection, path, version)
    with transaction(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == VERSION:
            # Fails for a database that cannot be written to, before runs are trained.
            connection.execute(f"PRAGMA user_version = {VERSION}")
            return
        migrate(connection, version)


def _check_unused(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Raise `StoreError` if an older kmlp trains, which does not know the new schema.

    A process of another machine counts as running if its heartbeat changes.
    """
    before = connection.execute("SELECT * FROM claims").fetchall()
    if version == 1:  # there, a heartbeat is a time
        running = [row for row in before if _is_recent(row["heartbeat"])]
    else:
        running = [row for row in before if holder_runs(row)]
        unknown = {row["key"]: row for row in before if holder_runs(row) is None}
        if unknown and not running:
            time.sleep(2 * SECONDS_BETWEEN_BEATS)
            running = [
                row
                for row in connection.execute("SELECT * FROM claims").fetchall()
                if row["key"] in unknown
                and row["heartbeat"] != unknown[row["key"]]["heartbeat"]
            ]
    for row in running:
        raise StoreError(
            f"{path} is in use by an older kmlp (process {row['pid']} on {row['host']}). "
            "Wait until that process has ended."
        )


def _is_recent(heartbeat: object) -> bool:
    """True if a time of the first schema is recent. A damaged cell is not."""
    return (
        isinstance(heartbeat, float)
        and abs(time.time() - heartbeat) < SECONDS_UNTIL_EXPIRED
    )


def _up_to_date_copy(connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    copy = connect(":memory:")
    connection.backup(copy)
    connection.close()
    copy.execute("PRAGMA foreign_keys = OFF")
    with transaction(copy):
        migrate(copy, version)
    return copy


def _check_structure(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `DamagedError` if the database does not have the tables of the schema.

    Views and triggers are refused: they could run a program of somebody else.
    """
    names = connection.execute(
        "SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index') "
        "OR sql LIKE 'create virtual%'"
    ).fetchall()
    for row in names:
        raise DamagedError(
            f"{path} has a {row['type']}, {shown(row['name'])}, which kmlp did not create. "
            "Choose another `runs_dir`."
        )
    for table, columns in _columns().items():
        info = connection.execute(f"PRAGMA table_info({table})").fetchall()
        if not columns <= {row["name"] for row in info}:
            raise DamagedError(damaged_file(path, f"`{table}` lacks columns"))
    count_changes(connection, path)
    for table in _TABLES:
        for [result] in connection.execute(f"PRAGMA integrity_check({table})"):
            if result != "ok":
                raise DamagedError(damaged_file(path, result))


@cache
def _columns() -> dict[str, set[str]]:
    """Return the names of the columns that each table needs. It may have others, too."""
    with closing(open_database(None)) as example:
        tables = example.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: {row["name"] for row in example.execute(f"PRAGMA table_info({name})")}
            for [name] in tables.fetchall()
        }
