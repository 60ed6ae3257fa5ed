"""Who trains a run: a lease with a heartbeat, which is free when its owner is dead.

No clock of another machine is believed: a heart beats if what it writes changes while
one looks at it. Of a process of this system one knows without looking.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

SECONDS_BETWEEN_BEATS = 2.0
SECONDS_BETWEEN_LOOKS = 0.5
"""The time between two looks at a run that another process has leased."""

SECONDS_UNTIL_EXPIRED = 20.0
"""How long a heart must not have beaten while one looked."""

SECONDS_UNTIL_GIVEN_UP = 180.0
"""The same of a process that is known to run: its heart may be kept from writing."""

SECONDS_OF_A_LOOK = 5.0
"""What the time since the last look counts at the most: whoever looks may have slept."""

_NO_PID = 2**31
"""More than any system gives to a process."""

_hearts: set[str] = set()
"""The owners that this process is."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has leased a run."""

    host: str
    pid: int
    since: float
    """In seconds since 1970, by the holder's clock; 0: unknown."""
    lives: bool | None
    """None: it cannot be said yet. It is as long as one has to look that it can."""

    def __str__(self) -> str:
        text = f"process {self.pid} on {self.host}"
        try:
            since = datetime.fromtimestamp(self.since, UTC)
        except (TypeError, ValueError, OverflowError, OSError):  # a clock may say anything
            return text
        return f"{text} since {since:%Y-%m-%d %H:%M:%S} UTC" if self.since else text


@dataclass(slots=True)
class _Watched:
    """A heartbeat that is looked at."""

    owner: str
    heartbeat: float
    seen: float
    """When it was looked at last, by this process' monotonic clock."""
    still: float = 0.0
    """For how many seconds it has not changed while it was looked at."""
    changed: bool = False
    """Whether it did once."""


class Leases:
    """The leases of this process.

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
        self._watched: dict[str, _Watched] = {}
        _hearts.add(self.owner)

    def take(self, key: str) -> bool:
        """Lease a run, unless a process that may live has it; within a transaction."""
        if self.holder(key) is not None:
            return False
        pid = os.getpid()
        self._connection.execute(
            "INSERT OR REPLACE INTO leases "
            "(key, owner, host, system, pid, started, since, heartbeat) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (
                key,
                self.owner,
                socket.gethostname(),
                _system(),
                pid,
                _started(pid),
                time.time(),
            ),
        )
        self._start()
        return True

    def holder(self, key: str) -> Holder | None:
        """The other process that has leased a run; None if there is none, or it is dead.

        Whether it is dead may take several calls to find out.
        """
        row = self._connection.execute(
            "SELECT * FROM leases WHERE key = ?", (key,)
        ).fetchone()
        if row is None or row["owner"] == self.owner:
            self._watched.pop(key, None)
            return None
        lives = self._lives(row)
        if lives is False:
            return None
        return Holder(row["host"], row["pid"], row["since"], lives)

    def holds(self, key: str) -> bool:
        """Whether a lease is this process' own still."""
        row = self._connection.execute(
            "SELECT owner FROM leases WHERE key = ?", (key,)
        ).fetchone()
        return row is not None and row["owner"] == self.owner

    def is_free(self, key: str) -> bool:
        """Whether nobody has leased a run, dead or alive."""
        row = self._connection.execute("SELECT 1 FROM leases WHERE key = ?", (key,))
        return row.fetchone() is None

    def release(self, key: str) -> None:
        """Gives a lease back."""
        self._connection.execute(
            "DELETE FROM leases WHERE key = ? AND owner = ?", (key, self.owner)
        )

    def release_all(self) -> None:
        """Gives back all that this process has."""
        self._connection.execute("DELETE FROM leases WHERE owner = ?", (self.owner,))

    def forget(self, key: str) -> None:
        """Deletes the lease of a dead process; within a transaction."""
        self._connection.execute("DELETE FROM leases WHERE key = ?", (key,))

    def close(self) -> None:
        """Ends the heartbeat."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        _hearts.discard(self.owner)

    def _lives(self, row: sqlite3.Row) -> bool | None:
        """Whether the process that holds a lease lives; None: one has to look longer."""
        known = holder_runs(row)
        watched = self._look(row)
        if known is False:
            return False
        limit = SECONDS_UNTIL_EXPIRED if known is None else SECONDS_UNTIL_GIVEN_UP
        if watched.still >= limit:
            return False
        return True if known or watched.changed else None

    def _look(self, row: sqlite3.Row) -> _Watched:
        now = time.monotonic()
        watched = self._watched.get(row["key"])
        if watched is None or watched.owner != row["owner"]:
            watched = _Watched(row["owner"], row["heartbeat"], now)
            self._watched[row["key"]] = watched
        elif watched.heartbeat != row["heartbeat"]:
            watched.heartbeat, watched.still, watched.changed = row["heartbeat"], 0.0, True
        else:
            watched.still += min(now - watched.seen, SECONDS_OF_A_LOOK)
        watched.seen = now
        return watched

    def _start(self) -> None:
        if self._thread is not None or self._connect is None:
            return
        thread = threading.Thread(
            target=self._beat, args=(self._connect,), name="kmlp-leases", daemon=True
        )
        with contextlib.suppress(
            RuntimeError
        ):  # no thread is to be had; the next lease may
            thread.start()
            self._thread = thread

    def _beat(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Beats until it is told to stop, whatever fails: the next beat may get through."""
        connection: sqlite3.Connection | None = None
        while not self._stop.wait(SECONDS_BETWEEN_BEATS):
            try:
                if connection is None:
                    connection = connect()
                connection.execute(
                    "UPDATE leases SET heartbeat = heartbeat + 1 WHERE owner = ?",
                    (self.owner,),
                )
            except Exception:
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()


def holder_runs(lease: sqlite3.Row) -> bool | None:
    """Whether the process that holds a lease runs, as far as this system can tell.

    Returns:
        None if it is of another one, is stopped, or cannot be told from another process.
    """
    import psutil  # only where somebody else has a lease

    if lease["host"] != socket.gethostname() or lease["system"] not in ("", _system()):
        return None
    pid = lease["pid"]
    if not isinstance(pid, int) or not 0 < pid < _NO_PID:
        return None
    if not psutil.pid_exists(pid):
        return False
    started = _started(pid)
    if started != lease["started"]:
        # A lease of an older kmlp does not say it, and a system may not show it.
        return False if started and lease["started"] else None
    if pid == os.getpid():
        return lease["owner"] in _hearts
    try:
        state = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return None
    if state in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
        return False
    return None if state in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP) else True


@cache
def _system() -> str:
    """Where the number of a process means what it does here: until the system starts
    again, and in the same container. Empty where that cannot be asked.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process began, so that it is told from a later one of the same number.

    Not as a time where there is something better: the clock may have been set since.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    import psutil

    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""
