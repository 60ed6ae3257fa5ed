"""The engine with made-up planners and executors: nothing is trained."""

import math
from collections import deque
from dataclasses import replace

import pytest
from made_up import made_up_record

from kmlp import RunConfig
from kmlp.engine import (
    Assignment,
    EpochFinished,
    Planned,
    RunFinished,
    SliceResult,
    execute,
)  # fmt: skip
from kmlp.run import Checkpoint
from kmlp.store import MemoryStore


class Planner:
    """Gives what it is told to give, and notes what is reported."""

    def __init__(self, *steps):
        self.steps = deque(steps)
        self.reports = []

    def next(self):
        return self.steps.popleft() if self.steps else Planned.DONE

    def report(self, assignment, run):
        self.reports.append((assignment, run))


class Executor:
    """Trains nothing: one epoch a slice, several slices at once, last in first out."""

    def __init__(self, capacity=1, diverges=()):
        self.capacity = capacity
        self.diverges = diverges
        self.slices = []
        self.done = []

    def free(self):
        return self.capacity - len(self.slices)

    def submit(self, slice_):
        assert self.free()
        self.slices.append(slice_)

    def result(self):
        slice_ = self.slices.pop()
        epoch = (slice_.checkpoint.epochs if slice_.checkpoint else 0) + 1
        self.done.append((slice_.config, epoch))
        diverged = slice_.config in self.diverges
        checkpoint = Checkpoint(epochs=epoch, weights=(), optimizer=())
        return SliceResult(
            slice=slice_,
            backend="none",
            parameters=1,
            records=(made_up_record(epoch, math.nan if diverged else epoch / 10),),
            checkpoint=None if diverged else checkpoint,
        )


A, B = RunConfig(seed=1), RunConfig(seed=2)


def test_slices_follow_each_other_until_the_assignment_is_met():
    planner, executor, events = Planner(Assignment(A, 3)), Executor(), []
    execute(planner, store=MemoryStore(), executor=executor, observer=events.append)
    assert executor.done == [(A, 1), (A, 2), (A, 3)]
    [(assignment, run)] = planner.reports
    assert assignment == Assignment(A, 3)
    assert (run.epochs, run.status, run.test_accuracy) == (3, "finished", 0.3)
    assert [type(event) for event in events[1:]] == [EpochFinished] * 3 + [RunFinished]


def test_what_the_store_has_is_not_trained_again():
    store = MemoryStore()
    execute(Planner(Assignment(A, 2)), store=store, executor=Executor())
    again, executor = Planner(Assignment(A, 2)), Executor()
    execute(again, store=store, executor=executor)
    assert executor.done == []
    assert again.reports[0][1].epochs == 2


def test_a_longer_assignment_advances_the_same_run():
    store, executor = MemoryStore(), Executor()
    planner = Planner(Assignment(A, 1), Assignment(A, 3))
    execute(planner, store=store, executor=executor)
    assert executor.done == [(A, 1), (A, 2), (A, 3)]
    assert [run.epochs for _, run in planner.reports] == [1, 3]


def test_a_diverged_run_ends_its_assignment_and_no_other():
    planner = Planner(Assignment(A, 5), Assignment(B, 2))
    executor = Executor(diverges={A})
    execute(planner, store=MemoryStore(), executor=executor)
    assert executor.done == [(A, 1), (B, 1), (B, 2)]
    assert [(run.status, run.epochs) for _, run in planner.reports] == [
        ("diverged", 1), ("finished", 2),
    ]  # fmt: skip


def test_an_executor_with_room_gets_several_runs():
    executor = Executor(capacity=2)
    planner = Planner(Assignment(A, 1), Assignment(B, 1))
    execute(planner, store=MemoryStore(), executor=executor)
    assert executor.done == [(B, 1), (A, 1)]
    assert len(planner.reports) == 2


def test_a_planner_that_waits_is_asked_again_after_a_report():
    planner = Planner(Assignment(A, 1), Planned.WAIT, Assignment(B, 1))
    executor = Executor(capacity=2)
    execute(planner, store=MemoryStore(), executor=executor)
    assert executor.done == [(A, 1), (B, 1)]


def test_waiting_for_nothing_is_a_fault_of_the_planner():
    with pytest.raises(RuntimeError, match="waits, but nothing is being trained"):
        execute(Planner(Planned.WAIT), store=MemoryStore(), executor=Executor())


@pytest.mark.parametrize("capacity", [1, 2])
def test_a_run_that_is_assigned_twice_at_once_is_trained_once(capacity):
    planner = Planner(Assignment(A, 1), Assignment(A, 3), Assignment(A, 2))
    executor = Executor(capacity=capacity)
    execute(planner, store=MemoryStore(), executor=executor)
    assert executor.done == [(A, 1), (A, 2), (A, 3)]
    assert [(it.epochs, run.epochs) for it, run in planner.reports] == [
        (1, 1),
        (3, 3),
        (2, 2),
    ]


def test_a_run_that_is_further_than_asked_is_reported_as_it_was():
    store = MemoryStore()
    execute(Planner(Assignment(A, 3)), store=store, executor=Executor())
    again = Planner(Assignment(A, 1))
    execute(again, store=store, executor=Executor())
    [(_, run)] = again.reports
    assert (run.epochs, run.test_accuracy, run.checkpoint) == (1, 0.1, None)


def test_a_slice_that_does_not_continue_its_run_is_refused():
    class Confused(Executor):
        def result(self):
            result = super().result()
            return replace(result, records=(made_up_record(7, 0.5),))

    with pytest.raises(RuntimeError, match="began with epoch 7 of a run that has 0"):
        execute(Planner(Assignment(A, 1)), store=MemoryStore(), executor=Confused())
