"""The contracts between the engine, its planners and its executors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from kmlp.data import Dataset
from kmlp.errors import KmlpError
from kmlp.model.config import RunConfig
from kmlp.training.identity import RunIdentity
from kmlp.training.run import EpochRecord, Run
from kmlp.training.target import Target


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run, and the target that it must reach."""

    config: RunConfig
    target: Target

    @property
    def label(self) -> str:
        """A short name of the run for people. Defaults to empty."""
        return ""

    @property
    def stage(self) -> str:
        """The part of the study that the request belongs to; empty if there is one part."""
        return ""


class Planner(Protocol):
    """The interface of planners, which choose the runs to train without any model."""

    @property
    def done(self) -> bool:
        """True if all requests were returned, and no result can lead to another one."""
        ...

    def ask(self) -> RunRequest | None:
        """Return the next request; None if there is none until a result arrives."""
        ...

    def tell(self, request: RunRequest, run: Run) -> None:
        """Take the result of a request.

        Args:
            request: A request that `ask` returned.
            run: The run when it reached the target, diverged or failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """The part of a request that an executor does in one go."""

    run: RunIdentity
    target: Target
    """The target of the request. The task ends there at the latest."""
    val_values: tuple[float, ...] = ()
    """The validation value of the target's metric in each epoch that the run has. The
    result has the model of an epoch that is better than all of them. Defaults to (): no
    epoch."""
    checkpoint_bytes: bytes | None = None
    """The run's model after these epochs, a `.keras` file. Defaults to None: the run has no
    epoch."""

    @property
    def epochs(self) -> int:
        """The number of epochs that the run has."""
        return len(self.val_values)

    @property
    def config(self) -> RunConfig:
        """The run's configuration."""
        return self.run.config


@dataclass(frozen=True, slots=True, eq=False)
class TaskResult:
    """The result of a task: one epoch at least."""

    task: Task
    records: tuple[EpochRecord, ...]
    checkpoints: Mapping[int, bytes]
    """The models, `.keras` files, by epoch: that of the last record, and that of the best
    epoch of the run if it is one of these records. Empty if the run diverged."""
    environment: Mapping[str, Any] | None = None
    """The entries in which the environment of the training, as `describe_environment`
    returns it, differs from that of the engine. Defaults to None: no entry differs."""

    @property
    def diverged(self) -> bool:
        """True if the run diverged."""
        return not self.records[-1].finite

    @property
    def checkpoint_bytes(self) -> bytes | None:
        """The model after the last record; None if the run diverged."""
        return self.checkpoints.get(self.records[-1].epoch)

    @property
    def place(self) -> str:
        """The machine and the device, such as `node-2 gpu:0`; empty for the engine's."""
        if not self.environment:
            return ""
        host, _, _ = self.environment["host"].partition(".")
        return f"{host} {self.environment['device']}"


@dataclass(frozen=True, slots=True, eq=False)
class TaskFailed:
    """The result of a task that failed."""

    task: Task
    reason: str
    final: bool = False
    """True if the task would fail again. Defaults to False."""
    error: KmlpError | None = None
    """An error that concerns all runs and ends the study, such as a backend that cannot
    start or a full disk. Defaults to None: the failure concerns this run only."""


@runtime_checkable
class Executor(Protocol):
    """The interface of executors, which run tasks. All calls are made in one thread."""

    def free(self) -> int:
        """Return the number of tasks that the executor can take now."""
        ...

    def submit(self, task: Task, dataset: Dataset) -> None:
        """Take a task, without waiting for its result.

        An executor that trains elsewhere sends each dataset as rarely as it can.

        Args:
            task: The task.
            dataset: The dataset that the task's configuration names.
        """
        ...

    def result(self, timeout: float | None = None) -> TaskResult | TaskFailed | None:
        """Wait until one of the submitted tasks is done.

        Args:
            timeout: The longest time to wait, in seconds. Defaults to None: no limit.

        Returns:
            The task's result. None after `timeout` seconds, or as soon as `free` returns
            a larger number than before.
        """
        ...
