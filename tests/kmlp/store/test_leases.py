"""The holders of leases, and the signs that they are alive."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from kmlp import RunConfig
from kmlp.store import Store
from kmlp.store.leases import SECONDS_UNTIL_EXPIRED, SECONDS_UNTIL_GIVEN_UP
from kmlp.training.identity import RunIdentity

pytestmark = pytest.mark.once

A = RunIdentity("1" * 64, RunConfig(), "none", True, 10)
B = RunIdentity("2" * 64, RunConfig(seed=1), "none", True, 10)


class Clock:
    """A monotonic clock that a test sets."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("kmlp.store.leases.time.monotonic", clock)
    return clock


@pytest.fixture
def still(monkeypatch):
    """No heartbeat, except where a test counts it up."""
    monkeypatch.setattr("kmlp.store.leases.SECONDS_BETWEEN_BEATS", 1000.0)


@pytest.fixture
def ours(tmp_path, still):
    with Store(tmp_path) as opened:
        yield opened


@pytest.fixture
def theirs(ours, still):
    """Another process' store, which has leased a run."""
    with Store(ours.folder) as opened:
        assert opened.acquire(A)
        yield opened


def change(store, **columns):
    names = ", ".join(f"{name} = ?" for name in columns)
    store.connection.execute(f"UPDATE leases SET {names}", tuple(columns.values()))


def beat(store):
    store.connection.execute("UPDATE leases SET heartbeat = heartbeat + 1")


def seconds_until_free(store, clock, *, at_the_most=1000.0, while_waiting=lambda: None):
    """Return the time until a lease is free, in seconds, with two looks a second."""
    begun = clock.now
    while not store.acquire(A):
        while_waiting()
        clock.now += 0.5
        if clock.now - begun > at_the_most:
            return None
    return clock.now - begun


@pytest.mark.parametrize("ahead", [-3600.0, 0.0, 3600.0, 1e300])
def test_the_clock_of_another_machine_does_not_count(ours, theirs, clock, ahead):
    change(
        theirs, host="far away", heartbeat=time.time() + ahead, since=time.time() + ahead
    )
    seconds = seconds_until_free(ours, clock)
    assert SECONDS_UNTIL_EXPIRED <= seconds <= SECONDS_UNTIL_EXPIRED + 1


def test_a_heartbeat_on_another_machine_keeps_its_lease(ours, theirs, clock):
    change(theirs, host="far away")
    waited = seconds_until_free(
        ours, clock, at_the_most=60, while_waiting=lambda: beat(theirs)
    )
    assert waited is None
    assert ours.leases.holder(A.key).lives


def test_a_process_elsewhere_must_be_watched_to_know_that_it_is_alive(ours, theirs, clock):
    change(theirs, host="far away")
    assert ours.leases.holder(A.key).lives is None
    beat(theirs)
    assert ours.leases.holder(A.key).lives is True


def test_a_process_that_slept_between_two_looks_watches_longer(ours, theirs, clock):
    """The other machine may have slept, too, and its heartbeat may continue soon."""
    change(theirs, host="far away")
    assert not ours.acquire(A)
    clock.now += 100_000
    assert not ours.acquire(A)
    assert seconds_until_free(ours, clock) > 10


def test_a_lease_with_a_new_owner_is_watched_from_the_beginning(ours, theirs, clock):
    change(theirs, host="far away")
    assert not ours.acquire(A)
    clock.now += 4
    change(theirs, owner="a third one")
    assert seconds_until_free(ours, clock) >= SECONDS_UNTIL_EXPIRED


@pytest.mark.parametrize(
    "columns",
    [{"pid": 4194304}, {"started": "0"}, {"pid": 4194304, "system": "", "started": ""}],
    ids=["gone", "its number was given again", "leased by an older kmlp"],
)
def test_the_lease_of_a_dead_process_of_this_system_is_free_at_once(ours, theirs, columns):
    """The clock of that process does not matter."""
    change(theirs, heartbeat=time.time() + 3600, **columns)
    assert ours.acquire(A)


@pytest.mark.parametrize(
    "columns",
    [
        {"system": "another container"},
        {"host": "far away"},
        {"pid": -1},
        {"pid": 2**60},
        {"pid": "no number"},
    ],
    ids=["container", "host", "negative", "large", "text"],
)
def test_the_id_of_a_process_means_nothing_elsewhere(ours, theirs, clock, columns):
    change(theirs, **{"pid": 4194304, **columns})
    assert not ours.acquire(A)
    assert seconds_until_free(ours, clock) >= SECONDS_UNTIL_EXPIRED


def test_a_running_process_without_a_heartbeat_keeps_its_lease_for_longer(
    ours, theirs, clock
):
    seconds = seconds_until_free(ours, clock)
    assert SECONDS_UNTIL_GIVEN_UP <= seconds <= SECONDS_UNTIL_GIVEN_UP + 1


@pytest.fixture
def another(theirs):
    """A process of this machine that has the lease."""
    code = "import sys; print(open('/proc/self/stat').read()); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    started = process.stdout.readline().rpartition(")")[2].split()[19]
    change(theirs, pid=process.pid, started=started)
    yield process
    process.kill()
    process.communicate()


def eventually(is_so):
    for _ in range(200):
        if is_so():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks in /proc")
def test_the_state_of_another_process_of_this_machine_is_known(
    ours, theirs, clock, another
):
    """It runs, is stopped as by Ctrl-Z, or is dead while its parent has not noticed."""
    assert ours.leases.holder(A.key).lives is True
    another.send_signal(signal.SIGSTOP)
    assert eventually(lambda: ours.leases.holder(A.key).lives is None)
    another.send_signal(signal.SIGCONT)
    assert eventually(lambda: ours.leases.holder(A.key).lives is True)
    another.send_signal(signal.SIGSTOP)
    assert eventually(lambda: ours.leases.holder(A.key).lives is None)
    assert seconds_until_free(ours, clock) >= SECONDS_UNTIL_EXPIRED - 1
    change(ours, owner="another", pid=another.pid)
    another.kill()
    assert eventually(lambda: ours.acquire(A))


def test_a_lease_that_this_process_could_not_return_is_free(ours, theirs):
    """The process is still running, as a notebook may be."""
    theirs.close()
    assert ours.acquire(A)


def test_the_holder_of_a_lease_is_named(ours, theirs, clock):
    change(theirs, since=0.0)
    here = f"process {os.getpid()} on {socket.gethostname()}"
    assert ours.holder(A) == here
    change(theirs, since=1_000_000_000.5)
    assert ours.holder(A) == f"{here} since 2001-09-09 01:46:40 UTC"
    for nonsense in (float("inf"), 1e300, "yesterday"):
        change(theirs, since=nonsense)
        assert ours.holder(A) == here
    assert theirs.holder(A) == ""
    theirs.release(A)
    assert ours.holder(A) == ""


class Failing:
    """Opens connections. The first ones raise an error."""

    def __init__(self, connect, error, times):
        self.connect, self.error, self.times = connect, error, times
        self.opened = 0

    def __call__(self):
        self.opened += 1
        if self.opened <= self.times:
            raise self.error
        return self.connect()


@pytest.mark.parametrize(
    "error", [OSError("EMFILE"), ValueError("of any kind"), MemoryError()]
)
def test_a_failing_heartbeat_beats_again(tmp_path, monkeypatch, error):
    """A thread that ends in an error is one of pytest's warnings, which are errors."""
    monkeypatch.setattr("kmlp.store.leases.SECONDS_BETWEEN_BEATS", 0.01)
    with Store(tmp_path) as store:
        failing = Failing(store.leases._connect, error, 3)
        store.leases._connect = failing
        assert store.acquire(A)

        def beats():
            return store.connection.execute("SELECT heartbeat FROM leases").fetchone()[0]

        assert eventually(lambda: beats() > 2)
        assert failing.opened == 4


def test_a_heartbeat_with_a_locked_database_beats_again(tmp_path, monkeypatch):
    monkeypatch.setattr("kmlp.store.leases.SECONDS_BETWEEN_BEATS", 0.01)
    monkeypatch.setattr("kmlp.store._open_store.SECONDS_BETWEEN_BEATS", 0.01)
    with Store(tmp_path) as store, Store(tmp_path) as other:
        assert store.acquire(A)

        def beats():
            return store.connection.execute("SELECT heartbeat FROM leases").fetchone()[0]

        assert eventually(lambda: beats() > 1)
        other.connection.execute("BEGIN IMMEDIATE")
        time.sleep(0.3)
        there = beats()
        other.connection.execute("COMMIT")
        assert eventually(lambda: beats() > there)


def test_a_lease_is_valid_without_a_thread_for_its_heartbeat(ours, monkeypatch):
    def none(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none)
        assert ours.acquire(A)
    assert ours.leases._thread is None
    assert ours.acquire(B)  # the next one has a heart
    assert ours.leases._thread.is_alive()
