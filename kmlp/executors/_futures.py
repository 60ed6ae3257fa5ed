"""Execution in any pool of `concurrent.futures`, Dask, MPI or joblib."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Protocol

from kmlp.data import Dataset
from kmlp.engine import Task, TaskFailed, TaskResult
from kmlp.executors._task import run_task
from kmlp.training.checks import check_count


class Pool(Protocol):
    """A pool as `concurrent.futures.Executor` describes it."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Have a worker call the function; return a `concurrent.futures.Future`."""
        ...


class FuturesExecutor:
    """An executor in any pool with the interface of `concurrent.futures`.

    Such pools are `concurrent.futures.ProcessPoolExecutor`, loky's (which joblib uses),
    Dask's `Client(...).get_executor()`, `MPIPoolExecutor` of mpi4py, and `AutoExecutor` of
    submitit. The caller opens and closes the pool.

    Each worker needs kmlp, the backend and the dataset on its machine, with custom
    activations and losses registered there. A worker that would compute other numbers
    refuses the run. If a worker dies, its task is tried again, unless the pool is broken.

    Args:
        pool: The pool. Tasks in the same process run one after the other, so several
            threads are not faster than one.
        jobs: The most tasks that run at a time, which is the number of the pool's workers.

    Raises:
        ConfigError: if `jobs` is not an integer from 1 on.

    Example:
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from kmlp import FuturesExecutor, RunConfig, train
    >>> with ThreadPoolExecutor(1) as pool:
    ...     executor = FuturesExecutor(pool, jobs=1)
    ...     run = train(RunConfig(train_size=1000), epochs=2, executor=executor)
    >>> run.status
    'finished'
    """

    def __init__(self, pool: Pool, jobs: int) -> None:
        self._pool = pool
        self._jobs = check_count("jobs", jobs)
        self._pending: dict[Future[Any], Task] = {}

    def free(self) -> int:
        return self._jobs - len(self._pending)

    def submit(self, task: Task, dataset: Dataset) -> None:
        # The worker loads the dataset by its name. A pool does not show which worker
        # gets a task, so the dataset would have to be sent with every task.
        self._pending[self._pool.submit(run_task, task)] = task

    def result(self, timeout: float | None = None) -> TaskResult | TaskFailed | None:
        done, _ = wait(self._pending, timeout, return_when=FIRST_COMPLETED)
        if not done:
            return None
        future = done.pop()
        task = self._pending.pop(future)
        error = future.exception()
        if error is None:
            result: TaskResult | TaskFailed = future.result()
            return result
        return TaskFailed(task, f"{type(error).__name__}: {error}")
