"""Execution in worker processes of this machine, each with one run at a time."""

from __future__ import annotations

import contextlib
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from kmlp import backend
from kmlp.data import Dataset
from kmlp.engine import Task, TaskFailed, TaskResult
from kmlp.errors import KmlpError
from kmlp.executors._task import MAX_COMPILED, SECONDS
from kmlp.executors._worker_process import WorkerProcess, death_reason
from kmlp.executors.resources import local_capacity, make_resources, visible_gpus
from kmlp.training.checks import check_count


class ProcessExecutor(contextlib.AbstractContextManager["ProcessExecutor"]):
    """An executor of worker processes, which are started when they are needed.

    Each worker is a separate pool. If a worker dies, the tasks of other workers
    continue. A run stays with its worker.

    Args:
        jobs: The most tasks that run at a time. Defaults to None: as many as fit on this
            machine.
        cpus_per_run: CPUs of each run, of those that this process may use. Defaults to
            None: one, or any number if `jobs` is given.
        gpus_per_run: Fraction of a GPU of each run, from 0 to 1. Defaults to None: a run
            uses the devices that its backend finds. If one is an accelerator, one run is
            trained at a time.
        seconds: The time after which a task ends, at the end of an epoch. Defaults to 2.

    Raises:
        ConfigError: if a number is not allowed, or if no run fits on the machine.
    """

    def __init__(
        self,
        jobs: int | None = None,
        *,
        cpus_per_run: float | None = None,
        gpus_per_run: float | None = None,
        seconds: float = SECONDS,
    ) -> None:
        resources = make_resources(
            1.0 if cpus_per_run is None else cpus_per_run,
            0.0 if gpus_per_run is None else gpus_per_run,
        )
        jobs = None if jobs is None else check_count("jobs", jobs)
        if cpus_per_run is not None or gpus_per_run is not None or jobs is None:
            alone = gpus_per_run is None and backend.accelerated()  # takes the whole GPU
            capacity = 1 if alone else local_capacity(resources)
            jobs = capacity if jobs is None else min(capacity, jobs)
        environments: list[dict[str, str]] = [{}] * jobs
        if gpus_per_run is not None:
            gpus = visible_gpus() if resources.gpus else []
            environments = [
                resources.environment(gpus[place % len(gpus)] if gpus else None)
                for place in range(jobs)
            ]
        self._processes = [
            WorkerProcess(seconds, environment) for environment in environments
        ]
        self._busy: dict[Future[Any], tuple[WorkerProcess, Task]] = {}

    @property
    def _idle(self) -> list[WorkerProcess]:
        busy = [process for process, _ in self._busy.values()]
        return [process for process in self._processes if process not in busy]

    def free(self) -> int:
        return len(self._processes) - len(self._busy)

    def submit(self, task: Task, dataset: Dataset) -> None:
        # The worker of this run; else one that runs already; else one that must be started.
        process = max(
            self._idle,
            key=lambda process: (process.config == task.config, process.pool is not None),
        )
        self._busy[process.submit(task, dataset)] = (process, task)

    def result(self, timeout: float | None = None) -> TaskResult | TaskFailed | None:
        done, _ = wait(self._busy, timeout, return_when=FIRST_COMPLETED)
        if not done:
            return None
        future = done.pop()
        process, task = self._busy.pop(future)
        try:
            process.started.result()
            result, compiled_count = future.result()
        except BrokenProcessPool as error:
            reason, cause = death_reason(error), process.start_error()
            process.stop()
            return TaskFailed(task, reason, error=cause)
        except Exception as error:  # raised while the worker started
            process.stop()
            return TaskFailed(
                task,
                f"{type(error).__name__}: {error}",
                error=error if isinstance(error, KmlpError) else None,
            )
        if compiled_count > MAX_COMPILED:
            process.stop()
        outcome: TaskResult | TaskFailed = result
        return outcome

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers. The tasks that they are training are lost."""
        for process in self._processes:
            process.stop()

    def pids(self) -> list[int]:
        """The process ids of the workers that run."""
        return [
            pid
            for process in self._processes
            if process.pool is not None
            for pid in process.pool._processes
        ]
