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
from types import FrameType, ModuleType, TracebackType
from typing import Any, Self

import cloudpickle
from loky import ProcessPoolExecutor
from loky.backend import resource_tracker as loky_resource_tracker

from kmlp import backend
from kmlp.activations import ACTIVATIONS
from kmlp.config import RunConfig
from kmlp.definitions import is_users
from kmlp.engine import Slice, SliceFailed, SliceResult
from kmlp.errors import ConfigError
from kmlp.executors.worker import SECONDS, Worker
from kmlp.losses import LOSSES
from kmlp.processes import end_with

MAX_NETWORKS_BUILT = 16
"""After how many networks a worker is replaced: backends keep some of the memory of
programs that are gone (TensorFlow 3 MiB for each)."""


_LEAVE_MEMORY_TO_US = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}
"""loky would end a worker that grows by 300 MB, with a warning."""


class ProcessExecutor:
    """Has slices done by worker processes, which it starts as they are needed.

    Each worker is a pool of its own, so that one that dies takes no other's slice
    with it. A run stays with its worker.

    Args:
        jobs: How many slices are done at a time.
        seconds: How long a slice takes, at the least one epoch. Defaults to 2.
        fused: Whether an epoch is one compiled program. Defaults to True.
    """

    def __init__(self, jobs: int, *, seconds: float = SECONDS, fused: bool = True) -> None:
        settings = {"seconds": seconds, "fused": fused}
        self._idle = [_Process(settings) for _ in range(jobs)]
        self._busy: dict[Future[Any], tuple[_Process, Slice]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

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

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self.pool: ProcessPoolExecutor | None = None
        self.config: RunConfig | None = None

    def submit(self, slice_: Slice) -> Future[Any]:
        try:
            return self._submit(slice_)
        except BrokenProcessPool:  # it died while it had nothing to do
            self.stop()
            return self._submit(slice_)

    def _submit(self, slice_: Slice) -> Future[Any]:
        self.config = slice_.config
        own = _packed_functions() if self.pool is None else None
        # They would let Ctrl-C through as they start.
        resource_tracker.ensure_running()
        loky_resource_tracker.ensure_running()
        with _ctrl_c_is_not_for_it():
            if self.pool is None:
                self.pool = ProcessPoolExecutor(
                    max_workers=1,
                    initializer=_start,
                    initargs=(backend.select(), os.getpid(), own, self._settings),
                    env=_LEAVE_MEMORY_TO_US,
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


def _packed_functions() -> bytes | None:
    """What the user registered, for workers; None if there is nothing."""
    if not (ACTIVATIONS.own or LOSSES.own):
        return None
    # By value: a module may have been changed since it was imported.
    modules = [module for module in [*sys.modules.values()] if _is_changeable(module)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        packed: bytes = cloudpickle.dumps((ACTIVATIONS.own, LOSSES.own))
    except Exception as error:  # an object may refuse in any way
        raise ConfigError(
            [
                "A registered activation or loss cannot be sent to worker processes "
                f"({type(error).__name__}: {error}). Train with `jobs=1`."
            ]
        ) from error
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
    return packed


def _is_changeable(module: object) -> bool:
    """Whether a module is a user's. The program's own is sent by value anyway."""
    if not isinstance(module, ModuleType):
        return False
    name = vars(module).get("__name__")
    return name in sys.modules and name != "__main__" and is_users(module)


def _why(error: BrokenProcessPool) -> str:
    """Why a worker is gone."""
    codes = re.search(r"exit codes of the workers are \{(.*?)\}", str(error))
    return f"the worker process died ({codes[1] if codes else 'no reason is known'})"


_worker: Worker | None = None
"""Of a worker process."""


def _start(name: str, parent: int, own: bytes | None, settings: dict[str, Any]) -> None:
    """What a worker process does first."""
    global _worker
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)
    os.dup2(2, 1)  # stdout is for results
    sys.stdout = sys.stderr
    backend.select(name)
    if own is not None:
        backend.load()
        activations, losses = cloudpickle.loads(own)
        for registry, items in ((ACTIVATIONS, activations), (LOSSES, losses)):
            for key, item in items.items():
                registry.register(key, item, replace=True)
    _worker = Worker(**settings)


def _do(slice_: Slice) -> tuple[SliceResult | SliceFailed, int]:
    assert _worker is not None
    return _worker.do(slice_), _worker.networks_built
