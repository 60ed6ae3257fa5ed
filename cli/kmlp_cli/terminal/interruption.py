"""Ctrl-C, the end of a batch job's time and a closed terminal: one way for all of them."""

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
"""How long a second Ctrl-C is taken for the first one."""

_SECONDS_UNTIL_AGAIN = 0.01
_DEFAULTS = (signal.default_int_handler, signal.SIG_DFL)


class Interrupted(BaseException):
    """A signal asked this process to end. Its notes say what is finished.

    Not a KeyboardInterrupt, which Typer and libraries handle in their own ways.

    Args:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What shells give to a process that the signal ended."""
        return 128 + self.number

    def __str__(self) -> str:
        name = signal.Signals(self.number).name
        return "Interrupted" if self.number == signal.SIGINT else f"Interrupted by {name}"

    def say(self) -> None:
        """Says on stderr that it came, and what is finished."""
        first, *others = getattr(self, "__notes__", None) or [""]
        say(f"{self}: {first}" if first else f"{self}.")
        for line in others:
            say(line)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raises `Interrupted` where the main thread is when a signal to end comes.

    Signals that are ignored, as by nohup, stay so. Of several the first is raised:
    `timeout` sends two, a terminal and its shell one each. Only Ctrl-C that is pressed
    again later ends the process at once.
    """
    listener = _Listener()
    before = {it: signal.getsignal(it) for it in ENDING}
    unraisable, sys.unraisablehook = sys.unraisablehook, listener.hear_again
    for number, handler in before.items():
        if handler in _DEFAULTS:
            signal.signal(number, listener.hear)
    try:
        yield
    finally:
        sys.unraisablehook = unraisable
        for number, handler in before.items():
            signal.signal(number, handler)


class _Listener:
    """Hears the signals of a process."""

    def __init__(self) -> None:
        self._raised_at: float | None = None
        self._unraisable = sys.unraisablehook

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Is the signals' handler."""
        now = time.monotonic()
        if self._raised_at is None:
            self._raised_at = now
            raise Interrupted(number)
        if number == signal.SIGINT and now - self._raised_at > _SECONDS_DEAF:
            os._exit(128 + number)

    def hear_again(self, unraisable: Any) -> None:
        """Is the hook for what Python ignores: an exception in a callback of the garbage
        collection, say, such as JAX has, or in a destructor.
        """
        error = unraisable.exc_value
        if not isinstance(error, Interrupted):
            self._unraisable(unraisable)
            return
        self._raised_at = None
        threading.Timer(_SECONDS_UNTIL_AGAIN, _send, [error.number]).start()


def _send(number: int) -> None:
    """Sends a signal to the main thread, whatever it waits for."""
    if hasattr(signal, "pthread_kill"):
        identifier = threading.main_thread().ident
        assert identifier is not None
        signal.pthread_kill(identifier, number)
    else:
        signal.raise_signal(number)


def leave(code: int) -> NoReturn:
    """Ends this process, without waiting for what the threads of a backend compute."""
    if "multiprocessing" in sys.modules:
        from multiprocessing.util import _run_finalizers  # type: ignore[attr-defined]

        _run_finalizers(0)  # removes the semaphores of worker processes
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
