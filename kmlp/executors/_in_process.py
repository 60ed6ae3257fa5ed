"""Execution in this process, one task at a time."""

from __future__ import annotations

from kmlp.data import Dataset
from kmlp.engine import Task, TaskFailed, TaskResult
from kmlp.executors._task import SECONDS, Worker


class InProcessExecutor:
    """An executor in this process. A task runs when its result is requested.

    Args:
        seconds: The time after which a task ends, at the end of an epoch. Defaults to 2.
    """

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._worker = Worker(seconds=seconds)
        self._pending: tuple[Task, Dataset] | None = None

    def free(self) -> int:
        return 0 if self._pending else 1

    def submit(self, task: Task, dataset: Dataset) -> None:
        if self._pending is not None:
            raise RuntimeError("The executor has a task already.")
        self._pending = task, dataset

    def result(self, timeout: float | None = None) -> TaskResult | TaskFailed | None:
        if self._pending is None:
            raise RuntimeError("No task was submitted.")
        pending, self._pending = self._pending, None
        return self._worker.run(*pending)
