"""What executors cost, and how many workers the engine can serve. Run by `make bench`.

- 60 short runs of one compiled model, one at a time, in this process, in a worker process and on
  a local Ray, all warm and in turn: seconds a run, and what each task costs beside
  training it.
- The engine and its store with made-up tasks of two seconds, on 8 to 1,000 workers that
  do nothing but wait: how busy they are kept, and so how many one engine can serve.

    python tests/benchmarks/executors.py [--backend jax] [--repeats 3]
"""

import argparse
import heapq
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

RUNS = 60
WORKERS = (8, 32, 100, 250, 500, 1000)
TASK = 2.0
TASKS_A_RUN = 4


def seconds_a_run(executor, *, first_seed, runs):
    """Of runs that are all one compiled model, with other seeds."""
    from kmlp import RunConfig
    from kmlp.engine import RunRequest, Target, execute
    from kmlp.model.run_data import dataset_of
    from kmlp.store import Store
    from kmlp.studies.runner import ListPlanner
    from kmlp.training.identity import identify

    configs = [
        RunConfig(train_size=4992, depth=1, seed=first_seed + n) for n in range(runs)
    ]
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        started = time.perf_counter()
        execute(
            ListPlanner(RunRequest(config, Target(1)) for config in configs),
            store=store,
            executor=executor,
            identify=partial(identify, fused=True),
            load=dataset_of,
        )
        return (time.perf_counter() - started) / runs


def compare(repeats):
    """Milliseconds a run by executor: one figure a repeat."""
    from kmlp.executors import InProcessExecutor, ProcessExecutor, RayExecutor

    times = {"in this process": [], "a worker process": [], "Ray, local": []}
    with ExitStack() as stack:
        executors = [
            InProcessExecutor(),
            stack.enter_context(ProcessExecutor(1)),
            stack.enter_context(RayExecutor(jobs=1)),
        ]
        for repeat in range(repeats):
            for name, executor in zip(times, executors, strict=True):
                # It starts, and compiles: Ray's worker is given back when it is idle.
                seconds_a_run(executor, first_seed=10_000, runs=3)
                found = seconds_a_run(executor, first_seed=RUNS * repeat, runs=RUNS)
                times[name].append(1000 * found)
    return times


class Waiting:
    """An executor whose tasks take their time, and come to what a run could."""

    def __init__(self, workers, seconds):
        import numpy as np

        from kmlp.training.run import FIGURES, EpochRecord

        self._workers, self._seconds = workers, seconds
        self._due = []
        self._archive = np.random.default_rng(0).bytes(430_000)  # of the default model
        self._record = partial(
            EpochRecord,
            seconds=seconds,
            step_losses=np.zeros(782, np.float32),
            **dict.fromkeys(FIGURES, 0.5),
        )
        self._made = 0

    def free(self):
        return self._workers - len(self._due)

    def submit(self, task, dataset):
        self._made += 1
        heapq.heappush(self._due, (time.perf_counter() + self._seconds, self._made, task))

    def result(self, timeout=None):
        from kmlp.engine import TaskResult

        due, _, task = heapq.heappop(self._due)
        time.sleep(max(0.0, due - time.perf_counter()))
        record = self._record(epoch=task.epochs + 1)
        return TaskResult(task, (record,), {record.epoch: self._archive})


def serve(workers, seconds_a_task=TASK):
    """Tasks a second that the engine serves, and the share of time workers are busy."""
    from kmlp import RunConfig
    from kmlp.engine import RunRequest, Target, execute
    from kmlp.store import Store
    from kmlp.studies.runner import ListPlanner
    from kmlp.training.identity import RunIdentity

    runs = 2 * workers
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        started = time.perf_counter()
        execute(
            ListPlanner(
                RunRequest(RunConfig(seed=n), Target(TASKS_A_RUN)) for n in range(runs)
            ),
            store=store,
            executor=Waiting(workers, seconds_a_task),
            load=lambda config: None,
            identify=lambda config: RunIdentity(
                f"{config.seed:064}", config, "jax", True, 1
            ),
        )
        seconds = time.perf_counter() - started
    tasks = runs * TASKS_A_RUN
    return tasks / seconds, tasks * seconds_a_task / (workers * seconds)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", default="jax")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    os.environ["KERAS_BACKEND"] = options.backend
    console = Console(width=100)
    table = Table(
        f"{options.backend}, {RUNS} runs", "ms a run", "more than in this process"
    )
    times = compare(options.repeats)
    here = times["in this process"]
    for name, found in times.items():
        more = statistics.median(a - b for a, b in zip(found, here, strict=True))
        table.add_row(name, f"{statistics.median(found):.0f}", f"{more:.0f} ms")
    console.print(table)
    table = Table("workers", "tasks a second", "workers busy")
    for workers in WORKERS:
        print(f"{workers} workers", file=sys.stderr)
        rate, busy = serve(workers)
        table.add_row(str(workers), f"{rate:.0f}", f"{100 * busy:.0f} %")
    rate, _ = serve(WORKERS[-1], seconds_a_task=0)
    console.print(table)
    console.print(
        f"tasks that take no time: {rate:.0f} a second, as many as {TASK * rate:.0f} "
        f"workers do."
    )


if __name__ == "__main__":
    main()
