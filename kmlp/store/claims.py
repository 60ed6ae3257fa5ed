"""Who trains a run: a claim with a heartbeat, which goes stale when its owner dies."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable

SECONDS_BETWEEN_BEATS = 2.0
SECONDS_UNTIL_STALE = 20.0


class Claims:
    """The claims of this process.

    Args:
        connection: Of the database, for this thread.
        connect: Opens another connection, for the thread of the heartbeat; None
            where nobody else can see the database.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        connect: Callable[[], sqlite3.Connection] | None,
    ) -> None:
        self.owner = uuid.uuid4().hex
        self._connection = connection
        self._connect = connect
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self, key: str) -> bool:
        """Claims a run, unless a living process has; within a transaction."""
        row = self._connection.execute(
            "SELECT * FROM claims WHERE key = ?", (key,)
        ).fetchone()
        if row is not None and row["owner"] != self.owner and alive(row):
            return False
        self._connection.execute(
            "INSERT OR REPLACE INTO claims (key, owner, host, pid, heartbeat) "
            "VALUES (?, ?, ?, ?, ?)",
            (key, self.owner, socket.gethostname(), os.getpid(), time.time()),
        )
        if self._thread is None and self._connect is not None:
            self._thread = threading.Thread(
                target=self._beat, args=(self._connect,), name="kmlp-claims", daemon=True
            )
            self._thread.start()
        return True

    def holds(self, key: str) -> bool:
        """Whether a claim is this process' own still."""
        row = self._connection.execute(
            "SELECT owner FROM claims WHERE key = ?", (key,)
        ).fetchone()
        return row is not None and row["owner"] == self.owner

    def release(self, key: str) -> None:
        """Gives a claim back."""
        self._connection.execute(
            "DELETE FROM claims WHERE key = ? AND owner = ?", (key, self.owner)
        )

    def release_all(self) -> None:
        """Gives back all that this process has."""
        self._connection.execute("DELETE FROM claims WHERE owner = ?", (self.owner,))

    def close(self) -> None:
        """Ends the heartbeat."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self, connect: Callable[[], sqlite3.Connection]) -> None:
        with contextlib.closing(connect()) as connection:
            while not self._stop.wait(SECONDS_BETWEEN_BEATS):
                with contextlib.suppress(sqlite3.Error):  # the next one may get through
                    connection.execute(
                        "UPDATE claims SET heartbeat = ? WHERE owner = ?",
                        (time.time(), self.owner),
                    )


def alive(claim: sqlite3.Row) -> bool:
    """Whether the process that holds a claim seems to live."""
    if time.time() - claim["heartbeat"] > SECONDS_UNTIL_STALE:
        return False
    if claim["host"] != socket.gethostname() or os.name != "posix":
        return True
    try:
        os.kill(claim["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
