"""Training of a task, in any process."""

from __future__ import annotations

import errno
import math
import platform
import threading
import time
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from kmlp import backend
from kmlp._util.processes import refusal
from kmlp.data import Dataset
from kmlp.engine import Task, TaskFailed, TaskResult
from kmlp.errors import BackendError, ConfigError, KmlpError, ResourceError
from kmlp.model.run_data import dataset_of
from kmlp.settings import Settings, read_settings
from kmlp.training import Session
from kmlp.training.checkpoint import CheckpointCodec
from kmlp.training.environment import describe_machine
from kmlp.training.identity import RunIdentity, identify
from kmlp.training.run import EpochRecord

if TYPE_CHECKING:
    from kmlp.training.fused import CompiledModelCache

SECONDS = 2.0
"""The time after which a task ends, at the end of an epoch, in seconds."""

_LIMITS = (errno.EMFILE, errno.ENFILE, errno.EAGAIN)
"""The system's errors for too many open files, threads or processes."""

MAX_COMPILED = 16
"""The number of models that a worker process compiles before it is replaced. Backends do
not free all memory of compiled programs (TensorFlow keeps 3 MiB for each)."""


class Worker:
    """A worker that trains tasks. It keeps its last session for the next task of the run.

    Args:
        seconds: The time after which a task ends, at the end of an epoch. Defaults to 2.
    """

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._compiled_models: CompiledModelCache | None = None
        self._settings: Settings = {}
        self._session: Session | None = None
        self._run: RunIdentity | None = None
        self._codec: CheckpointCodec | None = None
        self._checkpoint_bytes: bytes | None = None

    @property
    def compiled_count(self) -> int:
        """The number of models that the worker has compiled."""
        models = self._compiled_models
        return 0 if models is None else models.compiled_count

    def run(self, task: Task, dataset: Dataset | None) -> TaskResult | TaskFailed:
        """Train a task. An error in training is returned as a `TaskFailed`.

        Args:
            task: The task.
            dataset: The dataset that the task's configuration names. None: the worker loads
                the dataset.
        """
        try:
            return self._train(task, dataset)
        except Exception as error:  # a model may fail in any way
            self._session = None
            error = _of_machine(error)
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            return TaskFailed(
                task,
                reason[:500],
                final=isinstance(error, KmlpError),
                error=error if isinstance(error, BackendError | ResourceError) else None,
            )
        except BaseException:
            self._session = None  # its state is unknown
            raise

    def _train(self, task: Task, dataset: Dataset | None) -> TaskResult:
        session, codec = self._session_for(task, dataset)
        started = time.monotonic()
        records: list[EpochRecord] = []
        values, kept, metric = [*task.val_values], {}, task.target.metric
        while task.target.end(values) is None:
            records.append(session.train_epoch())
            value = records[-1].value(metric)
            known = [it for it in values if math.isfinite(it)]
            if not known or metric.is_better(value, metric.best(known)):
                kept = {session.epochs: session.checkpoint()}
            values.append(value)
            if not records[-1].finite or time.monotonic() - started >= self._seconds:
                break
        diverged = not records[-1].finite
        if diverged:
            kept = {}
        elif session.epochs not in kept:
            kept[session.epochs] = session.checkpoint()
        if diverged or task.target.end(values) is not None:
            self._close()
        # A copy of weights takes less than a millisecond, a file takes thirty.
        checkpoints = {epoch: codec.dump(each) for epoch, each in kept.items()}
        self._checkpoint_bytes = checkpoints.get(records[-1].epoch)
        return TaskResult(task, tuple(records), checkpoints)

    def _session_for(
        self, task: Task, dataset: Dataset | None
    ) -> tuple[Session, CheckpointCodec]:
        _check_settings(task.run)
        session, codec = self._session, self._codec
        if (
            session is not None
            and codec is not None
            and self._run == task.run
            and session.epochs == task.epochs
            and self._checkpoint_bytes == task.checkpoint_bytes
        ):
            return session, codec
        self._close()
        if dataset is None:
            dataset = dataset_of(task.config)
        _check_same(task.run, dataset)
        settings = dict(task.run.settings)
        if self._compiled_models is None or self._settings != settings:
            backend.start()
            _check_threads()
            from kmlp.training.fused import CompiledModelCache

            # Programs that were compiled with other settings would compute other numbers.
            self._compiled_models, self._settings = CompiledModelCache(), settings
        self._codec = CheckpointCodec(task.config, dataset)
        self._session = Session(
            task.config,
            dataset,
            None
            if task.checkpoint_bytes is None
            else self._codec.load(task.epochs, task.checkpoint_bytes),
            compiled_models=self._compiled_models,
            fused=task.run.fused,
        )
        self._run = task.run
        return self._session, self._codec

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None


def _of_machine(error: Exception) -> Exception:
    """Return the error, or a `ResourceError` if files or threads were refused."""
    refused = refusal(error)
    if isinstance(error, KmlpError) or refused is None or refused[0] not in _LIMITS:
        return error
    _, text, remedy = refused
    return ResourceError(f"{text}. To continue, {remedy}. Trained epochs are stored.")


@cache
def _worker_here() -> Worker:
    return Worker()


_one_at_a_time = threading.Lock()


def run_task(task: Task, dataset: Dataset | None = None) -> TaskResult | TaskFailed:
    """Train a task with the worker of this process, for executors of your own.

    Tasks in the same process run one after the other, even if several threads call this
    function.

    Args:
        task: The task.
        dataset: The dataset that the task's configuration names. Defaults to None: this
            process loads the dataset by its name.

    Returns:
        The result, with the environment of this machine.
    """
    with _one_at_a_time:
        done = _worker_here().run(task, dataset)
    if isinstance(done, TaskFailed):
        return done
    return replace(done, environment=describe_machine())


def _check_settings(run: RunIdentity) -> None:
    """Raise `ConfigError` if the settings of this process differ from those of the run."""
    backend.select(run.backend)
    here = read_settings(run.backend)
    if here == run.settings:
        return
    names = sorted({**here, **run.settings})
    texts = (
        f"{name} is {here.get(name, 'not set')}, not {run.settings.get(name, 'set')}"
        for name in names
        if here.get(name) != run.settings.get(name)
    )
    raise ConfigError(
        [
            f"The run is not the same on {platform.node()}, whose settings differ from "
            f"those of the engine: {'; '.join(texts)}. Give both the same settings, by "
            "variables, before Python starts."
        ]
    )


def _check_threads() -> None:
    """Raise `ConfigError` if the results of the backend depend on its number of threads."""
    if not (backend.one_thread() or backend.accelerated()):
        raise ConfigError(
            [
                f"{backend.select()} was in use before kmlp loaded it, so it computes with "
                "several threads, and a run would have other numbers. Train in worker "
                "processes, as `kmlp.ProcessExecutor(1)` does, or do `from kmlp import "
                "backend; backend.load()` first."
            ]
        )


def _check_same(run: RunIdentity, dataset: Dataset) -> None:
    """Raise `ConfigError` if the run would have other numbers in this process."""
    here = identify(run.config, fused=run.fused, settings=run.settings, dataset=dataset)
    if here.key != run.key:
        raise ConfigError(
            [
                f"The run is not the same on {platform.node()}: the dataset, a custom "
                "function, the backend or kmlp differs there from that of the engine."
            ]
        )
