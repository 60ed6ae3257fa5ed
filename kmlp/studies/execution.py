"""The options of everything that trains: where and how, and where runs are kept."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, get_args

from loky import cpu_count

from kmlp import backend
from kmlp.engine import Executor, Observer
from kmlp.errors import ConfigError, unknown_name
from kmlp.executors import InProcessExecutor, ProcessExecutor, RayExecutor
from kmlp.store import Store, runs_folder
from kmlp.studies import kinds
from kmlp.training.checks import MAX_COUNT, check_count
from kmlp.training.environment import describe_environment

RunsDir = str | os.PathLike[str] | None
ExecutorName = Literal["local", "ray"]
EXECUTORS = get_args(ExecutorName)


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """Where and how runs are trained, and where they are kept.

    `train`, `ablate` and other functions take these options as keywords. None of them but
    `fused` makes a difference to the results, on equal processors.

    Args:
        fused: Whether an epoch is one compiled program (see `kmlp.fit`). Otherwise Keras
            calls each step, which is slower. Defaults to True.
        observer: A function that is called with each event as it happens. Defaults to None.
        executor: What trains: "local", this machine; "ray", a Ray cluster (see
            `kmlp.RayExecutor`); or an executor, such as a `kmlp.FuturesExecutor`, or any
            object with the methods of `kmlp.engine.Executor`. An executor that is given
            stays open. Defaults to "local".
        jobs: The most runs that are trained at a time, each in a process of its own and
            with one thread; 1: one after the other in this process. Defaults to None: the
            number of cores, and 1 where an accelerator trains them; on Ray, as many as the
            cluster has room for.
        runs_dir: The folder that keeps the runs; ":memory:" keeps nothing. What the folder
            has is not trained again. Defaults to None: KMLP_RUNS_DIR, else `kmlp_runs`.
        fresh: Whether to train every run from its beginning, in the place of what the
            folder has. Defaults to False.
    """

    fused: bool = True
    observer: Observer | None = None
    executor: ExecutorName | Executor = "local"
    jobs: int | None = None
    runs_dir: RunsDir = None
    fresh: bool = False

    def open_store(self) -> Store:
        """The store in the runs folder, to be written to.

        Raises:
            StoreError: if the folder cannot be used.
        """
        return Store(
            runs_folder(self.runs_dir),
            environment=describe_environment(),
            check_study=kinds.spec_problem,
        )

    def open_executor(self, *, runs: int) -> AbstractContextManager[Executor]:
        """The executor, as a context in which it is open.

        Args:
            runs: The number of runs to be trained, or an upper bound.

        Raises:
            ConfigError: if it is not an executor, or takes no `jobs`.
            ClusterError: if it is "ray", and Ray is not installed.
        """
        executor, jobs = self.executor, self.jobs
        if isinstance(executor, str):
            if executor not in EXECUTORS:
                raise ConfigError([unknown_name("executor", executor, EXECUTORS)])
            if executor == "ray":
                most = min(runs, MAX_COUNT["jobs"])
                return RayExecutor(jobs=most if jobs is None else jobs)
            jobs = _default_jobs(runs) if jobs is None else check_count("jobs", jobs)
            # A backend that has many threads here has one in a process of its own.
            here = jobs == 1 and (backend.one_thread() or backend.accelerated())
            return nullcontext(InProcessExecutor()) if here else ProcessExecutor(jobs)
        if isinstance(executor, type) or not isinstance(executor, Executor):
            raise ConfigError(
                [
                    f"The executor is {executor!r}, but must be {' or '.join(EXECUTORS)}, "
                    "or have the methods free, submit and result."
                ]
            )
        if jobs is not None:
            raise ConfigError(
                [
                    "`jobs` has no effect where an executor is given: give it to the "
                    "executor."
                ]
            )
        return nullcontext(executor)


def _default_jobs(runs: int) -> int:
    """As many runs at a time as there are cores; one where an accelerator trains them."""
    return 1 if backend.accelerated() else max(1, min(cpu_count(), runs))
