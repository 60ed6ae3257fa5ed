"""Processes that kmlp starts, the signals that end them, and refusals of the system."""

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
"""The signals that ask a process to end: the terminal closes, Ctrl-C, or the time of a
batch job is up. Windows has no SIGHUP."""

_REMEDIES = {
    errno.EAGAIN: "let this user have more processes and threads (`ulimit -u`)",
    errno.EMFILE: "let this process open more files (`ulimit -n`)",
    errno.ENFILE: "have other processes open fewer files",
    errno.ENOMEM: "let this process have more memory (`ulimit -v`)",
    errno.ENOSPC: "free some space in /dev/shm, where processes keep their semaphores",
    errno.ENOENT: "change to a folder that exists",
}
"""The remedies for errors of the system, as the end of a sentence."""
_THREADS = 32
"""The number of threads that a backend starts, besides two for each CPU."""


def refusal(error: BaseException) -> tuple[int, str, str] | None:
    """Return the system's refusal that led to an error; None if there is none.

    Args:
        error: The error that was raised. Errors that came before it count, too, because
            libraries fail once more as they clean up.

    Returns:
        The number of the system's error, its text, and the remedy.

    Example:
    >>> refusal(OSError(errno.EMFILE, "Too many open files"))[1:]
    ('Too many open files', 'let this process open more files (`ulimit -n`)')
    """
    cause: BaseException | None = error
    while cause is not None:
        number = text = None
        if isinstance(cause, OSError):
            number, text = cause.errno, cause.strerror
        elif isinstance(cause, MemoryError):
            number, text = errno.ENOMEM, str(cause) or "no memory is left"
        elif type(cause) is RuntimeError and "start new thread" in str(cause):
            number, text = errno.EAGAIN, str(cause)
        if number is not None:
            return number, str(text), _REMEDIES.get(number, "remove the cause")
        cause = cause.__context__
    return None


def check_threads() -> None:
    """Check that this process may start as many threads as a backend needs.

    Some backends end the process if they get too few.

    Raises:
        ResourceError: if the process may start too few threads.
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
            f"{started} of them here ({error}). To continue, {_REMEDIES[errno.EAGAIN]}."
        ) from error
    finally:
        end.set()
        for thread in threads[:started]:
            thread.join()


def exit_with_parent(parent: int) -> None:
    """End this process soon after its parent process has ended, and not before.

    Args:
        parent: The process id of the parent.
    """
    ignore_signals()
    threading.Thread(target=_wait_for_the_end_of, args=(parent,), daemon=True).start()


def ignore_signals() -> None:
    """Ignore the signals that end a process: the parent process ends this one.

    These signals go to a whole process group, or to all processes of a batch job.
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
    """Delay the signals that end a process while the block runs.

    Only signals that have a handler in Python are delayed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals interrupt only the main thread
        return
    delayed: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        delayed.append(number)

    handlers = {
        number: handler
        for number in ENDING
        if callable(handler := signal.getsignal(number))
    }
    for number in handlers:
        signal.signal(number, remember)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for received in dict.fromkeys(delayed):
            signal.raise_signal(received)


@contextmanager
def unheard() -> Iterator[None]:
    """In the block, hide signals that end a process from new processes of this thread."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # a new process inherits it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def safe_path() -> Iterator[None]:
    """Keep Python processes that start in the block from importing the current folder.

    A module there may have the name of a library's. Python puts the current folder first in
    its path if it is started with `-c` or `-m`, as libraries do.
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
    """Return the folders of PATH that do not depend on the current folder.

    The current folder may contain programs of somebody else.
    """
    return [folder for folder in os.get_exec_path() if Path(folder).is_absolute()]


def find_program(name: str) -> str | None:
    """Return the path of a program in one of `absolute_folders`; None if none has it."""
    paths = (shutil.which(str(Path(folder, name))) for folder in absolute_folders())
    return next(filter(None, paths), None)
