"""The engine with made-up planners and executors: nothing is trained."""

import math
import os
from collections import deque
from contextlib import nullcontext
from dataclasses import replace

import pytest
from helpers.made_up import made_up_record
from helpers.stores import take_away

from kmlp import RunConfig, engine
from kmlp.engine import (
    CheckpointDamaged,
    EpochFinished,
    RunFailed,
    RunFinished,
    RunRequest,
    RunWaits,
    Target,
    Task,
    TaskFailed,
    TaskResult,
    TaskRetried,
)
from kmlp.errors import ResourceError, StoreLostError
from kmlp.store import Store
from kmlp.training.identity import RunIdentity

pytestmark = pytest.mark.once


class Planner:
    """Returns the given requests (None: wait), and keeps their results."""

    def __init__(self, *steps):
        self.steps = deque(steps)
        self.results = []

    @property
    def done(self):
        return not self.steps

    def ask(self):
        return self.steps.popleft() if self.steps else None

    def tell(self, request, run):
        self.results.append((request, run))


class Executor:
    """A made-up executor: one epoch for each task, several tasks at once, last in, first out."""

    def __init__(self, capacity=1, diverges=()):
        self.capacity = capacity
        self.diverges = diverges
        self.tasks = []
        self.done = []

    def free(self):
        return self.capacity - len(self.tasks)

    def submit(self, task, dataset):
        assert self.free()
        self.tasks.append(task)

    def result(self, timeout=None):
        task = self.tasks.pop()
        epoch = task.epochs + 1
        self.done.append((task.config, epoch))
        diverged = task.config in self.diverges
        return TaskResult(
            task=task,
            records=(made_up_record(epoch, math.nan if diverged else epoch / 10),),
            checkpoints={}
            if diverged
            else {epoch: f"{task.config.seed}, {epoch}".encode()},
        )


class Peaking(Executor):
    """The same executor for runs whose third epoch is the best."""

    def result(self, timeout=None):
        result = super().result(timeout)
        epoch = result.records[0].epoch
        records = (made_up_record(epoch, (3 - abs(3 - epoch)) / 10),)
        return replace(result, records=records)


class FirstInFirstOut(Executor):
    """The same executor, but first in, first out."""

    def result(self, timeout=None):
        self.tasks.append(self.tasks.pop(0))
        return super().result(timeout)


A, B = RunConfig(seed=1), RunConfig(seed=2)


def identify(config):
    return RunIdentity(f"{config.seed:064x}", config, "none", True, 1)


def execute(planner, *, store=None, **options):
    with nullcontext(store) if store is not None else Store(None) as used:
        engine.execute(
            planner, store=used, identify=identify, load=lambda config: None, **options
        )


@pytest.fixture
def store():
    with Store(None) as opened:
        yield opened


def test_tasks_follow_each_other_until_the_request_is_met():
    planner, executor, events = Planner(RunRequest(A, Target(3))), Executor(), []
    execute(planner, executor=executor, observer=events.append)
    assert executor.done == [(A, 1), (A, 2), (A, 3)]
    [(request, run)] = planner.results
    assert request == RunRequest(A, Target(3))
    assert (run.epochs, run.status, run.test_accuracy) == (3, "finished", 0.3)
    assert [type(event) for event in events[1:]] == [EpochFinished] * 3 + [RunFinished]


def test_stored_epochs_are_not_trained_again(store):
    execute(Planner(RunRequest(A, Target(2))), store=store, executor=Executor())
    again, executor = Planner(RunRequest(A, Target(2))), Executor()
    execute(again, store=store, executor=executor)
    assert executor.done == []
    assert again.results[0][1].epochs == 2


def test_a_longer_request_advances_the_same_run(store):
    executor = Executor()
    planner = Planner(RunRequest(A, Target(1)), RunRequest(A, Target(3)))
    execute(planner, store=store, executor=executor)
    assert executor.done == [(A, 1), (A, 2), (A, 3)]
    assert [run.epochs for _, run in planner.results] == [1, 3]


def test_a_diverged_run_ends_its_request_and_no_other():
    planner = Planner(RunRequest(A, Target(5)), RunRequest(B, Target(2)))
    executor = Executor(diverges={A})
    execute(planner, executor=executor)
    assert executor.done == [(A, 1), (B, 1), (B, 2)]
    assert [(run.status, run.epochs) for _, run in planner.results] == [
        ("diverged", 1), ("finished", 2),
    ]  # fmt: skip


def test_an_executor_with_room_gets_several_runs():
    executor = Executor(capacity=2)
    planner = Planner(RunRequest(A, Target(1)), RunRequest(B, Target(1)))
    execute(planner, executor=executor)
    assert executor.done == [(B, 1), (A, 1)]
    assert len(planner.results) == 2


def test_a_planner_that_waits_is_asked_again_after_a_report():
    planner = Planner(RunRequest(A, Target(1)), None, RunRequest(B, Target(1)))
    executor = Executor(capacity=2)
    execute(planner, executor=executor)
    assert executor.done == [(A, 1), (B, 1)]


def test_a_planner_that_waits_without_a_run_in_progress_is_an_error():
    with pytest.raises(RuntimeError, match="waits"):
        execute(Planner(None, RunRequest(A, Target(1))), executor=Executor())


def test_a_patience_ends_a_run_and_its_stored_epochs_decide(store):
    planner, executor = Planner(RunRequest(A, Target(9, patience=2))), Peaking()
    execute(planner, store=store, executor=executor)
    assert [epoch for _, epoch in executor.done] == [1, 2, 3, 4, 5]
    planner = Planner(
        RunRequest(A, Target(99, patience=2)),  # it stopped: nothing is trained
        RunRequest(A, Target(9, patience=1)),
        RunRequest(A, Target(6, patience=3)),
        RunRequest(A, Target(9, patience=2)),
    )
    execute(planner, store=store, executor=executor)
    assert [epoch for _, epoch in executor.done] == [1, 2, 3, 4, 5, 6]
    assert [run.epochs for _, run in planner.results] == [5, 4, 6, 5]
    assert [run.outcome.epoch for _, run in planner.results] == [3, 3, 3, 3]


def test_a_run_that_is_killed_continues_up_to_its_patience(store):
    execute(Planner(RunRequest(A, Target(4))), store=store, executor=Peaking())
    executor = Peaking()
    execute(Planner(RunRequest(A, Target(9, patience=2))), store=store, executor=executor)
    assert [epoch for _, epoch in executor.done] == [5]


@pytest.mark.parametrize("capacity", [1, 2])
def test_a_run_that_is_requested_twice_at_once_is_trained_once(capacity):
    planner = Planner(
        RunRequest(A, Target(1)), RunRequest(A, Target(3)), RunRequest(A, Target(2))
    )
    executor = Executor(capacity=capacity)
    execute(planner, executor=executor)
    assert executor.done == [(A, 1), (A, 2), (A, 3)]
    assert [(request.target.epochs, run.epochs) for request, run in planner.results] == [
        (1, 1),
        (3, 3),
        (2, 2),
    ]


def test_a_run_that_is_further_than_asked_is_reported_as_it_was(store):
    execute(Planner(RunRequest(A, Target(3))), store=store, executor=Executor())
    again = Planner(RunRequest(A, Target(1)))
    execute(again, store=store, executor=Executor())
    [(_, run)] = again.results
    assert (run.epochs, run.test_accuracy, run.checkpoint_bytes) == (1, 0.1, None)


def test_a_task_that_does_not_continue_its_run_is_refused():
    class Confused(Executor):
        def result(self, timeout=None):
            result = super().result()
            return replace(result, records=(made_up_record(7, 0.5),))

    with pytest.raises(RuntimeError, match=r"epoch 7.* 0"):
        execute(Planner(RunRequest(A, Target(1))), executor=Confused())


class Failing(Executor):
    """Fails a given number of times for each run."""

    def __init__(self, failures, final=False, **options):
        super().__init__(**options)
        self.failures = dict(failures)
        self.final = final

    def result(self, timeout=None):
        config = self.tasks[-1].config
        if self.failures.get(config, 0):
            self.failures[config] -= 1
            return TaskFailed(self.tasks.pop(), "out of luck", final=self.final)
        return super().result()


def test_a_failed_task_is_tried_again_from_the_same_epoch(store):
    events, executor = [], Failing({A: 2})
    execute(Planner(RunRequest(A, Target(1))), store=store, executor=executor)
    executor.failures = {A: 2}
    execute(
        Planner(RunRequest(A, Target(3))),
        store=store,
        executor=executor,
        observer=events.append,
    )
    assert executor.done == [(A, 1), (A, 2), (A, 3)]
    lost = [event for event in events if isinstance(event, TaskRetried)]
    assert [(event.reason, event.tries) for event in lost] == [
        ("out of luck", 1),
        ("out of luck", 2),
    ]
    assert store.run(identify(A)).status == "finished"


def test_a_run_fails_after_three_tries_and_the_others_continue(store):
    planner, events = Planner(RunRequest(A, Target(2)), RunRequest(B, Target(1))), []
    executor = Failing({A: 3})
    execute(planner, store=store, executor=executor, observer=events.append)
    lost = [event for event in events if isinstance(event, TaskRetried | RunFailed)]
    assert [(type(event), event.tries) for event in lost] == [
        (TaskRetried, 1), (TaskRetried, 2), (RunFailed, 3),
    ]  # fmt: skip
    assert [(run.status, run.failure) for _, run in planner.results] == [
        ("failed", "out of luck"), ("finished", None),
    ]  # fmt: skip
    again = Planner(RunRequest(A, Target(2)))
    execute(again, store=store, executor=Executor())
    assert [run.status for _, run in again.results] == ["finished"]


def test_tries_count_from_the_last_epoch_that_was_trained():
    class EveryOther(Executor):
        turn = 0

        def result(self, timeout=None):
            self.turn += 1
            return TaskFailed(self.tasks.pop(), "no") if self.turn % 2 else super().result()

    planner = Planner(RunRequest(A, Target(5)))
    execute(planner, executor=EveryOther())
    assert [(run.epochs, run.status) for _, run in planner.results] == [(5, "finished")]


def test_a_final_failure_is_not_tried_again():
    planner, executor = Planner(RunRequest(A, Target(2))), Failing({A: 9}, final=True)
    execute(planner, executor=executor)
    assert executor.failures[A] == 8
    assert [run.status for _, run in planner.results] == ["failed"]


def test_an_error_that_concerns_all_runs_ends_the_study(store):
    """The leases are returned, and trained epochs are stored."""

    class Full(Executor):
        def result(self, timeout=None):
            if len(self.done) < 2:
                return super().result()
            error = ResourceError("/tmp is full")
            return TaskFailed(self.tasks.pop(), "full", error=error)

    events = []
    with pytest.raises(ResourceError, match="/tmp is full"):
        execute(
            Planner(RunRequest(A, Target(3)), RunRequest(B, Target(1))),
            store=store, executor=Full(), observer=events.append,
        )  # fmt: skip
    assert not [event for event in events if isinstance(event, TaskRetried | RunFailed)]
    assert store.run(identify(A)).epochs == 2
    assert store.run(identify(B)) is None
    planner = Planner(RunRequest(A, Target(3)), RunRequest(B, Target(1)))
    execute(planner, store=store, executor=Executor())
    assert [run.status for _, run in planner.results] == ["finished"] * 2


def test_a_run_that_failed_later_satisfies_shorter_requests(store):
    execute(Planner(RunRequest(A, Target(2))), store=store, executor=Executor())
    execute(Planner(RunRequest(A, Target(5))), store=store, executor=Failing({A: 3}))
    planner = Planner(RunRequest(A, Target(2)))
    execute(planner, store=store, executor=Failing({A: 3}))
    assert [(run.status, run.epochs) for _, run in planner.results] == [("finished", 2)]


def test_a_fresh_run_leaves_the_stored_one_until_it_is_complete(store):
    execute(Planner(RunRequest(A, Target(2))), store=store, executor=Executor())
    seen = []

    class Looking(Executor):
        def result(self, timeout=None):
            run = store.run(identify(A))
            seen.append((run.epochs, run.checkpoint_bytes()))
            return super().result()

    executor, planner, events = Looking(), Planner(RunRequest(A, Target(3))), []
    execute(planner, store=store, executor=executor, fresh=True, observer=events.append)
    assert executor.done == [(A, 1), (A, 2), (A, 3)]
    assert seen == [(2, b"1, 2")] * 3
    assert store.run(identify(A)).epochs == 3
    assert [event.trained for event in events if isinstance(event, RunFinished)] == [3]


def test_a_fresh_run_that_fails_leaves_the_old_one(store):
    execute(Planner(RunRequest(A, Target(2))), store=store, executor=Executor())
    planner = Planner(RunRequest(A, Target(2)))
    execute(planner, store=store, executor=Failing({A: 3}), fresh=True)
    assert [run.status for _, run in planner.results] == ["failed"]
    run = store.run(identify(A))
    assert (run.epochs, run.status) == (2, "finished")


def test_the_failure_of_a_fresh_run_is_stored_if_no_run_was_stored(store):
    planner = Planner(RunRequest(A, Target(2)))
    execute(planner, store=store, executor=Failing({A: 3}), fresh=True)
    assert store.run(identify(A)).failure == "out of luck"


def test_the_event_of_a_finished_run_counts_the_trained_epochs(store):
    execute(Planner(RunRequest(A, Target(2))), store=store, executor=Executor())
    events = []
    planner = Planner(
        RunRequest(A, Target(1)), RunRequest(A, Target(3)), RunRequest(B, Target(1))
    )
    execute(planner, store=store, executor=Executor(), observer=events.append)
    assert [event.trained for event in events if isinstance(event, RunFinished)] == [
        0,
        1,
        1,
    ]


@pytest.fixture
def quickly(monkeypatch):
    monkeypatch.setattr("kmlp.engine._loop.SECONDS_BETWEEN_LOOKS", 0.01)


def test_a_run_that_another_process_trains_is_waited_for(tmp_path, quickly):
    """Other runs are trained meanwhile, and the epochs of the other process are used."""
    events, done = [], []
    with Store(tmp_path) as ours, Store(tmp_path) as theirs:
        assert theirs.acquire(identify(A))

        def observer(event):
            events.append(type(event))
            if isinstance(event, RunFinished):
                done.append(event.run.config)
            if isinstance(event, RunFinished) and event.run.config == B:
                theirs_does_it(theirs)

        planner, executor = (
            Planner(RunRequest(A, Target(1)), RunRequest(B, Target(1))),
            Executor(),
        )
        execute(planner, store=ours, executor=executor, observer=observer)
        assert executor.done == [(B, 1)]
        assert done == [B, A]
        assert events.count(RunWaits) == 1


def theirs_does_it(store):
    store.append(identify(A), (made_up_record(1, 0.5),), {1: b""}, fresh=False)
    store.release(identify(A))


def test_a_run_whose_lease_was_lost_is_left_to_the_other_process(tmp_path, quickly):
    """A lease expires, for example, while its process is stopped for long."""
    with Store(tmp_path) as ours, Store(tmp_path) as theirs:

        class Stopped(Executor):
            def result(self, timeout=None):
                if not self.done:
                    theirs.connection.execute("UPDATE leases SET pid = 4194304")
                    assert theirs.acquire(identify(A))
                    theirs_does_it(theirs)
                return super().result()

        planner, executor = Planner(RunRequest(A, Target(2))), Stopped()
        execute(planner, store=ours, executor=executor)
        assert executor.done == [(A, 1), (A, 2)]
        assert [run.epochs for _, run in planner.results] == [2]
        assert ours.run(identify(A)).history[-1].val_accuracy == 0.2


def test_leases_are_returned_after_any_error(tmp_path):
    class Broken(Executor):
        def result(self, timeout=None):
            raise KeyboardInterrupt

    with Store(tmp_path) as ours, Store(tmp_path) as theirs:
        with pytest.raises(KeyboardInterrupt):
            execute(Planner(RunRequest(A, Target(1))), store=ours, executor=Broken())
        assert theirs.acquire(identify(A))


class Shared(Executor):
    """Changes the store before it returns the result of a task."""

    def __init__(self, then, *, after, **options):
        super().__init__(**options)
        self.then, self.after = then, after

    def result(self, timeout=None):
        if len(self.done) == self.after:
            self.then()
        return super().result(timeout)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("before", [0, 2])
def test_the_error_of_a_lost_store_has_the_runs_in_progress(tmp_path, before, fresh):
    """All of their epochs: those from before, those that were stored, and the last ones."""
    with Store(tmp_path / "runs") as store:
        if before:
            execute(
                Planner(RunRequest(A, Target(before))), store=store, executor=Executor()
            )
        first = 1 if fresh else before + 1
        executor = Shared(lambda: take_away(store.folder), after=2)
        with pytest.raises(StoreLostError) as caught:
            execute(
                Planner(RunRequest(A, Target(9))),
                store=store,
                executor=executor,
                fresh=fresh,
            )
    assert executor.done == [(A, first), (A, first + 1), (A, first + 2)]
    [run] = caught.value.unfinished.values()
    assert run.config == A
    assert [record.epoch for record in run.history] == [*range(1, first + 3)]
    assert run.key == identify(A).key


def test_the_error_of_a_lost_store_has_no_run_without_epochs(tmp_path):
    with Store(tmp_path / "runs") as store:
        executor = Shared(lambda: take_away(store.folder), after=0, capacity=2)
        with pytest.raises(StoreLostError) as caught:
            execute(
                Planner(RunRequest(A, Target(9)), RunRequest(B, Target(9))),
                store=store,
                executor=executor,
            )
    assert [*caught.value.unfinished] == [B]  # the last one in is the first one out


@pytest.mark.parametrize("reported", [False, True])
def test_a_run_that_was_removed_since_is_trained_again(tmp_path, quickly, reported):
    """It may also be removed between its last task and its report."""
    with Store(tmp_path) as ours, Store(tmp_path) as theirs:

        def remove():
            theirs.connection.execute("DELETE FROM leases")
            theirs.connection.execute("DELETE FROM runs")

        if reported:
            append = ours.append

            def removed_then(*arguments, **options):
                stored = append(*arguments, **options)
                ours.append = append
                remove()
                return stored

            ours.append = removed_then
        planner = Planner(RunRequest(A, Target(1)))
        executor = Shared(lambda: None if reported else remove(), after=0)
        execute(planner, store=ours, executor=executor)
        assert executor.done == [(A, 1), (A, 1)]
        assert [run.epochs for _, run in planner.results] == [1]


def test_the_process_that_a_run_waits_for_is_named(tmp_path, quickly):
    events = []
    with Store(tmp_path) as ours, Store(tmp_path) as theirs:
        assert theirs.acquire(identify(A))

        def observer(event):
            events.append(event)
            if isinstance(event, RunWaits):
                theirs_does_it(theirs)

        execute(
            Planner(RunRequest(A, Target(1))),
            store=ours,
            executor=Executor(),
            observer=observer,
        )
    [waits] = [event for event in events if isinstance(event, RunWaits)]
    assert waits.holder.startswith(f"process {os.getpid()} on ")


def test_damage_is_reported_with_the_epochs_that_are_left(store):
    execute(Planner(RunRequest(A, Target(2))), store=store, executor=Executor())
    for path in (store.folder / "checkpoints").iterdir():
        path.unlink()
    events, executor = [], Executor()
    execute(
        Planner(RunRequest(A, Target(3))),
        store=store,
        executor=executor,
        observer=events.append,
    )
    damaged = [event for event in events if isinstance(event, CheckpointDamaged)]
    assert [event.epochs for event in damaged] == [0, 0]
    assert executor.done == [(A, 1), (A, 2), (A, 3)]


@pytest.mark.parametrize("capacity", [1, 2])
def test_tasks_of_an_interrupted_call_are_ignored(capacity):
    """An executor that stays open still has these tasks."""
    executor = Executor(capacity)
    for seed in range(capacity):
        executor.submit(Task(identify(RunConfig(seed=7 + seed)), Target(5)), None)
    planner = Planner(RunRequest(A, Target(2)), RunRequest(B, Target(1)))
    execute(planner, executor=executor)
    assert [(request.config, run.epochs) for request, run in planner.results] in (
        [(A, 2), (B, 1)],
        [(B, 1), (A, 2)],
    )
    left = FirstInFirstOut(2)
    left.submit(Task(identify(A), Target(5), (0.1,) * 4, b"other"), None)  # of the same run
    planner = Planner(RunRequest(A, Target(2)))
    execute(planner, executor=left)
    assert [run.epochs for _, run in planner.results] == [2]
