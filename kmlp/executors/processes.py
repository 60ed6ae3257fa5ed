"""Trains in worker processes of this machine, each with one run at a time."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any

from loky import ProcessPoolExecutor
from loky.backend import resource_tracker as loky_resource_tracker

from kmlp import backend
from kmlp.activations import ACTIVATIONS
from kmlp.checks import check_count
from kmlp.closing import Closing
from kmlp.config import RunConfig
from kmlp.engine import Slice, SliceFailed, SliceResult
from kmlp.executors.here import places_here, visible_gpus
from kmlp.executors.own import pack_own, register_own
from kmlp.executors.share import make_share
from kmlp.executors.worker import MAX_NETWORKS_BUILT, SECONDS, Worker
from kmlp.losses import LOSSES
from kmlp.processes import end_with
from kmlp.settings import check_inherited

_LEAVE_MEMORY_TO_US = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}
"""loky would end a worker that grows by 300 MB, with a warning."""


class ProcessExecutor(Closing):
    """Has slices done by worker processes, which it starts as they are needed.

    Each worker is a pool of its own, so that one that dies takes no other's slice
    with it. A run stays with its worker.

    Args:
        jobs: How many slices are done at a time, at most. Defaults to None: as many as
            their shares of this machine allow.
        cpus_per_run: CPUs of each, of those that this process may use. Defaults to None:
            one, or no matter how many if `jobs` is given.
        gpus_per_run: Share of a GPU, 0 to 1, of each. Defaults to None: each has what
            its backend finds; then one is done at a time where that is an accelerator.
        seconds: How long a slice takes, at the least one epoch. Defaults to 2.

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
        share = make_share(
            1.0 if cpus_per_run is None else cpus_per_run,
            0.0 if gpus_per_run is None else gpus_per_run,
        )
        jobs = None if jobs is None else check_count("jobs", jobs)
        if cpus_per_run is not None or gpus_per_run is not None or jobs is None:
            alone = gpus_per_run is None and backend.accelerated()  # it has all of the GPU
            places = 1 if alone else places_here(share)
            jobs = places if jobs is None else min(places, jobs)
        environments: list[dict[str, str]] = [{}] * jobs
        if gpus_per_run is not None:
            gpus = visible_gpus() if share.gpus else []
            environments = [
                share.environment(gpus[place % len(gpus)] if gpus else None)
                for place in range(jobs)
            ]
        self._idle = [_Process(seconds, it) for it in environments]
        self._busy: dict[Future[Any], tuple[_Process, Slice]] = {}

    def free(self) -> int:
        return len(self._idle)

    def submit(self, slice_: Slice) -> None:
        # The run's own; else one that runs already; else one that has to be started.
        process = max(
            self._idle, key=lambda it: (it.config == slice_.config, it.pool is not None)
        )
        self._idle.remove(process)
        self._busy[process.submit(slice_)] = (process, slice_)

    def result(self, timeout: float | None = None) -> SliceResult | SliceFailed | None:
        done, _ = wait(self._busy, timeout, return_when=FIRST_COMPLETED)
        if not done:
            return None
        future = done.pop()
        process, slice_ = self._busy.pop(future)
        self._idle.append(process)
        try:
            result, networks_built = future.result()
        except BrokenProcessPool as error:
            process.stop()
            return SliceFailed(slice_, _why(error))
        if networks_built > MAX_NETWORKS_BUILT:
            process.stop()
        found: SliceResult | SliceFailed = result
        return found

    def close(self) -> None:
        """Ends the workers; what they are doing is lost."""
        for process in [*self._idle, *(process for process, _ in self._busy.values())]:
            process.stop()

    def pids(self) -> list[int]:
        """The workers that run."""
        processes = [*self._idle, *(process for process, _ in self._busy.values())]
        return [
            pid
            for process in processes
            if process.pool is not None
            for pid in process.pool._processes
        ]


class _Process:
    """One worker process; it is started when it first gets a slice."""

    def __init__(self, seconds: float, environment: dict[str, str]) -> None:
        self._seconds = seconds
        self._environment = {**_LEAVE_MEMORY_TO_US, **environment}
        self._own: object = None
        self.pool: ProcessPoolExecutor | None = None
        self.config: RunConfig | None = None

    def submit(self, slice_: Slice) -> Future[Any]:
        try:
            return self._submit(slice_)
        except BrokenProcessPool:  # it died while it had nothing to do
            self.stop()
            return self._submit(slice_)

    def _submit(self, slice_: Slice) -> Future[Any]:
        own = ACTIVATIONS.own, LOSSES.own, slice_.run.settings
        if own != self._own:  # it is to know what was registered and set since
            self.stop()
        if self.pool is None:
            check_inherited(backend.select())
        self.config, self._own = slice_.config, own
        packed = pack_own() if self.pool is None else None
        # They would let Ctrl-C through as they start.
        resource_tracker.ensure_running()
        loky_resource_tracker.ensure_running()
        with _ctrl_c_is_not_for_it():
            if self.pool is None:
                self.pool = ProcessPoolExecutor(
                    max_workers=1,
                    initializer=_start,
                    initargs=(backend.select(), os.getpid(), packed, self._seconds),
                    env=self._environment,
                )
            future: Future[Any] = self.pool.submit(_do, slice_)
        return future

    def stop(self) -> None:
        if self.pool is not None:
            self.pool.shutdown(wait=True, kill_workers=True)
        self.pool = self.config = None


@contextlib.contextmanager
def _ctrl_c_is_not_for_it() -> Iterator[None]:
    """A process that is started here never hears of Ctrl-C: this one ends it.

    A signal that comes meanwhile waits, so that a pool is never half made.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler is None:
        yield
        return
    came = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True

    blockable = hasattr(signal, "pthread_sigmask")
    signal.signal(signal.SIGINT, remember)
    if blockable:  # what a new process inherits; another thread may take the signal
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if blockable:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        if came:
            signal.raise_signal(signal.SIGINT)


def _why(error: BrokenProcessPool) -> str:
    """Why a worker is gone."""
    codes = re.search(r"exit codes of the workers are \{(.*?)\}", str(error))
    return f"the worker process died ({codes[1] if codes else 'no reason is known'})"


_worker: Worker | None = None
"""Of a worker process."""


def _start(name: str, parent: int, own: bytes | None, seconds: float) -> None:
    """What a worker process does first."""
    global _worker
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)
    os.dup2(2, 1)  # stdout is for results
    sys.stdout = sys.stderr
    backend.select(name)
    if own is not None:
        register_own(own)
    _worker = Worker(seconds=seconds)


def _do(slice_: Slice) -> tuple[SliceResult | SliceFailed, int]:
    assert _worker is not None
    return _worker.do(slice_), _worker.networks_built
