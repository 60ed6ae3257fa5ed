"""The engine itself: one loop over what is planned, trained and stored."""

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
from kmlp.training.run import EpochRecord, Run, RunIdentity, RunState

MAX_TRIES = 3
"""The number of times that a task is tried before its run has failed."""


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
    """Does what the planner asks for, until it is done.

    Args:
        planner: Decides what is trained.
        store: Where runs are looked up first, and kept.
        executor: Trains.
        identify: Gives the key under which a run is kept.
        load: Gives the dataset of a run.
        observer: Is told each event. Defaults to None.
        fresh: Whether every run is trained from its beginning, and takes the
            place of the one in the store once it is there. Defaults to False.

    Raises:
        KmlpError: what a failure of the executor's gives as its `error`.
        RuntimeError: if the planner waits while nothing is being trained.
    """
    Engine(
        planner, store, executor, identify, load, observer or (lambda event: None), fresh
    ).run()


@dataclass(slots=True, eq=False)
class _Active:
    """A run in progress; it has one task at a time."""

    identity: RunIdentity
    wanted: deque[RunRequest]
    fresh: bool
    state: RunState
    leased: bool = False
    waits: bool = False
    """Whether it had to wait for another process."""
    current_task: Task | None = None
    """The task that the executor has."""
    history: list[EpochRecord] = field(default_factory=list)
    """Its epochs, for when no store has them any more."""
    failures: int = 0
    trained: int = 0

    def as_far_as_it_came(self) -> Run:
        """The run without its model, made of what is in memory."""
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
        """Another process has taken the run over, or removed it."""
        self.leased = False
        self.failures = 0
        self.state = RunState()


class Engine:
    """One call of `execute`, which says what the arguments are."""

    def __init__(
        self,
        planner: Planner,
        store: Store,
        executor: Executor,
        identify: Callable[[RunConfig], RunIdentity],
        load: Callable[[RunConfig], Dataset],
        tell: Observer,
        fresh: bool,
    ) -> None:
        self._planner = planner
        self._store = store
        self._executor = executor
        self._identify = identify
        self._load = load
        self._tell = tell
        self._fresh = fresh
        self._active: dict[RunConfig, _Active] = {}
        self._begun_anew: set[RunConfig] = set()
        self._elsewhere: list[_Active] = []  # leased by another process
        self._submitted = 0

    def run(self) -> None:
        """Does it."""
        try:
            while self._take():
                self._wait()
                self._look_elsewhere()
        except StoreLostError as error:
            error.unfinished = {
                config: active.as_far_as_it_came()
                for config, active in self._active.items()
                if active.history
            }
            raise
        finally:
            for active in self._active.values():
                if active.leased:
                    self._store.release(active.identity)

    def _take(self) -> bool:
        """Takes what the planner has; returns False when all is done."""
        while self._executor.free() and (request := self._planner.ask()) is not None:
            self._tell(RunStarted(request))
            if request.config in self._active:
                self._active[request.config].wanted.append(request)
            else:
                identity = self._identify(request.config)
                fresh = self._fresh and request.config not in self._begun_anew
                state = RunState() if fresh else self._store.state(identity)
                active = _Active(identity, deque([request]), fresh, state)
                self._begun_anew.add(request.config)
                self._active[request.config] = active
                self._go_on(active)
        busy = not self._active and not self._executor.free()
        done = self._planner.done
        if not (self._active or done or busy):
            raise RuntimeError("The planner waits, but nothing is being trained.")
        return bool(self._active) or (busy and not done)

    def _wait(self) -> None:
        """Waits until there is something to do."""
        if self._submitted:
            result = self._executor.result(
                SECONDS_BETWEEN_LOOKS if self._elsewhere else None
            )
            # What an executor was given by somebody who was interrupted is not ours.
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

    def _look_elsewhere(self) -> None:
        """Sees what other processes have done, and whether they have let go."""
        looked_at, self._elsewhere = self._elsewhere, []
        for active in looked_at:
            if not active.fresh:
                active.state = self._store.state(active.identity)
            self._go_on(active)

    def _receive(self, result: TaskResult | TaskFailed) -> None:
        active = self._active[result.task.config]
        active.current_task = None
        if isinstance(result, TaskFailed):
            self._receive_failure(active, result)
            return
        first = result.records[0].epoch
        if first != active.state.epochs + 1:
            raise RuntimeError(
                f"A task began with epoch {first} of a run that has {active.state.epochs}."
            )
        active.history += result.records
        if not self._store.append(
            active.identity,
            result.records,
            result.checkpoint_bytes,
            environment=result.environment,
            fresh=active.fresh,
        ):
            active.lose_lease()
            self._go_on(active)
            return
        active.failures = 0
        active.trained += len(result.records)
        active.state = RunState(
            result.records[-1].epoch, result.diverged, result.checkpoint_bytes
        )
        for record in result.records:
            self._tell(EpochFinished(active.wanted[0], record, result.place))
        self._go_on(active)

    def _receive_failure(self, active: _Active, failed: TaskFailed) -> None:
        if failed.error is not None:
            raise failed.error
        active.failures += 1
        again = not failed.final and active.failures < MAX_TRIES
        event = TaskRetried if again else RunFailed
        self._tell(event(active.wanted[0], failed.reason, active.failures))
        if again:
            self._go_on(active)
            return
        if not self._store.fail(active.identity, failed.reason, fresh=active.fresh):
            active.lose_lease()
            self._go_on(active)
            return
        run = self._store.run(active.identity, fresh=active.fresh)
        if run is None:  # removed since
            active.lose_lease()
            self._go_on(active)
            return
        while active.wanted:
            self._report(active, active.wanted.popleft(), run)
        self._end(active)

    def _go_on(self, active: _Active) -> None:
        """Reports what a run meets; has its next task done, if it is ours to train."""
        self._report_satisfied(active)
        if active.wanted and not active.leased:
            if not (self._executor.free() and self._acquire(active)):
                self._elsewhere.append(active)
                return
            self._report_satisfied(active)
        if not active.wanted:
            self._end(active)
            return
        active.current_task = Task(
            active.identity,
            active.state.epochs,
            active.state.checkpoint_bytes,
            active.wanted[0].epochs,
        )
        self._submitted += 1
        self._executor.submit(active.current_task, self._load(active.identity.config))

    def _acquire(self, active: _Active) -> bool:
        active.leased = self._store.acquire(active.identity)
        if not active.leased:
            if not active.waits:
                holder = self._store.holder(active.identity)
                self._tell(RunWaits(active.wanted[0], holder))
            active.waits = True
        elif active.fresh and self._store.state(active.identity).epochs:
            self._store.begin_anew(active.identity)
            active.state = RunState()
            active.history = []
        else:
            active.fresh = False  # there is nothing to keep
            active.state = self._store.resume(active.identity)
            run = self._store.run(active.identity) if active.state.epochs else None
            active.history = [] if run is None else [*run.history]
            for file in active.state.damaged:
                self._tell(CheckpointDamaged(active.wanted[0], file, active.state.epochs))
        return active.leased

    def _report_satisfied(self, active: _Active) -> None:
        if not (active.wanted and active.state.satisfies(active.wanted[0].epochs)):
            return
        if active.fresh:
            if not self._store.replace(active.identity):
                active.lose_lease()
                return
            active.fresh = False
        run = self._store.run(active.identity)
        if run is None or run.epochs < active.state.epochs:  # removed or cut since
            active.lose_lease()
            return
        while active.wanted and active.state.satisfies(active.wanted[0].epochs):
            request = active.wanted.popleft()
            self._report(active, request, run.truncated(request.epochs))

    def _report(self, active: _Active, request: RunRequest, run: Run) -> None:
        self._tell(RunFinished(request, run, active.trained))
        active.trained = 0
        self._planner.tell(request, run)

    def _end(self, active: _Active) -> None:
        if active.leased:
            self._store.release(active.identity)
        del self._active[active.identity.config]
