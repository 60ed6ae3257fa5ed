"""Opening the database of a runs folder, and what can be wrong with it."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from kmlp.errors import (
    ConfigError,
    DamagedError,
    StoreError,
    StoreLostError,
    StoreWriteError,
    shown,
)
from kmlp.store import _checkpoints
from kmlp.store._migrations import VERSION, migrate
from kmlp.store.leases import (
    SECONDS_BETWEEN_BEATS,
    SECONDS_UNTIL_EXPIRED,
    holder_runs,
)

FILE = "kmlp.sqlite"
SECONDS_TO_WAIT = 60.0
"""For another process that is writing."""

_UNREACHABLE = (errno.EIO, errno.ENXIO, errno.ENODEV, errno.ENOTCONN, errno.ESTALE)
"""What the system says of files on a disk or a server that is not there any more."""

_TABLES = ("environments", "runs", "checkpoints", "studies", "study_runs", "changes")
"""Whose indexes are compared with them when a store is opened. That of epochs has none,
and is under the checksums of runs.
"""
_MOST_CHANGES = 2**62
"""More than any store has seen; SQLite counts to 2**63."""

_SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")
"""What a journal ends with that names another file, which SQLite would remove."""


def open_database(folder: Path | None, *, writable: bool = True) -> sqlite3.Connection:
    """Opens the database of a runs folder, and makes both where there is none.

    A store of an earlier kmlp is brought up to date; one that is only read stays as it is,
    and a copy in memory is brought up to date.

    Args:
        folder: None: in memory.
        writable: Whether it is to be written to. Defaults to True.

    Raises:
        StoreError: if it cannot be opened, is damaged, or is none of this version of kmlp.
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
                f"{folder} is no folder. Choose one by `runs_dir` or KMLP_RUNS_DIR."
            )
        if not writable and not path.exists():
            raise StoreError(f"There are no runs in {folder} yet.")
        folder.mkdir(parents=True, exist_ok=True)
        _check_files(path)
        if writable:
            _check_models(folder / _checkpoints.FOLDER)
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
    """Another connection to a database that this process has open.

    Args:
        folder: The runs folder. Nothing is made in it.
        seconds: How long it waits for another process that is writing.

    Raises:
        StoreError: if it cannot be opened any more.
    """
    path = folder / FILE
    with translate_errors(path, StoreError):
        return connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, seconds=seconds)


def connect(
    name: str, *, uri: bool = False, seconds: float = SECONDS_TO_WAIT
) -> sqlite3.Connection:
    """A connection to a database, of whatever it is: nothing of it is checked."""
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
    # What SQLite advises for files of others; https://sqlite.org/security.html.
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _text(value: bytes) -> str:
    """A cell of text; what is none in UTF-8 does not keep its row from being read."""
    return value.decode("utf-8", "surrogateescape")


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """To read where the folder cannot be written to, the file must be at rest."""
    uri = path.absolute().as_uri()
    at_rest = not any(_beside(path, it).exists() for it in ("journal", "wal"))
    immutable = at_rest and not os.access(path.parent, os.W_OK)
    return connect(f"{uri}?{'immutable=1' if immutable else 'mode=rw'}", uri=True)


def _beside(path: Path, kind: str) -> Path:
    return path.with_name(f"{path.name}-{kind}")


def _check_files(path: Path) -> None:
    """Raises `StoreError` if opening a database could reach other files than its own."""
    for file in (path, *(_beside(path, it) for it in ("journal", "wal", "shm"))):
        if file.is_symlink():
            raise StoreError(
                f"{file} is a link, which is not followed. Give the folder where the file "
                "is, by `runs_dir` or KMLP_RUNS_DIR."
            )
        if file.exists() and not file.is_file():  # a pipe would be waited for
            raise StoreError(
                f"{file} is no file. Move it away, or choose another `runs_dir`."
            )
    journal = _beside(path, "journal")
    if journal.exists():
        with journal.open("rb") as opened:
            opened.seek(max(0, journal.stat().st_size - len(_SUPER_JOURNAL)))
            if opened.read() == _SUPER_JOURNAL:
                raise StoreError(f"{journal} names another file. kmlp wrote no such file.")


def _check_models(folder: Path) -> None:
    """Raises `StoreError` if models cannot be kept there, or would be kept elsewhere.

    Before anything is written: what lacks its models is trained again.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise StoreError(
            f"{folder} is no folder, or a link, which is not followed. Put the folder of "
            "the models there, or choose another `runs_dir`."
        )


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the schema; 0: there is none yet."""
    version, tables = connection.execute(
        "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
    ).fetchone()
    if version < 0:
        raise DamagedError(damaged_file(path, f"its schema is numbered {version}"))
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
            f"{path} is a database of something else. Move it away, or choose "
            "another `runs_dir`."
        )
    left = _checkpoints.names(path.parent / _checkpoints.FOLDER) if version == 0 else []
    if left:
        raise DamagedError(
            f"{path} is empty or was not there, but {len(left)} models of runs are beside "
            "it. Restore it from a copy, or remove what is left by "
            "`kmlp.store.doctor.repair`."
        )
    return int(version)


def _prepare(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Makes what is not there yet, in a database that is to be written to."""
    # With a journal that rolls back, all of a store is in one file, which can be copied,
    # and a process sees that the file is another.
    [mode] = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    if mode != "delete":
        raise StoreError(f"{path} is in use by an older kmlp. Wait until that one is done.")
    if version in (1, 2):  # of which hearts must be able to beat meanwhile
        _check_unused(connection, path, version)
    with transaction(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == VERSION:
            # Fails where the database cannot be written to, before anything is trained.
            connection.execute(f"PRAGMA user_version = {VERSION}")
            return
        migrate(connection, version)


def _check_unused(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Raises `StoreError` if an older kmlp trains, which does not know the new schema.

    A process of another machine is known to run if its heartbeat changes.
    """
    before = connection.execute("SELECT * FROM claims").fetchall()
    if version == 1:  # a heartbeat is a time
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
            "Wait until that one is done."
        )


def _is_recent(heartbeat: object) -> bool:
    """Whether a time of the first schema is a recent one; a damaged cell is not."""
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
    """Raises `DamagedError` if the database is not built as it should be.

    A view or a trigger would be a program of somebody else's.
    """
    names = connection.execute(
        "SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index') "
        "OR sql LIKE 'create virtual%'"
    ).fetchall()
    for row in names:
        raise DamagedError(
            f"{path} has a {row['type']}, {shown(row['name'])}, which kmlp did not make. "
            "Choose another `runs_dir`."
        )
    for table, columns in _columns().items():
        found = connection.execute(f"PRAGMA table_info({table})").fetchall()
        if not columns <= {row["name"] for row in found}:
            raise DamagedError(damaged_file(path, f"`{table}` lacks columns"))
    count_changes(connection, path)
    for table in _TABLES:
        for [said] in connection.execute(f"PRAGMA integrity_check({table})"):
            if said != "ok":
                raise DamagedError(damaged_file(path, said))


def count_changes(connection: sqlite3.Connection, path: Path) -> int:
    """How many transactions there were.

    Raises:
        DamagedError: if it does not say.
    """
    found = [row["count"] for row in connection.execute("SELECT count FROM changes")]
    match found:
        case [int(count)] if 0 <= count < _MOST_CHANGES:
            return count
    raise DamagedError(damaged_file(path, "`changes` has no count"))


@cache
def _columns() -> dict[str, set[str]]:
    """The names of the columns of each table; more of them do no harm."""
    with closing(open_database(None)) as made:
        tables = made.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: {row["name"] for row in made.execute(f"PRAGMA table_info({name})")}
            for [name] in tables.fetchall()
        }


def damaged_file(path: Path, said: str) -> str:
    """Says that a database is damaged, and what to do."""
    return (
        f"{path} is damaged ({said}). Restore it from a copy, or keep what can be read of "
        "it by `kmlp.store.doctor.repair`."
    )


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
def translate_errors(
    path: Path, kind: type[StoreError] = StoreWriteError
) -> Iterator[None]:
    """Turns what the system says into an error with the path and the mend."""
    try:
        yield
    except StoreError:
        raise
    except UnicodeDecodeError as error:  # of the message, which quotes the schema
        raise DamagedError(damaged_file(path, "its schema is no text")) from error
    except UnicodeEncodeError as error:
        raise ConfigError(
            [f"{shown(error.object)} is no text: it is not in UTF-8."]
        ) from error
    except (sqlite3.Error, OSError) as error:
        text = str(error)
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        number = getattr(error, "errno", None)
        if code == sqlite3.SQLITE_NOTADB:
            why = "is no database. Move it away, or choose another `runs_dir`."
        elif code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
            raise DamagedError(damaged_file(path, text)) from error
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
                "`runs_dir` or KMLP_RUNS_DIR."
            )
        gone = code == sqlite3.SQLITE_IOERR or number in _UNREACHABLE
        if kind is StoreWriteError and gone:
            kind = StoreLostError
        raise kind(f"{path} {why}") from error
