"""`Execution`: the options of training, such as the executor and the runs folder."""

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
    """The options of training: executor, parallel jobs, runs folder and others.

    `train`, `ablate` and other functions take these options as keywords. On equal
    processors, only `fused` changes the results.

    Args:
        fused: True to run an epoch as one compiled program (see `kmlp.fit`). False to let
            Keras call each step, which is slower. Defaults to True.
        observer: A function that is called with each event as it happens. Defaults to None.
        executor: The trainer of the runs: "local" for this machine, "ray" for a Ray cluster
            (see `kmlp.RayExecutor`), or an executor, such as a `kmlp.FuturesExecutor` or
            any object with the methods of `kmlp.engine.Executor`. An executor object stays
            open. Defaults to "local".
        jobs: The largest number of runs that are trained at the same time, each in a
            process of its own with one thread. With 1, runs are trained one after the other
            in this process. Defaults to None: the number of cores, or 1 if an accelerator
            trains the runs; on Ray, as many as the cluster has room for.
        runs_dir: The folder that keeps the runs; ":memory:" keeps nothing. Epochs that the
            folder has are not trained again. Defaults to None: KMLP_RUNS_DIR, else
            `kmlp_runs`.
        fresh: True to train every run from its beginning and replace the runs of the
            folder. Defaults to False.
    """

    fused: bool = True
    observer: Observer | None = None
    executor: ExecutorName | Executor = "local"
    jobs: int | None = None
    runs_dir: RunsDir = None
    fresh: bool = False

    def open_store(self) -> Store:
        """Open the store in the runs folder for writing.

        Raises:
            StoreError: if the folder cannot be used.
        """
        return Store(
            runs_folder(self.runs_dir),
            environment=describe_environment(),
            check_study=kinds.spec_problem,
        )

    def open_executor(self, *, runs: int) -> AbstractContextManager[Executor]:
        """Return the executor as a context manager, which opens and closes it.

        Args:
            runs: The number of runs to train, or an upper bound.

        Raises:
            ConfigError: if the option is not an executor, or if `jobs` is given with an
                executor object.
            ClusterError: if the executor is "ray", and Ray is not installed.
        """
        executor, jobs = self.executor, self.jobs
        if isinstance(executor, str):
            if executor not in EXECUTORS:
                raise ConfigError([unknown_name("executor", executor, EXECUTORS)])
            if executor == "ray":
                most = min(runs, MAX_COUNT["jobs"])
                return RayExecutor(jobs=most if jobs is None else jobs)
            jobs = _default_jobs(runs) if jobs is None else check_count("jobs", jobs)
            # A backend with many threads in this process has one in a process of its own.
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
                    "`jobs` has no effect if an executor is given. Give `jobs` to the "
                    "executor."
                ]
            )
        return nullcontext(executor)


def _default_jobs(runs: int) -> int:
    """Return the number of cores, at most `runs`; 1 if an accelerator trains the runs."""
    return 1 if backend.accelerated() else max(1, min(cpu_count(), runs))
