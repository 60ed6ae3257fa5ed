"""Trains in worker processes of this machine, each with one run at a time."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from loky import ProcessPoolExecutor
from loky.backend import resource_tracker as loky_resource_tracker

from kmlp import backend
from kmlp._util.processes import exit_with_parent, held, refusal, safe_path, unheard
from kmlp.data import Dataset
from kmlp.engine import Task, TaskFailed, TaskResult
from kmlp.errors import BackendError, KmlpError, ResourceError
from kmlp.executors._custom_code import pack_custom, register_custom
from kmlp.executors._datasets import (
    DatasetCache,
    DatasetKey,
    dataset_key,
    pack_dataset,
    unpack_dataset,
)
from kmlp.executors._task import MAX_COMPILED, SECONDS, Worker
from kmlp.executors.resources import local_capacity, make_resources, visible_gpus
from kmlp.model.activations import ACTIVATIONS
from kmlp.model.config import RunConfig
from kmlp.model.losses import LOSSES
from kmlp.settings import check_inherited
from kmlp.training.checks import check_count

_LEAVE_MEMORY_TO_US = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}
"""loky would end a worker that grows by 300 MB, with a warning."""

_SECONDS_FEEDER = 5.0
"""The longest wait for the thread that sends tasks to a worker."""

_SAID = "stderr.txt"
"""In a worker's temporary folder: what it said while its backend started."""


class ProcessExecutor(contextlib.AbstractContextManager["ProcessExecutor"]):
    """Has tasks run by worker processes, which it starts as they are needed.

    Each worker is a pool of its own, so that one that dies takes no other's task
    with it. A run stays with its worker.

    Args:
        jobs: The most tasks that run at a time. Defaults to None: as many as
            their shares of this machine allow.
        cpus_per_run: CPUs of each, of those that this process may use. Defaults to None:
            one, or no matter how many if `jobs` is given.
        gpus_per_run: Share of a GPU, 0 to 1, of each. Defaults to None: each has what
            its backend finds; then one is done at a time where that is an accelerator.
        seconds: The time after which a task ends with its epoch. Defaults to 2.

    Raises:
        ConfigError: if a number is wrong, or the machine has no room for one run.
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
            alone = gpus_per_run is None and backend.accelerated()  # it has all of the GPU
            capacity = 1 if alone else local_capacity(resources)
            jobs = capacity if jobs is None else min(capacity, jobs)
        environments: list[dict[str, str]] = [{}] * jobs
        if gpus_per_run is not None:
            gpus = visible_gpus() if resources.gpus else []
            environments = [
                resources.environment(gpus[place % len(gpus)] if gpus else None)
                for place in range(jobs)
            ]
        self._processes = [_Process(seconds, it) for it in environments]
        self._busy: dict[Future[Any], tuple[_Process, Task]] = {}

    @property
    def _idle(self) -> list[_Process]:
        busy = [process for process, _ in self._busy.values()]
        return [process for process in self._processes if process not in busy]

    def free(self) -> int:
        return len(self._processes) - len(self._busy)

    def submit(self, task: Task, dataset: Dataset) -> None:
        # The run's own; else one that runs already; else one that has to be started.
        process = max(
            self._idle, key=lambda it: (it.config == task.config, it.pool is not None)
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
            reason, cause = _why(error), process.start_error()
            process.stop()
            return TaskFailed(task, reason, error=cause)
        except Exception as error:  # as it started
            process.stop()
            return TaskFailed(
                task,
                f"{type(error).__name__}: {error}",
                error=error if isinstance(error, KmlpError) else None,
            )
        if compiled_count > MAX_COMPILED:
            process.stop()
        found: TaskResult | TaskFailed = result
        return found

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers; what they are doing is lost."""
        for process in self._processes:
            process.stop()

    def pids(self) -> list[int]:
        """The workers that run."""
        return [
            pid
            for process in self._processes
            if process.pool is not None
            for pid in process.pool._processes
        ]


class _Process:
    """One worker process; it is started when it first gets a task."""

    def __init__(self, seconds: float, environment: dict[str, str]) -> None:
        self._seconds = seconds
        self._environment = {**_LEAVE_MEMORY_TO_US, **environment}
        self._custom: object = None
        self._folder: dict[str, str] = {}
        """The environment variable that names its temporary folder."""
        self.pool: ProcessPoolExecutor | None = None
        self.started: Future[None] = Future()
        """Whether the backend has."""
        self.config: RunConfig | None = None
        self._datasets = DatasetCache()
        """The datasets that it has."""

    def submit(self, task: Task, dataset: Dataset) -> Future[Any]:
        try:
            return self._submit(task, dataset)
        except BrokenProcessPool:  # it died while it had nothing to do
            self.stop()
            return self._submit(task, dataset)

    def _submit(self, task: Task, dataset: Dataset) -> Future[Any]:
        custom = ACTIVATIONS.custom, LOSSES.custom, task.run.settings
        if custom != self._custom:  # it is to know what was registered and set since
            self.stop()
        if self.pool is None:
            check_inherited(backend.select())
        self.config, self._custom = task.config, custom
        packed = pack_custom() if self.pool is None else None
        with held(), safe_path(), _processes_possible():  # a pool is never half made
            with unheard():  # apart, since they unblock signals once they have started
                resource_tracker.ensure_running()
                loky_resource_tracker.ensure_running()
            with unheard():
                if self.pool is None:
                    self._make_folder()
                    self.pool = ProcessPoolExecutor(
                        max_workers=1,
                        initializer=_prepare,
                        initargs=(os.getpid(),),
                        env=self._environment | self._folder,
                    )
                    self.started = self.pool.submit(
                        _start,
                        backend.select(),
                        packed,
                        self._seconds,
                        self._folder.get("TMPDIR"),
                    )
                key = dataset_key(dataset)
                sent = None
                if key not in self._datasets:
                    sent = pack_dataset(dataset)
                    self._datasets.put(key, None)
                future: Future[Any] = self.pool.submit(_run, task, key, sent)
        return future

    def start_error(self) -> KmlpError | None:
        """Why it cannot start, if that ended the process, and nobody else did."""
        error = self.started.exception()
        if not isinstance(error, BrokenProcessPool) or "SIGKILL" in _why(error):
            return None
        try:
            said = Path(self._folder["TMPDIR"], _SAID).read_text(errors="replace")
        except (OSError, KeyError):  # its backend had started, or it had not come so far
            if "(SIG" in _why(error):
                return None
            return ResourceError(
                f"A worker process cannot start: {_why(error)}. Has it too few processes, "
                "threads or open files, or too little memory (`ulimit -a`)? What was "
                "trained is stored."
            )
        # What Python tells of a crash comes after what the backend says of it.
        said = said.partition("Fatal Python error")[0].strip() or said.strip()
        last = said.rpartition("\n")[2]
        return BackendError(
            backend.cannot_start(backend.select(), f"{_why(error)}: {last}".strip(": "))
        )

    def stop(self) -> None:
        with held():  # a semaphore is removed and then unregistered, or reported as leaked
            if self.pool is not None:
                _end(self.pool)
            for folder in self._folder.values():
                shutil.rmtree(folder, ignore_errors=True)
            self.pool = self.config = None
            self._datasets.clear()
            self._folder = {}

    def _make_folder(self) -> None:
        """Makes a temporary folder of its own, with which what it has there goes when it
        is killed. Where there is no room for one, it does without.
        """
        with contextlib.suppress(OSError):
            self._folder = {"TMPDIR": tempfile.mkdtemp(prefix="kmlp-")}


def _end(pool: ProcessPoolExecutor) -> None:
    """Kill the worker of a pool, and end the threads that serve the pool."""
    tasks = pool._call_queue
    pool.shutdown(wait=True, kill_workers=True)
    # loky does not wait for the thread that sends tasks, which removes semaphores as it
    # ends. Without a reader it stops sending.
    tasks._reader.close()
    if tasks._thread is not None:
        tasks._thread.join(_SECONDS_FEEDER)


@contextlib.contextmanager
def _processes_possible() -> Iterator[None]:
    """Explains why this machine cannot start processes."""
    try:
        yield
    except KmlpError:
        raise
    except Exception as error:
        refused = refusal(error)
        if refused is None:
            raise
        _, said, mend = refused
        raise ResourceError(
            f"Worker processes cannot be started ({said}). To go on, {mend}, or train with "
            "one job: what was trained is stored."
        ) from error


def _why(error: BrokenProcessPool) -> str:
    """Why a worker is gone."""
    codes = re.search(r"exit codes of the workers are \{(.*?)\}", str(error))
    return f"the worker process died ({codes[1] if codes else 'no reason is known'})"


_worker: Worker | None = None
_datasets = DatasetCache()
"""Those of a worker process, which one sends that knows what it has."""


def _prepare(parent: int) -> None:
    """What a worker process does first."""
    exit_with_parent(parent)
    os.dup2(2, 1)  # stdout is for results
    sys.stdout = sys.stderr


def _start(name: str, custom: bytes | None, seconds: float, folder: str | None) -> None:
    """Starts the backend. If that ends the process, a file has what it said on stderr."""
    global _worker
    backend.select(name)
    with _stderr_kept(folder):
        backend.start()
    if custom is not None:
        register_custom(custom)
    _worker = Worker(seconds=seconds)


@contextlib.contextmanager
def _stderr_kept(folder: str | None) -> Iterator[None]:
    """Has what is said on stderr go into a file of the worker's own temporary folder, if
    it has one; `KMLP_DEBUG=1` shows it all along.
    """
    try:
        if folder is None or os.environ.get("KMLP_DEBUG") == "1":
            raise OSError
        path = Path(folder, _SAID)
        kept = path.open("xb")
    except OSError:
        yield
        return
    saved = os.dup(2)
    with kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
    path.unlink(missing_ok=True)


def _run(
    task: Task, key: DatasetKey, packed: bytes | None
) -> tuple[TaskResult | TaskFailed, int]:
    """Run a task.

    Args:
        task: The task.
        key: See `dataset_key`.
        packed: The dataset, if this process does not have it.
    """
    assert _worker is not None
    if packed is not None:
        _datasets.put(key, unpack_dataset(packed))
    return _worker.run(task, _datasets[key]), _worker.compiled_count
