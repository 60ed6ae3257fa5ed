"""Leases: the right to train a run, with a heartbeat. A dead holder's lease expires.

The clocks of other machines are not trusted. A heartbeat is a counter, and its holder
is alive if the counter changes while this process watches it. For a process of this
machine, the system tells if it is alive.
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
"""The time between two looks at the lease of another process."""

SECONDS_UNTIL_EXPIRED = 20.0
"""The time without a heartbeat, while this process watched, after which a lease expires."""

SECONDS_UNTIL_GIVEN_UP = 180.0
"""The same limit for a process that is known to run: something may block its heartbeat."""

SECONDS_OF_A_LOOK = 5.0
"""The limit of the counted time between two looks: this process may have been asleep."""

_NO_PID = 2**31
"""A number above every process id."""

_owners: set[str] = set()
"""The owner names that belong to this process."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that has leased a run."""

    host: str
    pid: int
    since: float
    """Unix time by the holder's clock; 0 if unknown."""
    lives: bool | None
    """True if the process is alive. None if it must be watched for longer to know."""

    def __str__(self) -> str:
        text = f"process {self.pid} on {self.host}"
        try:
            since = datetime.fromtimestamp(self.since, UTC)
        except (TypeError, ValueError, OverflowError, OSError):
            return text  # a clock can have any value
        return f"{text} since {since:%Y-%m-%d %H:%M:%S} UTC" if self.since else text


@dataclass(slots=True)
class _Watched:
    """A heartbeat that this process watches."""

    owner: str
    heartbeat: float
    seen: float
    """The time of the last look, by the monotonic clock of this process."""
    still: float = 0.0
    """The time without a change while the heartbeat was watched, in seconds."""
    changed: bool = False
    """True if the heartbeat changed at least once."""


class Leases:
    """The leases of this process.

    Args:
        connection: The connection to the database, for this thread.
        connect: Opens another connection, for the thread of the heartbeat. None if no
            other process can see the database.
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
        _owners.add(self.owner)

    def take(self, key: str) -> bool:
        """Lease a run to this process. The caller has begun a transaction.

        Returns:
            False if another process has leased the run and may be alive.
        """
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
        """Return the other process that has leased a run; None if that process is dead.

        None is also returned if no other process has leased the run. It may take several
        calls to learn that a process is dead.
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
        """True if this process has leased the run."""
        row = self._connection.execute(
            "SELECT owner FROM leases WHERE key = ?", (key,)
        ).fetchone()
        return row is not None and row["owner"] == self.owner

    def is_free(self, key: str) -> bool:
        """True if the run has no lease, not even of a dead process."""
        row = self._connection.execute("SELECT 1 FROM leases WHERE key = ?", (key,))
        return row.fetchone() is None

    def release(self, key: str) -> None:
        """Release the lease of a run."""
        self._connection.execute(
            "DELETE FROM leases WHERE key = ? AND owner = ?", (key, self.owner)
        )

    def release_all(self) -> None:
        """Release all leases of this process."""
        self._connection.execute("DELETE FROM leases WHERE owner = ?", (self.owner,))

    def forget(self, key: str) -> None:
        """Delete the lease of a dead process. The caller has begun a transaction."""
        self._connection.execute("DELETE FROM leases WHERE key = ?", (key,))

    def close(self) -> None:
        """End the heartbeat."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        _owners.discard(self.owner)

    def _lives(self, row: sqlite3.Row) -> bool | None:
        """True if the holder of a lease is alive; None if it must be watched for longer."""
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
        # If the system refuses a thread, the next lease tries again.
        with contextlib.suppress(RuntimeError):
            thread.start()
            self._thread = thread

    def _beat(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Increase the heartbeat until `close`. After an error, the next beat retries."""
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
    """True if the process that holds a lease runs, as far as this system can tell.

    Returns:
        None if the process belongs to another system, is stopped, or may be another process
        with the same number.
    """
    import psutil  # here, because few commands meet the lease of another process

    if lease["host"] != socket.gethostname() or lease["system"] not in ("", _system()):
        return None
    pid = lease["pid"]
    if not isinstance(pid, int) or not 0 < pid < _NO_PID:
        return None
    if not psutil.pid_exists(pid):
        return False
    started = _started(pid)
    if started != lease["started"]:
        # An older kmlp did not store the start, and some systems do not show it.
        return False if started and lease["started"] else None
    if pid == os.getpid():
        return lease["owner"] in _owners
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
    """Return a name for the scope of process ids: this boot and container of the system.

    Empty if the system does not tell.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return the start time of a process: a later process may have the same number.

    On Linux, it is counted from the boot of the system, because the clock may be changed
    while the process runs. Empty if the start is not known.
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
