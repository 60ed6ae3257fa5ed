"""The user's end of the messages to the helper process, which is started here."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import queue
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from kmlp.errors import ClusterError, ClusterLostError, ConfigError, KmlpError
from kmlp.executors.ray._installation import HINT, is_local

SECONDS_UNTIL_LOST = 30.0
"""The time without a message after which the cluster counts as lost, in seconds."""

_SECONDS_TO_CONNECT = 45.0
_SECONDS_TO_CLOSE = 10.0

_HELPER = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from kmlp.executors.ray._helper import main; main()"
)


def _environment(address: str | None) -> dict[str, str]:
    """Return the environment variables of the helper process.

    A local Ray can be reached from this machine only, and only with its token, which is in
    no file. So no other user can use it.
    """
    if not is_local(address):
        return {**os.environ}
    variables = {**os.environ, **_PRIVATE, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    variables.pop("RAY_AUTH_TOKEN_PATH", None)
    return variables


_PRIVATE = {
    "RAY_AUTH_MODE": "token",
    # Without multi-node clusters, Ray listens on the loopback interface only.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}


class HelperProcess:
    """The helper process, as the user's process sees it.

    Args:
        settings: The content of the message `settings`.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._place = settings["address"] or "the local Ray"
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (see `close`)
        path = [folder or str(Path.cwd()) for folder in sys.path]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _HELPER, *path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("KMLP_DEBUG") == "1" else self._errors,
            env=_environment(settings["address"]),
            start_new_session=True,  # Ctrl-C is for this process, which ends the helper
        )
        self._messages: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._silent = 0
        """The time without a message, in seconds. While this process is stopped, the time
        does not count."""
        # Setting up a runtime environment takes long. With ray://, connecting includes it.
        slow = settings["runtime_env"] is not None
        self._patience = math.inf if slow else _SECONDS_TO_CONNECT
        """The value of `_silent` at which the cluster counts as lost."""
        self._is_ready = False
        self.send(("settings", settings))

    def send(self, message: tuple[Any, ...]) -> None:
        """Send a message to the helper process."""
        assert self._process.stdin is not None
        try:
            pickle.dump(message, self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the helper has ended, which `receive` reports

    def ready(self) -> list[dict[str, Any]]:
        """Wait until the helper is connected, and return its description of the nodes."""
        self.receive(None)  # "connected"
        self._patience = math.inf
        message = self.receive(None)
        assert message is not None
        self._patience, self._is_ready = SECONDS_UNTIL_LOST, True
        nodes: list[dict[str, Any]] = message[1]
        return nodes

    def receive(self, timeout: float | None) -> tuple[Any, ...] | None:
        """Return the next message; None if none arrives in time.

        Args:
            timeout: The longest time to wait, in seconds. None: no limit.

        Raises:
            ClusterError: if the cluster cannot be reached.
            ClusterLostError: if the cluster does not answer any more.
            KmlpError: if the helper raised an error.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            try:
                message = self._messages.get(timeout=max(0.0, min(left, 1.0)))
            except queue.Empty:
                if left <= 1:
                    return None
                self._silent += 1
                if self._silent >= self._patience:
                    self._process.kill()
                    how = f"has not answered for {self._patience:g} seconds"
                    raise self._lost(how) from None
                continue
            self._silent = 0
            if message[0] == "error":
                raise self._error(*message[1:])
            if message[0] == "end":
                raise self._lost("has ended the connection")
            if message[0] != "alive":
                return message

    def close(self) -> None:
        """Make the helper release the workers, and wait for its end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            with contextlib.suppress(OSError):
                self._process.stdin.close()  # the sign to end
            if self._is_ready:  # otherwise it does not read messages yet
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(_SECONDS_TO_CLOSE)
        finally:
            self._process.kill()
            self._process.wait()
            self._listener.join()
            self._process.stdout.close()
            self._errors.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(EOFError, OSError, ValueError, pickle.UnpicklingError):
            while True:
                self._messages.put(pickle.load(self._process.stdout))
        self._messages.put(("end",))

    def _lost(self, how: str) -> ClusterError:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        # Without the time, the process and the place in Ray's code.
        line = re.sub(r"^\[[^]]*\] \S+:\d+: ", "", lines[-1])[:300] if lines else ""
        last = f" Ray says: {line}" if line else ""
        if not self._is_ready:
            return ClusterError(
                f"There is no connection to {self._place}: it {how}. Give the address of "
                f"a running Ray cluster.{HINT}{last}"
            )
        return ClusterLostError(
            f"The Ray cluster is lost: {self._place} {how}. The epochs that it sent are "
            f"stored. The same command continues from them.{last}"
        )

    def _error(self, kind: str, problems: list[str]) -> KmlpError:
        """Return the error that the helper raised."""
        if kind == "ConfigError":
            return ConfigError(problems)
        return ClusterLostError(*problems) if self._is_ready else ClusterError(*problems)
