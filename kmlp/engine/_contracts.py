"""The contracts between the engine, its planners and its executors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from kmlp.data import Dataset
from kmlp.errors import KmlpError
from kmlp.model.config import RunConfig
from kmlp.training.run import EpochRecord, Run, RunIdentity


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run, and the number of epochs that it is to reach."""

    config: RunConfig
    epochs: int

    @property
    def label(self) -> str:
        """What people know the run by, beside its configuration."""
        return ""

    @property
    def stage(self) -> str:
        """The part of the study that it belongs to, if there are several."""
        return ""


class Planner(Protocol):
    """Decides what is trained. Touches no model."""

    @property
    def done(self) -> bool:
        """Whether all requests were given, and nothing that is told can lead to more."""
        ...

    def ask(self) -> RunRequest | None:
        """The next request. None: there is none, or not before the planner is told more."""
        ...

    def tell(self, request: RunRequest, run: Run) -> None:
        """Take the result of a request: the run as it was when it reached the epochs, or
        as it diverged or failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """The part of a request that an executor does at a time."""

    run: RunIdentity
    epochs: int
    """The epochs that the run has."""
    checkpoint_bytes: bytes | None
    """Its model after them, a `.keras` file; None: it has none yet."""
    target: int
    """The epochs that the request asks for: a task ends there at the latest."""

    @property
    def config(self) -> RunConfig:
        """The run's configuration."""
        return self.run.config


@dataclass(frozen=True, slots=True, eq=False)
class TaskResult:
    """What came of a task: one epoch at least."""

    task: Task
    records: tuple[EpochRecord, ...]
    checkpoint_bytes: bytes | None
    """The model after the last record; None if the run diverged."""
    environment: Mapping[str, Any] | None = None
    """What `describe_environment` says where it was trained. Defaults to None: that is
    the engine's own process, or one like it."""

    @property
    def diverged(self) -> bool:
        """Whether the run diverged."""
        return not self.records[-1].finite

    @property
    def place(self) -> str:
        """The machine and the device, if they are not the engine's: `node-2 gpu:0`."""
        if not self.environment:
            return ""
        host, _, _ = self.environment["host"].partition(".")
        return f"{host} {self.environment['device']}"


@dataclass(frozen=True, slots=True, eq=False)
class TaskFailed:
    """A task that came to nothing."""

    task: Task
    reason: str
    final: bool = False
    """Whether it would fail again. Defaults to False."""
    error: KmlpError | None = None
    """What keeps every run from being trained, and ends the study: a backend that cannot
    start, a disk that is full. Defaults to None: it is of this run."""


@runtime_checkable
class Executor(Protocol):
    """Runs tasks, here or elsewhere. All is asked of it in one thread."""

    def free(self) -> int:
        """How many more tasks it can take now."""
        ...

    def submit(self, task: Task, dataset: Dataset) -> None:
        """Take a task with the dataset that its configuration names; do not wait for it.

        An executor that trains elsewhere sends each dataset as seldom as it can.
        """
        ...

    def result(self, timeout: float | None = None) -> TaskResult | TaskFailed | None:
        """Waits for a task that was submitted to be done.

        Returns:
            What came of it. None after `timeout` seconds, and as soon as `free` says
            more than it did.
        """
        ...
