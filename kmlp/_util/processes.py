"""What processes that kmlp starts have in common, and the signals that end them."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from kmlp.errors import ResourceError

ENDING = tuple(
    signal.Signals[name]
    for name in ("SIGHUP", "SIGINT", "SIGTERM")
    if name in signal.Signals.__members__
)
"""The signals that ask a process to end: a terminal closes, Ctrl-C, a batch system's time
is up. Windows has no SIGHUP.
"""


_MENDS = {
    errno.EAGAIN: "let this user have more processes and threads (`ulimit -u`)",
    errno.EMFILE: "let this process open more files (`ulimit -n`)",
    errno.ENFILE: "have other processes open fewer files",
    errno.ENOMEM: "let this process have more memory (`ulimit -v`)",
    errno.ENOSPC: "make room in /dev/shm, where their semaphores are",
    errno.ENOENT: "change to a folder that exists",
}
_THREADS = 32
"""That a backend starts beside two for each CPU."""


def refusal(error: BaseException) -> tuple[int, str, str] | None:
    """What the machine refused; None: nothing.

    Args:
        error: What was raised. What it was raised in place of counts, too: libraries fail
            once more as they clean up.

    Returns:
        The number of the system's error, what it says, and what to do about it.

    Example:
    >>> refusal(OSError(errno.EMFILE, "Too many open files"))[1:]
    ('Too many open files', 'let this process open more files (`ulimit -n`)')
    """
    found: BaseException | None = error
    while found is not None:
        number = said = None
        if isinstance(found, OSError):
            number, said = found.errno, found.strerror
        elif isinstance(found, MemoryError):
            number, said = errno.ENOMEM, str(found) or "no memory is left"
        elif type(found) is RuntimeError and "start new thread" in str(found):
            number, said = errno.EAGAIN, str(found)
        if number is not None:
            return number, str(said), _MENDS.get(number, "mend that")
        found = found.__context__
    return None


def check_threads() -> None:
    """Checks that there may be as many threads as a backend starts, some of which end the
    process where there may not.

    Raises:
        ResourceError: if there may not.
    """
    end = threading.Event()
    threads = [
        threading.Thread(target=end.wait, daemon=True)
        for _ in range(_THREADS + 2 * (os.cpu_count() or 1))
    ]
    started = 0
    try:
        for thread in threads:
            thread.start()
            started += 1
    except RuntimeError as error:
        raise ResourceError(
            f"A backend needs {len(threads)} threads, but this user may have no more than "
            f"{started} of them here ({error}). To go on, {_MENDS[errno.EAGAIN]}."
        ) from error
    finally:
        end.set()
        for thread in threads[:started]:
            thread.join()


def exit_with_parent(parent: int) -> None:
    """End this process soon after the one that started it is gone, and not before."""
    ignore_signals()
    threading.Thread(target=_wait_for_the_end_of, args=(parent,), daemon=True).start()


def ignore_signals() -> None:
    """Has this process, which another one ends, ignore the signals to end.

    They go to a whole process group, or to all processes of a batch job.
    """
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)


def _wait_for_the_end_of(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


@contextmanager
def held() -> Iterator[None]:
    """Has the signals to end wait that this process handles: within, nothing is left half
    done. What has no handler in Python does as ever.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted, and can choose how
        return
    came: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        came.append(number)

    handlers = {it: handler for it in ENDING if callable(handler := signal.getsignal(it))}
    for it in handlers:
        signal.signal(it, remember)
    try:
        yield
    finally:
        for it, handler in handlers.items():
            signal.signal(it, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


@contextmanager
def unheard() -> Iterator[None]:
    """Has processes that this thread starts within never hear of the signals to end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # which a new process inherits
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def safe_path() -> Iterator[None]:
    """Has Pythons that are started within import nothing from the current folder, whose
    modules somebody may have named like others.

    Python puts it first where it is started with `-c` or `-m`, as libraries do.
    """
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


_SAFE_PATH = "PYTHONSAFEPATH"


def absolute_folders() -> list[str]:
    """The folders of PATH that do not depend on the current one, in which programs may be
    somebody else's.
    """
    return [it for it in os.get_exec_path() if Path(it).is_absolute()]


def find_program(name: str) -> str | None:
    """The path of a program of one of `absolute_folders`; None: there is none."""
    found = (shutil.which(str(Path(it, name))) for it in absolute_folders())
    return next(filter(None, found), None)
