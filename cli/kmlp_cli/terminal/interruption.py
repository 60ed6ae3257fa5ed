"""Signals that end the process: Ctrl-C, the end of a batch job, a closed terminal."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

from kmlp._util.processes import ENDING
from kmlp_cli.terminal.output import say

_SECONDS_DEAF = 1.0
"""The time within which a second Ctrl-C counts as the first one."""

_SECONDS_UNTIL_AGAIN = 0.01
_DEFAULTS = (signal.default_int_handler, signal.SIG_DFL)


class Interrupted(BaseException):
    """A signal asked this process to end. Its notes name the finished runs.

    It does not derive from KeyboardInterrupt, which Typer and libraries handle themselves.

    Args:
        number: The number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """The exit code by which shells report that the signal ended a process."""
        return 128 + self.number

    def __str__(self) -> str:
        name = signal.Signals(self.number).name
        return "Interrupted" if self.number == signal.SIGINT else f"Interrupted by {name}"

    def say(self) -> None:
        """Print the signal and the finished runs to stderr."""
        first, *others = getattr(self, "__notes__", None) or [""]
        say(f"{self}: {first}" if first else f"{self}.")
        for line in others:
            say(line)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` in the main thread when a signal asks the process to end.

    Ignored signals stay ignored, as under nohup. If several signals come, only the first
    one is raised: `timeout` sends two, and a terminal and its shell send one each. A second
    Ctrl-C ends the process at once, unless it comes within a second.
    """
    listener = _Listener()
    before = {number: signal.getsignal(number) for number in ENDING}
    unraisable, sys.unraisablehook = sys.unraisablehook, listener.receive_ignored
    for number, handler in before.items():
        if handler in _DEFAULTS:
            signal.signal(number, listener.receive)
    try:
        yield
    finally:
        sys.unraisablehook = unraisable
        for number, handler in before.items():
            signal.signal(number, handler)


class _Listener:
    """A receiver of the signals of a process."""

    def __init__(self) -> None:
        self._raised_at: float | None = None
        self._unraisable = sys.unraisablehook

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        now = time.monotonic()
        if self._raised_at is None:
            self._raised_at = now
            raise Interrupted(number)
        if number == signal.SIGINT and now - self._raised_at > _SECONDS_DEAF:
            os._exit(128 + number)

    def receive_ignored(self, unraisable: Any) -> None:
        """Send a signal again if Python ignored its exception.

        Python ignores exceptions in destructors, and in callbacks of the garbage collector,
        which JAX uses.
        """
        error = unraisable.exc_value
        if not isinstance(error, Interrupted):
            self._unraisable(unraisable)
            return
        returns = threading.Event()
        threading.Thread(
            target=self._send_again, args=(error.number, returns), daemon=True
        ).start()
        returns.set()

    def _send_again(self, number: int, returns: threading.Event) -> None:
        """Send a signal to the main thread after the handler of ignored errors returns.

        An exception that is raised within that handler is lost.
        """
        returns.wait()
        time.sleep(_SECONDS_UNTIL_AGAIN)
        self._raised_at = None
        _send(number)


def _send(number: int) -> None:
    """Send a signal to the main thread, even if the thread waits for something."""
    if hasattr(signal, "pthread_kill"):
        identifier = threading.main_thread().ident
        assert identifier is not None
        signal.pthread_kill(identifier, number)
    else:
        signal.raise_signal(number)


def leave(code: int) -> NoReturn:
    """End this process without waiting for the threads of a backend."""
    if "multiprocessing" in sys.modules:
        from multiprocessing.util import _run_finalizers  # type: ignore[attr-defined]

        _run_finalizers(0)  # removes the semaphores of worker processes
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
