"""What the engine, planners, executors and stores say to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

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
    facts: Mapping[str, Any] | None = None
    """What `describe_environment` says where it was trained. Defaults to None: that is
    the engine's own process, or one like it."""

    @property
    def diverged(self) -> bool:
        """Whether the run diverged."""
        return not self.records[-1].finite

    @property
    def place(self) -> str:
        """The machine and the device, if they are not the engine's: `node-2 gpu:0`."""
        if not self.facts:
            return ""
        host, _, _ = self.facts["host"].partition(".")
        return f"{host} {self.facts['device']}"


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

    def submit(self, task: Task) -> None:
        """Takes a task, and does not wait for it."""
        ...

    def result(self, timeout: float | None = None) -> TaskResult | TaskFailed | None:
        """Waits for a task that was submitted to be done.

        Returns:
            What came of it. None after `timeout` seconds, and as soon as `free` says
            more than it did.
        """
        ...


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run in the store has come."""

    epochs: int = 0
    diverged: bool = False
    checkpoint_bytes: bytes | None = None
    """The model after these epochs. None: it has none, or it was not asked for."""
    damaged: tuple[str, ...] = ()
    """Files that were found damaged; the epochs after the last good one are gone."""

    def satisfies(self, request: RunRequest) -> bool:
        """Whether there is nothing left to train."""
        return self.diverged or self.epochs >= request.epochs


class Store(Protocol):
    """Remembers runs. A run that is trained anew, beside the one that there is, is
    `fresh` until it takes its place.
    """

    def run(self, identity: RunIdentity, *, fresh: bool = False) -> Run | None:
        """The run, as far as it has come."""
        ...

    def state(self, identity: RunIdentity) -> RunState:
        """How far it has come, without its model."""
        ...

    def acquire(self, identity: RunIdentity) -> bool:
        """Takes a run for this process to write, unless a living one has it.

        Raises:
            StoreLostError: if it belongs to no study any more.
        """
        ...

    def holder(self, identity: RunIdentity) -> str:
        """Who has leased a run, since when, if it is not this process; else empty."""
        ...

    def release(self, identity: RunIdentity) -> None:
        """Lets others lease the run."""
        ...

    def resume(self, identity: RunIdentity) -> RunState:
        """Where a leased run goes on; cuts it back to its last undamaged file."""
        ...

    def begin_anew(self, identity: RunIdentity) -> None:
        """Forgets what there is of a fresh run."""
        ...

    def append(self, identity: RunIdentity, result: TaskResult, *, fresh: bool) -> bool:
        """Keeps what came of a task, all of it or nothing.

        Returns:
            False if another process has leased the run since.
        """
        ...

    def replace(self, identity: RunIdentity) -> bool:
        """Puts the fresh run in the place of the one that there is; see `append`."""
        ...

    def fail(self, identity: RunIdentity, reason: str, *, fresh: bool) -> bool:
        """Notes why a run failed, until it gets an epoch more; see `append`."""
        ...
