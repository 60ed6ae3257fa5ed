"""The workers of a cluster: the task of each, their start and their release."""

from __future__ import annotations

import queue
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray

from kmlp.engine import Task
from kmlp.errors import ClusterError
from kmlp.executors._datasets import DatasetKey
from kmlp.executors._task import MAX_COMPILED
from kmlp.executors.ray import _on_node
from kmlp.executors.ray._cluster import Node, capacity, mismatch
from kmlp.executors.resources import Resources
from kmlp.training.identity import RunIdentity

SECONDS_IDLE = 5.0
"""The time after which spare workers are released, in seconds."""

_SECONDS_DEAD = 0.5
"""A time in seconds. If a worker was idle for longer, and fails sooner after it gets a
task, it died while it was idle. Then the task does not count as failed."""

SECONDS_UNTIL_WARNED = 15.0
"""The time that tasks wait for the first worker before a warning, in seconds."""

MAX_FAILED_STARTS = 5
"""The number of failed starts in a row after which the cluster counts as unusable, unless
a worker is ready."""


@dataclass(frozen=True, eq=False, slots=True)
class _Queued:
    """A task in the queue, with the number by which the executor knows it."""

    number: int
    task: Task
    dataset: DatasetKey


@dataclass(eq=False, slots=True)
class _Worker:
    """A worker: an actor of Ray, which starts when the cluster has room for it."""

    actor: Any
    ready: bool = False
    host: str = ""
    node: str = ""
    run: RunIdentity | None = None
    """The run whose session the worker keeps."""
    assigned: _Queued | None = None
    """The task that the worker trains; None if it is idle."""
    since: float = 0.0
    """The time at which the worker got its task, or became idle."""
    was_idle: float = 0.0
    """The time for which the worker was idle before its task, in seconds."""


class Pool:
    """Workers on the nodes of a cluster, which train as many runs at a time as fit.

    While tasks are queued, more workers are requested than fit, so that an autoscaling
    cluster grows. A run stays with its worker.

    Args:
        resources: The CPUs and GPUs of each run.
        jobs: The most tasks that run at a time.
        wanted: The versions that a node must have, by package.
        setup: The argument `setup` of `NodeWorker.start`.
        send: Sends a message to the user's process.
        events: A queue of functions, which the helper's loop calls.
    """

    def __init__(
        self,
        resources: Resources,
        jobs: int,
        wanted: dict[str, str],
        setup: dict[str, Any],
        send: Callable[[tuple[Any, ...]], None],
        events: queue.SimpleQueue[Callable[[], None]],
    ) -> None:
        self._actors: Any = ray.remote(_on_node.NodeWorker)
        self._resources, self._jobs, self._wanted, self._setup = (
            resources,
            jobs,
            wanted,
            setup,
        )
        self._send, self._events = send, events
        self._workers: list[_Worker] = []
        self._queue: deque[_Queued] = deque()
        self._datasets: dict[DatasetKey, Any] = {}
        self._without: set[str] = set()
        self._nodes: list[Node] = []
        self._warned = False
        self._waits_since: float | None = None
        self._failed_starts = 0
        self._spare_since: float | None = None
        self.backlogged = False
        """True if the engine has more tasks than the cluster has room for."""

    def update_nodes(self, nodes: list[Node]) -> None:
        """Update the list of living nodes, and send the number of runs that fit on them."""
        self._nodes = nodes
        there = {node.id for node in nodes}
        for worker in [
            worker
            for worker in self._workers
            if _is_idle(worker) and worker.node not in there
        ]:
            self._release(worker)
        if not capacity(nodes, self._resources, self._without):
            self._warn_once("No node has room for a run now")
        room = min(self._jobs, capacity(nodes, self._resources, self._without))
        # At least one task: an empty cluster grows when a task is waiting.
        self._send(("room", max(1, room)))

    def put_dataset(self, key: DatasetKey, dataset: Any) -> None:
        """Put a dataset into the object store, from which each node fetches it once."""
        try:
            self._datasets[key] = ray.put(dataset)
        except ray.exceptions.RayError as error:
            raise ClusterError(
                f"The dataset {key[0]} does not fit into the cluster's object store "
                f"({_reason(error)}). Start Ray with more, by --object-store-memory."
            ) from error

    def submit(self, number: int, task: Task, dataset: DatasetKey) -> None:
        """Add a task to the queue. `put_dataset` was called with its dataset before."""
        self._queue.append(_Queued(number, task, dataset))

    def dispatch(self) -> None:
        """Give queued tasks to idle workers; start or release workers to fit the load."""
        while self._queue and (idle := [*filter(_is_idle, self._workers)]):
            runs = {worker.run: worker for worker in idle}
            # A task whose worker is idle; else the first task, preferably with a worker
            # whose run has no task in the queue.
            queued = next(
                (entry for entry in self._queue if entry.task.run in runs), self._queue[0]
            )
            self._queue.remove(queued)
            others = {entry.task.run for entry in self._queue}
            worker = runs.get(queued.task.run) or min(
                idle, key=lambda worker: worker.run in others
            )
            self._do(worker, queued)
        self._warn_of_silence()
        busy = sum(worker.assigned is not None for worker in self._workers)
        wanted = busy + len(self._queue)
        useful = min(self._jobs, (2 if self.backlogged else 1) * wanted)
        while len(self._workers) < useful:
            self._start()
        self._release_spare(len(self._workers) - useful)

    def _warn_of_silence(self) -> None:
        if not self._queue or any(worker.ready for worker in self._workers):
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = time.monotonic()
        elif time.monotonic() - self._waits_since > SECONDS_UNTIL_WARNED:
            self._warn_once(
                f"No worker has become ready for {SECONDS_UNTIL_WARNED:g} seconds: others "
                "use the cluster, or it is being set up"
            )

    def _warn_once(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            self._send(("warning", f"{why}; waiting."))

    def _release_spare(self, spare: int) -> None:
        """Release workers that were spare for `SECONDS_IDLE`.

        The delay bridges the gap between two tasks of one run.
        """
        if spare <= 0:
            self._spare_since = None
        elif self._spare_since is None:
            self._spare_since = time.monotonic()
        elif time.monotonic() - self._spare_since > SECONDS_IDLE:
            unused = [
                worker for worker in reversed(self._workers) if worker.assigned is None
            ]
            for worker in sorted(unused, key=lambda worker: worker.ready)[:spare]:
                self._release(worker)
            self._spare_since = None

    def close(self) -> None:
        """Release all workers. The tasks that they are training are lost."""
        for worker in [*self._workers]:
            self._release(worker)

    def _start(self) -> None:
        selector = (
            {"ray.io/node-id": f"!in({','.join(sorted(self._without))})"}
            if self._without
            else None
        )
        actor = self._actors.options(
            num_cpus=self._resources.cpus,
            num_gpus=self._resources.gpus,
            max_restarts=0,
            label_selector=selector,
        ).remote()
        worker = _Worker(actor)
        self._workers.append(worker)
        answer = actor.start.remote(self._wanted, self._setup)
        self._on_done(answer, lambda future: self._started(worker, future))

    def _started(self, worker: _Worker, future: Any) -> None:
        if worker not in self._workers:
            return
        try:
            report = future.result()
        except Exception as error:  # Ray raises errors of many classes
            self._release(worker)
            self._failed_starts += 1
            trains = any(worker.ready for worker in self._workers)
            if self._failed_starts >= MAX_FAILED_STARTS and not trains:
                raise ClusterError(
                    f"No worker can be started on the cluster: {_reason(error)}."
                ) from error
            return
        if (differs := mismatch(report, self._wanted)) is not None:
            self._release(worker)
            if report["node"] in self._without:
                return
            self._without.add(report["node"])
            if not capacity(self._nodes, self._resources, self._without):
                raise ClusterError(f"No node is left that can train. Left out: {differs}.")
            self._send(("warning", f"A node is left out: {differs}."))
            return
        self._failed_starts = 0
        worker.ready, worker.host, worker.node = True, report["host"], report["node"]
        worker.since = time.monotonic()

    def _do(self, worker: _Worker, queued: _Queued) -> None:
        now = time.monotonic()
        worker.was_idle, worker.since = now - worker.since, now
        worker.assigned, worker.run = queued, queued.task.run
        answer = worker.actor.run.remote(
            queued.task, queued.dataset, [self._datasets[queued.dataset]]
        )
        self._on_done(answer, lambda future: self._done(worker, future))

    def _done(self, worker: _Worker, future: Any) -> None:
        if worker not in self._workers or worker.assigned is None:
            return
        queued, now = worker.assigned, time.monotonic()
        took, worker.since, worker.assigned = now - worker.since, now, None
        try:
            outcome, compiled_count = future.result()
        except Exception as error:  # Ray raises errors of many classes
            self._release(worker)
            if worker.was_idle > _SECONDS_DEAD > took:
                self._queue.appendleft(queued)
                return
            reason = f"the worker on {worker.host} was lost ({_reason(error)})"
            self._send(("done", queued.number, {"reason": reason}))
            return
        if compiled_count > MAX_COMPILED:
            self._release(worker)
        self._send(("done", queued.number, outcome))

    def _release(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        ray.kill(worker.actor)

    def _on_done(self, answer: Any, call: Callable[[Any], None]) -> None:
        """Have the helper's loop call a function with the future once it is done."""
        answer.future().add_done_callback(
            lambda future: self._events.put(lambda: call(future))
        )


def _is_idle(worker: _Worker) -> bool:
    return worker.ready and worker.assigned is None


def _reason(error: BaseException) -> str:
    """Return the reason of an error of Ray, in one line."""
    if isinstance(error, ray.exceptions.RayTaskError) and error.cause is not None:
        return _reason(error.cause)
    if isinstance(error, ray.exceptions.OutOfMemoryError):
        return "its node has no memory left"
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    if "node has died" in text or isinstance(error, ray.exceptions.NodeDiedError):
        return "its node is gone"
    if isinstance(error, ray.exceptions.ActorDiedError):
        return "its process died"
    if isinstance(error, ray.exceptions.ActorUnavailableError):
        return "its node does not answer"
    return f"{type(error).__name__}: {text.splitlines()[-1].strip()[:300] if text else ''}"
