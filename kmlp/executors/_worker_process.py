"""A worker process, as the process that starts it sees it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from loky import ProcessPoolExecutor
from loky.backend import resource_tracker as loky_resource_tracker

from kmlp import backend
from kmlp._util.processes import held, refusal, safe_path, unheard
from kmlp.data import Dataset
from kmlp.engine import Task
from kmlp.errors import BackendError, KmlpError, ResourceError
from kmlp.executors import _in_worker
from kmlp.executors._custom_code import pack_custom
from kmlp.executors._datasets import DatasetCache, dataset_key, pack_dataset
from kmlp.model.config import RunConfig
from kmlp.model.custom import registered
from kmlp.settings import check_inherited

_NO_MEMORY_LIMIT = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}
"""Without this variable, loky ends a worker that grows by 300 MB, with a warning."""

_SECONDS_FEEDER = 5.0
"""Timeout for the thread that sends tasks to a worker, in seconds."""


class WorkerProcess:
    """A worker process, which is started with its first task.

    Args:
        seconds: The time after which a task ends, at the end of an epoch.
        environment: The environment variables that differ from those of this process.
    """

    def __init__(self, seconds: float, environment: dict[str, str]) -> None:
        self._seconds = seconds
        self._environment = {**_NO_MEMORY_LIMIT, **environment}
        self._custom: object = None
        self._folder: dict[str, str] = {}
        """The environment variable that names the worker's temporary folder."""
        self.pool: ProcessPoolExecutor | None = None
        """The pool whose only worker is the process; None if the process is not started."""
        self.started: Future[None] = Future()
        """The start of the backend in the worker."""
        self.config: RunConfig | None = None
        """The configuration of the worker's last task."""
        self._datasets = DatasetCache()
        """The datasets that the worker has."""

    def submit(self, task: Task, dataset: Dataset) -> Future[Any]:
        """Send a task to the worker, which is started if needed."""
        try:
            return self._submit(task, dataset)
        except BrokenProcessPool:  # the worker died while it was idle
            self.stop()
            return self._submit(task, dataset)

    def _submit(self, task: Task, dataset: Dataset) -> Future[Any]:
        custom = *registered(), task.run.settings
        if custom != self._custom:  # a worker gets functions and settings when it starts
            self.stop()
        if self.pool is None:
            check_inherited(backend.select())
        self.config, self._custom = task.config, custom
        packed = pack_custom() if self.pool is None else None
        with held(), safe_path(), _processes_possible():  # never interrupted half-way
            with unheard():  # first, because trackers unblock signals when they start
                resource_tracker.ensure_running()
                loky_resource_tracker.ensure_running()
            with unheard():
                if self.pool is None:
                    self._make_folder()
                    self.pool = ProcessPoolExecutor(
                        max_workers=1,
                        initializer=_in_worker.prepare,
                        initargs=(os.getpid(),),
                        env=self._environment | self._folder,
                    )
                    self.started = self.pool.submit(
                        _in_worker.start,
                        backend.select(),
                        packed,
                        self._seconds,
                        self._folder.get("TMPDIR"),
                    )
                key = dataset_key(dataset)
                packed_dataset = None
                if key not in self._datasets:
                    packed_dataset = pack_dataset(dataset)
                    self._datasets.put(key, None)
                future: Future[Any] = self.pool.submit(
                    _in_worker.run, task, key, packed_dataset
                )
        return future

    def start_error(self) -> KmlpError | None:
        """Return the error with which the backend ended the process when it started.

        Returns:
            None if the backend did start, or if another process killed this one.
        """
        error = self.started.exception()
        if not isinstance(error, BrokenProcessPool) or "SIGKILL" in death_reason(error):
            return None
        try:
            path = Path(self._folder["TMPDIR"], _in_worker.STDERR)
            text = path.read_text(errors="replace")
        except (OSError, KeyError):  # the backend had started, or was not reached
            if "(SIG" in death_reason(error):
                return None
            return ResourceError(
                f"A worker process cannot start: {death_reason(error)}. It may have too "
                "few processes, threads or open files, or too little memory: see "
                "`ulimit -a`. Trained epochs are stored."
            )
        # Python's report of a crash comes after the messages of the backend.
        text = text.partition("Fatal Python error")[0].strip() or text.strip()
        last = text.rpartition("\n")[2]
        reason = f"{death_reason(error)}: {last}".strip(": ")
        return BackendError(backend.cannot_start(backend.select(), reason))

    def stop(self) -> None:
        """End the process. Its task is lost."""
        with held():  # an interrupted removal of a semaphore is reported as a leak
            if self.pool is not None:
                _end(self.pool)
            for folder in self._folder.values():
                shutil.rmtree(folder, ignore_errors=True)
            self.pool = self.config = None
            self._datasets.clear()
            self._folder = {}

    def _make_folder(self) -> None:
        """Create a temporary folder for the worker, so that it can be removed with it.

        If the disk is full, the worker has no folder.
        """
        with contextlib.suppress(OSError):
            self._folder = {"TMPDIR": tempfile.mkdtemp(prefix="kmlp-")}


def death_reason(error: BrokenProcessPool) -> str:
    """Return the reason why a worker process died, with its exit code if known."""
    codes = re.search(r"exit codes of the workers are \{(.*?)\}", str(error))
    return f"the worker process died ({codes[1] if codes else 'no reason is known'})"


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
    """Turn a refusal of the system to start processes into a `ResourceError`."""
    try:
        yield
    except KmlpError:
        raise
    except Exception as error:
        refused = refusal(error)
        if refused is None:
            raise
        _, text, remedy = refused
        raise ResourceError(
            f"Worker processes cannot be started ({text}). To continue, {remedy}, or train "
            "with one job. Trained epochs are stored."
        ) from error
