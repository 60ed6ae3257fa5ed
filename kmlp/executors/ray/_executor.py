"""The executor: the end of it that is in the engine's process."""

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
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Self

from kmlp import backend
from kmlp.data import Dataset
from kmlp.engine import Task, TaskFailed, TaskResult
from kmlp.errors import ClusterError, ClusterLostError, ConfigError, KmlpError
from kmlp.executors._custom_code import pack_custom
from kmlp.executors._datasets import DatasetKey, dataset_key
from kmlp.executors._task import SECONDS
from kmlp.executors.ray import _on_node
from kmlp.executors.ray._installation import HINT, check_installed, is_local
from kmlp.executors.resources import make_resources
from kmlp.model.activations import ACTIVATIONS
from kmlp.model.losses import LOSSES
from kmlp.model.registry import users_folder
from kmlp.settings import check_inherited, differing_settings, variables_to_send
from kmlp.training.checks import MAX_COUNT, check_count

SECONDS_UNTIL_LOST = 30.0
"""The time without a sign of the cluster after which it is given up."""

_SECONDS_TO_CONNECT = 45.0
_SECONDS_TO_CLOSE = 10.0

_HELPER = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from kmlp.executors.ray._helper import main; main()"
)


class RayExecutor(contextlib.AbstractContextManager["RayExecutor"]):
    """Has tasks run by a Ray cluster, and is itself the cluster's only link to a store.

    Checkpoints and results travel as values; a dataset travels to a node once. Workers
    keep their programs from task to task, and are given back when they are idle. It is
    connected when it is first asked for something, and by `with`.

    Args:
        address: Of the cluster: `"auto"` for one of this machine, `"10.0.0.1:6379"`,
            `"ray://10.0.0.1:10001"`. Defaults to None: RAY_ADDRESS, else a Ray of its own
            on this machine, with all of its cores.
        jobs: The most tasks that run at a time. Defaults to None: as many as
            the cluster has room for, which may grow.
        cpus_per_run: CPUs of each, above 0. Defaults to 1.
        gpus_per_run: Share of a GPU, 0 to 1, of each. Defaults to 0: none, even where
            there are some.
        wait: Whether to wait for a node with room for a run where no node has any: for a
            cluster that starts nodes when they are needed. Defaults to False.
        runtime_env: What Ray is to install for the workers, as `ray.init` takes it.
            Defaults to None: nothing.
        seconds: The time after which a task ends with its epoch. Defaults to 2.

    Raises:
        ConfigError: if a number is wrong.
        ClusterError: if Ray is not installed; once it is connected, if it cannot be, or
            if the Python of a node is another one than this; `ClusterLostError` if the
            cluster is lost later on.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        jobs: int | None = None,
        cpus_per_run: float = 1.0,
        gpus_per_run: float = 0.0,
        wait: bool = False,
        runtime_env: Mapping[str, Any] | None = None,
        seconds: float = SECONDS,
    ) -> None:
        check_installed()
        self._address = _check_address(address)
        self._jobs = MAX_COUNT["jobs"] if jobs is None else check_count("jobs", jobs)
        self._resources = make_resources(cpus_per_run, gpus_per_run)
        self._wait = wait
        self._runtime_env = _check_runtime_env(runtime_env)
        self._seconds = seconds
        self._helper: _Helper | None = None
        self._room = 0
        self._backlogged = False
        self._numbers = 0
        self._tasks: dict[int, Task] = {}
        self._sent: set[DatasetKey] = set()
        self._registered: object = None

    def __enter__(self) -> Self:
        self._connected()
        return self

    def free(self) -> int:
        self._connected()
        return max(0, self._room - len(self._tasks))

    def submit(self, task: Task, dataset: Dataset) -> None:
        if not self._tasks and self._registered != _registered():
            self.close()  # workers are to know what was registered since
        with self._closed_on_errors():
            self._submit(task, dataset)

    def _submit(self, task: Task, dataset: Dataset) -> None:
        helper = self._connected()
        key = dataset_key(dataset)
        if key not in self._sent:
            helper.send(("dataset", key, dataset))
            self._sent.add(key)
        self._numbers += 1
        self._tasks[self._numbers] = task
        helper.send(("submit", self._numbers, task, key))

    def result(self, timeout: float | None = None) -> TaskResult | TaskFailed | None:
        with self._closed_on_errors():
            return self._result(timeout)

    def _result(self, timeout: float | None) -> TaskResult | TaskFailed | None:
        helper = self._connected()
        free = self.free()
        if self._backlogged != (not free):
            self._backlogged = not free
            helper.send(("backlogged", self._backlogged))
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if until is None else max(0.0, until - time.monotonic())
            message = helper.receive(left)
            done = self._take(message)
            if done is not None or message is None or self.free() > free:
                return done

    def _take(self, message: tuple[Any, ...] | None) -> TaskResult | TaskFailed | None:
        """Takes notice of a message, and gives what came of a task if it says that."""
        match message:
            case ("room", room):
                self._room = room
            case ("warning", text):
                warnings.warn(text, RuntimeWarning, stacklevel=3)
            case ("done", number, outcome):
                kind = TaskResult if "records" in outcome else TaskFailed
                return kind(task=self._tasks.pop(number), **outcome)
        return None

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the workers; what they are doing is lost."""
        if self._helper is not None:
            self._helper.close()
        self._helper = None
        self._room = 0
        self._backlogged = False
        self._tasks.clear()
        self._sent.clear()

    def nodes(self) -> list[dict[str, Any]]:
        """List the cluster's nodes with their package versions, then disconnect.

        Versions may differ from the local ones.

        Returns:
            Of each its `host`, `address`, `cpus`, `gpus`, `memory` and `object_store` in
            bytes, and, if it answered, `python` and `versions` by package.
        """
        helper = _Helper(self._settings(look_only=True))
        try:
            found: list[dict[str, Any]] = helper.ready()
        finally:
            helper.close()
        return found

    @contextlib.contextmanager
    def _closed_on_errors(self) -> Iterator[None]:
        """After an error, and after Ctrl-C, the next use connects anew."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _connected(self) -> _Helper:
        if self._helper is None:
            self._registered = _registered()
            helper = _Helper(self._settings(look_only=False))
            try:
                helper.ready()
                while not self._room:
                    self._take(helper.receive(None))
            except BaseException:
                helper.close()
                raise
            self._helper = helper
        return self._helper

    def _settings(self, *, look_only: bool) -> dict[str, Any]:
        name = backend.select()
        if not look_only:
            check_inherited(name)
        versions = _on_node.describe_versions(name)
        return {
            "address": self._address,
            "jobs": self._jobs,
            "resources": self._resources,
            "wait": self._wait,
            "runtime_env": self._runtime_env,
            "look_only": look_only,
            "wanted": {it: versions[it] for it in (*_on_node.COMPARED, name)},
            "setup": {
                "backend": name,
                "environment": {**variables_to_send(name), **self._resources.environment()},
                "custom": None if look_only else pack_custom(),
                "folder": users_folder(),
                "seconds": self._seconds,
            },
        }


_ADDRESS = re.compile(r"auto|local|(ray://)?(\[[0-9a-f:]+\]|[^\s:/]+):(?P<port>\d{1,5})")


def _check_address(given: Any) -> str | None:
    """The address, or that of RAY_ADDRESS; None if there is none.

    Raises:
        ConfigError: if it is none.
    """
    address = os.environ.get("RAY_ADDRESS") or None if given is None else given
    if address is None:
        return None
    found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if found is None or int(found["port"] or 1) not in range(1, 65536):
        source = " (of RAY_ADDRESS)" if given is None else ""
        raise ConfigError(
            [
                f"The address of the Ray cluster is {address!r}{source}, but must be auto, "
                "HOST:PORT of its head, or ray://HOST:PORT of its client server."
            ]
        )
    return str(address)


def _check_runtime_env(given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise ConfigError(
            [f"The runtime environment is {given!r}, but must have names with values."]
        )
    return dict(given)


def _registered() -> tuple[object, ...]:
    """What the user has registered, named and set."""
    settings = differing_settings(backend.select())
    return ACTIVATIONS.custom, LOSSES.custom, users_folder(), settings


def _environment(address: str | None) -> dict[str, str]:
    """The variables of the helper process.

    A Ray of its own is for nobody else: it is reached on this machine alone, by those who
    have its token, which is in no file.
    """
    if not is_local(address):
        return {**os.environ}
    found = {**os.environ, **_PRIVATE, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    found.pop("RAY_AUTH_TOKEN_PATH", None)
    return found


_PRIVATE = {
    "RAY_AUTH_MODE": "token",
    # Ray listens on the loopback where it takes itself to be of one machine for good.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}


class _Helper:
    """The helper process, as the engine's process sees it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._place = settings["address"] or "the local Ray"
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (see `close`)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _HELPER, *(it or str(Path.cwd()) for it in sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("KMLP_DEBUG") == "1" else self._errors,
            env=_environment(settings["address"]),
            start_new_session=True,  # Ctrl-C is for this process, which ends the other
        )
        self._messages: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._silent = 0
        """Seconds without a word from it, but those in which this process was stopped."""
        # Ray may take its time to set nodes up, and does so when it connects by ray://.
        slow = settings["runtime_env"] is not None
        self._patience = math.inf if slow else _SECONDS_TO_CONNECT
        """How many of them are too many."""
        self._is_ready = False
        self.send(("settings", settings))

    def send(self, message: tuple[Any, ...]) -> None:
        """Sends a message."""
        assert self._process.stdin is not None
        try:
            pickle.dump(message, self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, which is heard

    def ready(self) -> list[dict[str, Any]]:
        """Waits until it is connected, and gives what it says of the nodes."""
        self.receive(None)  # that it is connected
        self._patience = math.inf
        message = self.receive(None)
        assert message is not None
        self._patience, self._is_ready = SECONDS_UNTIL_LOST, True
        nodes: list[dict[str, Any]] = message[1]
        return nodes

    def receive(self, timeout: float | None) -> tuple[Any, ...] | None:
        """The next message; None if there is none in time.

        Raises:
            ClusterLostError: if there is no sign of the cluster any more.
            KmlpError: what the helper raised.
        """
        until = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = until - time.monotonic()
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
        """Has it give everything back, and waits for its end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            with contextlib.suppress(OSError):
                self._process.stdin.close()  # which it takes for the end
            if self._is_ready:  # else it does not listen yet
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
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        # Without when, where and by whom it was logged.
        line = re.sub(r"^\[[^]]*\] \S+:\d+: ", "", said[-1])[:300] if said else ""
        last = f" Ray says: {line}" if line else ""
        if not self._is_ready:
            return ClusterError(
                f"There is no connection to {self._place}: it {how}. Give the address of "
                f"a Ray cluster that runs.{HINT}{last}"
            )
        return ClusterLostError(
            f"The Ray cluster is lost: {self._place} {how}. What it had sent is in the "
            f"store; the same command goes on from there.{last}"
        )

    def _error(self, kind: str, problems: list[str]) -> KmlpError:
        """The error that the helper raised."""
        if kind == "ConfigError":
            return ConfigError(problems)
        return ClusterLostError(*problems) if self._is_ready else ClusterError(*problems)
