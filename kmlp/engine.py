"""The engine: takes assignments from a planner, has them trained, stores results.

It is the only writer of the store. Planners decide and never train; executors
train and know no study. Resuming and extending are one thing here: look up what
a run already has, have the rest trained.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from kmlp.config import RunConfig
from kmlp.run import Checkpoint, EpochRecord, Run


@dataclass(frozen=True, slots=True)
class Assignment:
    """A run, and the number of epochs that it is to reach."""

    config: RunConfig
    epochs: int


class Planned(Enum):
    """What a planner says when it has no assignment."""

    WAIT = "wait"
    """Not before something more was reported."""
    DONE = "done"
    """There is nothing more to do."""


class Planner(Protocol):
    """Decides what is trained. Touches no model."""

    def next(self) -> Assignment | Planned:
        """The next assignment, or why there is none."""
        ...

    def report(self, assignment: Assignment, run: Run) -> None:
        """Hears what came of an assignment: the run as it was when it reached it, or
        as it diverged.
        """
        ...


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of an assignment that an executor does at a time."""

    config: RunConfig
    checkpoint: Checkpoint | None
    """Where to continue; None: at the beginning."""
    target: int
    """The epochs that the assignment asks for: a slice ends there at the latest."""


@dataclass(frozen=True, slots=True, eq=False)
class SliceResult:
    """What came of a slice: one epoch at least."""

    slice: Slice
    backend: str
    parameters: int
    """Number of weights and biases of the run's model."""
    records: tuple[EpochRecord, ...]
    checkpoint: Checkpoint | None
    """After the last record; None if the run diverged."""


class Executor(Protocol):
    """Does slices, here or elsewhere."""

    def free(self) -> int:
        """How many more slices it can take now."""
        ...

    def submit(self, slice_: Slice) -> None:
        """Takes a slice."""
        ...

    def result(self) -> SliceResult:
        """Waits for a slice that was submitted to be done."""
        ...


class Store(Protocol):
    """Remembers runs."""

    def get(self, config: RunConfig) -> Run | None:
        """The run of that configuration, as far as it has come."""
        ...

    def put(self, run: Run) -> None:
        """Keeps a run, in the place of a shorter one."""
        ...


@dataclass(frozen=True, slots=True)
class StudyStarted:
    """All is checked; training begins."""

    assignments: tuple[Assignment, ...]
    """What is known of it beforehand."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run is about to be trained."""

    assignment: Assignment


@dataclass(frozen=True, slots=True)
class EpochFinished:
    """A run has one epoch more."""

    assignment: Assignment
    record: EpochRecord


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run has reached its assignment, or diverged."""

    assignment: Assignment
    run: Run


Event = StudyStarted | RunStarted | EpochFinished | RunFinished
Observer = Callable[[Event], None]
"""Is told what happens, as it happens."""


def execute(
    planner: Planner,
    *,
    store: Store,
    executor: Executor,
    observer: Observer | None = None,
) -> None:
    """Does what the planner asks for, until it is done.

    Args:
        planner: Decides what is trained.
        store: Where runs are looked up first, and kept.
        executor: Trains.
        observer: Is told each event. Defaults to None.

    Raises:
        RuntimeError: if the planner waits while nothing is being trained.
    """
    tell = observer or (lambda event: None)
    # What each run in progress is to reach; it has one slice at a time.
    wanted: dict[RunConfig, deque[Assignment]] = {}

    def go_on(config: RunConfig) -> None:
        """Reports the assignments that a run meets; submits its next slice."""
        run = store.get(config)
        while run is not None and wanted[config] and _meets(run, wanted[config][0]):
            assignment = wanted[config].popleft()
            seen = run.until(assignment.epochs)
            tell(RunFinished(assignment, seen))
            planner.report(assignment, seen)
        if not wanted[config]:
            del wanted[config]
            return
        checkpoint = run.checkpoint if run is not None else None
        executor.submit(Slice(config, checkpoint, wanted[config][0].epochs))

    while True:
        planned: Assignment | Planned = Planned.WAIT
        while executor.free() and isinstance(planned := planner.next(), Assignment):
            tell(RunStarted(planned))
            if planned.config in wanted:
                wanted[planned.config].append(planned)
            else:
                wanted[planned.config] = deque([planned])
                go_on(planned.config)
        if not wanted:
            if planned is Planned.DONE:
                return
            raise RuntimeError("The planner waits, but nothing is being trained.")
        result = executor.result()
        config = result.slice.config
        store.put(_advanced(store.get(config), result))
        for record in result.records:
            tell(EpochFinished(wanted[config][0], record))
        go_on(config)


def _meets(run: Run, assignment: Assignment) -> bool:
    return run.status == "diverged" or run.epochs >= assignment.epochs


def _advanced(run: Run | None, result: SliceResult) -> Run:
    """The run with the epochs of a slice added."""
    history = run.history if run is not None else ()
    if result.records[0].epoch != len(history) + 1:
        raise RuntimeError(
            f"A slice began with epoch {result.records[0].epoch} of a run that has "
            f"{len(history)}."
        )
    return Run(
        config=result.slice.config,
        backend=result.backend,
        parameters=result.parameters,
        history=(*history, *result.records),
        checkpoint=result.checkpoint,
    )
