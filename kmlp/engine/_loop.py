"""The engine itself: one loop that plans, trains and stores."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from kmlp.data import Dataset
from kmlp.engine._contracts import (
    Executor,
    Planner,
    RunRequest,
    Task,
    TaskFailed,
    TaskResult,
)
from kmlp.engine._events import (
    CheckpointDamaged,
    EpochFinished,
    Observer,
    RunFailed,
    RunFinished,
    RunStarted,
    RunWaits,
    TaskRetried,
)
from kmlp.errors import StoreLostError
from kmlp.model.config import RunConfig
from kmlp.store import Store
from kmlp.store.leases import SECONDS_BETWEEN_LOOKS
from kmlp.training.identity import RunIdentity
from kmlp.training.run import EpochRecord, Run, RunState, val_figures

MAX_TRIES = 3
"""The number of times that a task is tried before its run counts as failed."""


def execute(
    planner: Planner,
    *,
    store: Store,
    executor: Executor,
    identify: Callable[[RunConfig], RunIdentity],
    load: Callable[[RunConfig], Dataset],
    observer: Observer | None = None,
    fresh: bool = False,
) -> None:
    """Train the runs that a planner asks for, until the planner is done.

    Args:
        planner: Decides which runs are trained.
        store: Has the epochs that are trained already, and gets the new ones.
        executor: Trains.
        identify: Returns the identity of a run, with the key that the store uses.
        load: Returns the dataset of a run.
        observer: Called with each event. Defaults to None.
        fresh: True if every run is trained from its first epoch. It replaces the stored run
            once it is complete. Defaults to False.

    Raises:
        KmlpError: if a task fails with an `error` that concerns all runs.
        RuntimeError: if the planner waits for a result while no run is being trained.
    """
    Engine(
        planner, store, executor, identify, load, observer or (lambda event: None), fresh
    ).run()


@dataclass(slots=True, eq=False)
class _Active:
    """A run in progress. A run has one task at a time."""

    identity: RunIdentity
    requests: deque[RunRequest]
    """The requests that the run does not satisfy yet."""
    fresh: bool
    state: RunState
    leased: bool = False
    waited: bool = False
    """True if the run had to wait for another process."""
    current_task: Task | None = None
    """The task that the executor has; None if it has none."""
    history: list[EpochRecord] = field(default_factory=list)
    """The run's epochs, in case the store is lost."""
    failures: int = 0
    trained: int = 0

    def run_in_memory(self) -> Run:
        """Return the run from the epochs in memory, without its model."""
        return Run(
            config=self.identity.config,
            backend=self.identity.backend,
            fused=self.identity.fused,
            parameters=self.identity.parameters,
            history=tuple(self.history),
            settings=self.identity.settings,
            key=self.identity.key,
        )

    def lose_lease(self) -> None:
        """Note that another process has leased the run, or has removed it."""
        self.leased = False
        self.failures = 0
        self.state = RunState()


class Engine:
    """One call of `execute`, with the same arguments."""

    def __init__(
        self,
        planner: Planner,
        store: Store,
        executor: Executor,
        identify: Callable[[RunConfig], RunIdentity],
        load: Callable[[RunConfig], Dataset],
        observer: Observer,
        fresh: bool,
    ) -> None:
        self._planner = planner
        self._store = store
        self._executor = executor
        self._identify = identify
        self._load = load
        self._notify = observer
        self._fresh = fresh
        self._active: dict[RunConfig, _Active] = {}
        self._begun_anew: set[RunConfig] = set()
        self._elsewhere: list[_Active] = []
        """The runs that other processes have leased."""
        self._submitted = 0

    def run(self) -> None:
        """Train all runs. Raises the errors of `execute`."""
        try:
            while self._take_requests():
                self._wait()
                self._retry_elsewhere()
        except StoreLostError as error:
            error.unfinished = {
                config: active.run_in_memory()
                for config, active in self._active.items()
                if active.history
            }
            raise
        finally:
            for active in self._active.values():
                if active.leased:
                    self._store.release(active.identity)

    def _take_requests(self) -> bool:
        """Take requests from the planner while the executor is free.

        Returns:
            False if all runs are trained.
        """
        while self._executor.free() and (request := self._planner.ask()) is not None:
            self._notify(RunStarted(request))
            if request.config in self._active:
                self._active[request.config].requests.append(request)
            else:
                identity = self._identify(request.config)
                fresh = self._fresh and request.config not in self._begun_anew
                state = RunState() if fresh else self._store.state(identity)
                active = _Active(identity, deque([request]), fresh, state)
                self._begun_anew.add(request.config)
                self._active[request.config] = active
                self._advance(active)
        busy = not self._active and not self._executor.free()
        done = self._planner.done
        if not (self._active or done or busy):
            raise RuntimeError("The planner waits, but nothing is being trained.")
        return bool(self._active) or (busy and not done)

    def _wait(self) -> None:
        """Wait for a result, or for other processes that may have released a run."""
        if self._submitted:
            result = self._executor.result(
                SECONDS_BETWEEN_LOOKS if self._elsewhere else None
            )
            # The executor may still have tasks of an earlier, interrupted call.
            if result is not None and self._is_ours(result):
                self._submitted -= 1
                self._receive(result)
        elif self._elsewhere:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        else:
            self._executor.result()

    def _is_ours(self, result: TaskResult | TaskFailed) -> bool:
        active = self._active.get(result.task.config)
        return active is not None and active.current_task == result.task

    def _retry_elsewhere(self) -> None:
        """Try again to lease the runs of other processes, and read their new epochs."""
        elsewhere, self._elsewhere = self._elsewhere, []
        for active in elsewhere:
            if not active.fresh:
                active.state = self._store.state(active.identity)
            self._advance(active)

    def _receive(self, result: TaskResult | TaskFailed) -> None:
        active = self._active[result.task.config]
        active.current_task = None
        if isinstance(result, TaskFailed):
            self._receive_failure(active, result)
            return
        first = result.records[0].epoch
        if first != active.state.epochs + 1:
            raise RuntimeError(
                f"A task began with epoch {first} of a run that has {active.state.epochs} "
                "epochs."
            )
        active.history += result.records
        if not self._store.append(
            active.identity,
            result.records,
            result.checkpoints,
            metric=result.task.target.metric,
            environment=result.environment,
            fresh=active.fresh,
        ):
            active.lose_lease()
            self._advance(active)
            return
        active.failures = 0
        active.trained += len(result.records)
        active.state = RunState(
            (*active.state.history, *map(val_figures, result.records)),
            result.diverged,
            result.checkpoint_bytes,
        )
        for record in result.records:
            self._notify(EpochFinished(active.requests[0], record, result.place))
        self._advance(active)

    def _receive_failure(self, active: _Active, failed: TaskFailed) -> None:
        if failed.error is not None:
            raise failed.error
        active.failures += 1
        again = not failed.final and active.failures < MAX_TRIES
        event = TaskRetried if again else RunFailed
        self._notify(event(active.requests[0], failed.reason, active.failures))
        if again:
            self._advance(active)
            return
        if not self._store.fail(active.identity, failed.reason, fresh=active.fresh):
            active.lose_lease()
            self._advance(active)
            return
        run = self._store.run(active.identity, fresh=active.fresh)
        if run is None:  # another process removed it
            active.lose_lease()
            self._advance(active)
            return
        while active.requests:
            self._report(active, active.requests.popleft(), run)
        self._end(active)

    def _advance(self, active: _Active) -> None:
        """Report the requests that a run satisfies, and submit its next task.

        If the run cannot be leased now, it is tried again later.
        """
        self._report_satisfied(active)
        if active.requests and not active.leased:
            if not (self._executor.free() and self._acquire(active)):
                self._elsewhere.append(active)
                return
            self._report_satisfied(active)
        if not active.requests:
            self._end(active)
            return
        active.current_task = Task(
            active.identity,
            target := active.requests[0].target,
            active.state.values(target.metric),
            active.state.checkpoint_bytes,
        )
        self._submitted += 1
        self._executor.submit(active.current_task, self._load(active.identity.config))

    def _acquire(self, active: _Active) -> bool:
        active.leased = self._store.acquire(active.identity)
        if not active.leased:
            if not active.waited:
                holder = self._store.holder(active.identity)
                self._notify(RunWaits(active.requests[0], holder))
            active.waited = True
        elif active.fresh and self._store.state(active.identity).epochs:
            self._store.begin_anew(active.identity)
            active.state = RunState()
            active.history = []
        else:
            active.fresh = False  # no stored run has to be kept meanwhile
            active.state = self._store.resume(active.identity)
            run = self._store.run(active.identity) if active.state.epochs else None
            active.history = [] if run is None else [*run.history]
            for file in active.state.damaged:
                self._notify(
                    CheckpointDamaged(active.requests[0], file, active.state.epochs)
                )
        return active.leased

    def _report_satisfied(self, active: _Active) -> None:
        if not (active.requests and active.state.satisfies(active.requests[0].target)):
            return
        if active.fresh:
            if not self._store.replace(active.identity):
                active.lose_lease()
                return
            active.fresh = False
        run = self._store.run(active.identity)
        if run is None or run.epochs < active.state.epochs:  # another process changed it
            active.lose_lease()
            return
        while active.requests and active.state.satisfies(active.requests[0].target):
            request = active.requests.popleft()
            self._report(active, request, run.within(request.target))

    def _report(self, active: _Active, request: RunRequest, run: Run) -> None:
        self._notify(RunFinished(request, run, active.trained))
        active.trained = 0
        self._planner.tell(request, run)

    def _end(self, active: _Active) -> None:
        if active.leased:
            self._store.release(active.identity)
        del self._active[active.identity.config]
