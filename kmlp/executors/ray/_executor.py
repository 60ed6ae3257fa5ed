"""The executor that trains on a Ray cluster."""

from __future__ import annotations

import contextlib
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Self

from kmlp import backend
from kmlp.data import Dataset
from kmlp.engine import Task, TaskFailed, TaskResult
from kmlp.errors import ConfigError
from kmlp.executors._custom_code import pack_custom
from kmlp.executors._datasets import DatasetKey, dataset_key
from kmlp.executors._task import SECONDS
from kmlp.executors.ray import _on_node
from kmlp.executors.ray._helper_process import HelperProcess
from kmlp.executors.ray._installation import check_installed
from kmlp.executors.resources import make_resources
from kmlp.model.custom import registered
from kmlp.model.registry import users_folder
from kmlp.settings import check_inherited, differing_settings, variables_to_send
from kmlp.training.checks import MAX_COUNT, check_count


class RayExecutor(contextlib.AbstractContextManager["RayExecutor"]):
    """An executor on a Ray cluster, whose nodes need no access to the store.

    Checkpoints and results are sent as values. A dataset is sent to each node once. Workers
    keep their compiled programs between tasks, and are released when they are idle. The
    executor connects when it is first used, or at the start of a `with` block.

    Args:
        address: The address of the cluster: `"auto"` for a cluster on this machine,
            `"10.0.0.1:6379"`, `"ray://10.0.0.1:10001"`. Defaults to None: RAY_ADDRESS, else
            a new local Ray with all cores of this machine.
        jobs: The most tasks that run at a time. Defaults to None: as many as fit on the
            cluster, which may grow.
        cpus_per_run: CPUs of each run, `cpus_per_run >= 0.01`. Defaults to 1.
        gpus_per_run: Fraction of a GPU of each run, from 0 to 1. Defaults to 0: GPUs are
            not used.
        wait: True to wait if no node has room for a run, for a cluster that starts nodes
            when they are needed. Defaults to False.
        runtime_env: The packages and files that Ray must install for the workers, as
            `ray.init` takes them. Defaults to None: nothing.
        seconds: The time after which a task ends, at the end of an epoch. Defaults to 2.

    Raises:
        ConfigError: if a number is not allowed.
        ClusterError: if Ray is not installed. When the executor connects: if the cluster
            cannot be reached, or if a node has other versions than this process.
        ClusterLostError: if the cluster is lost after that.
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
        self._helper: HelperProcess | None = None
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
            self.close()  # a worker gets functions and settings when it starts
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
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            message = helper.receive(left)
            done = self._take(message)
            if done is not None or message is None or self.free() > free:
                return done

    def _take(self, message: tuple[Any, ...] | None) -> TaskResult | TaskFailed | None:
        """Process a message. Return the result of a task if the message has one."""
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
        """Release the workers. The tasks that they are training are lost."""
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
            For each node: `host`, `address`, `cpus`, `gpus`, `memory` and `object_store`
            in bytes; also `python` and `versions` by package if the node answered.
        """
        helper = HelperProcess(self._settings(look_only=True))
        try:
            nodes: list[dict[str, Any]] = helper.ready()
        finally:
            helper.close()
        return nodes

    @contextlib.contextmanager
    def _closed_on_errors(self) -> Iterator[None]:
        """Close the executor after an error or Ctrl-C. The next use connects again."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _connected(self) -> HelperProcess:
        if self._helper is None:
            self._registered = _registered()
            helper = HelperProcess(self._settings(look_only=False))
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
            "wanted": {
                package: versions[package] for package in (*_on_node.COMPARED, name)
            },
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
    """Return the given address, else that of RAY_ADDRESS, else None.

    Raises:
        ConfigError: if the address does not have a known form.
    """
    address = os.environ.get("RAY_ADDRESS") or None if given is None else given
    if address is None:
        return None
    match = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    if match is None or int(match["port"] or 1) not in range(1, 65536):
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
    """Return the custom objects, modules and settings that a new worker gets."""
    settings = differing_settings(backend.select())
    return *registered(), users_folder(), settings
