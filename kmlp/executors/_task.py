"""Running a task, in whichever process."""

from __future__ import annotations

import errno
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
from kmlp.model.config import dataset_of
from kmlp.settings import Settings, read_settings
from kmlp.training import Session
from kmlp.training.checkpoint import CheckpointCodec
from kmlp.training.environment import describe_machine
from kmlp.training.run import EpochRecord, RunIdentity, identify

if TYPE_CHECKING:
    from kmlp.training.fused import CompiledModelCache

SECONDS = 2.0
"""The time after which a task ends with its epoch."""

_NO_MORE = (errno.EMFILE, errno.ENFILE, errno.EAGAIN)

MAX_COMPILED = 16
"""The number of models that a worker compiles before it is replaced: backends keep some of
the memory of programs that are gone (TensorFlow 3 MiB for each)."""


class Worker:
    """Keeps the last session, so that a run's next task goes on without a reload.

    Args:
        seconds: The time after which a task ends with its epoch. Defaults to 2.
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
        """The number of models that it has compiled."""
        models = self._compiled_models
        return 0 if models is None else models.compiled_count

    def run(self, task: Task, dataset: Dataset | None) -> TaskResult | TaskFailed:
        """Train a task; an error in training becomes a `TaskFailed`.

        Args:
            task: The task.
            dataset: The dataset that its configuration names; None: it is loaded.
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
            self._session = None  # no one knows how far it came
            raise

    def _train(self, task: Task, dataset: Dataset | None) -> TaskResult:
        session, codec = self._session_for(task, dataset)
        started = time.monotonic()
        records: list[EpochRecord] = []
        while session.epochs < task.target:
            records.append(session.train_epoch())
            if not records[-1].finite or time.monotonic() - started >= self._seconds:
                break
        diverged = not records[-1].finite
        self._checkpoint_bytes = None if diverged else codec.dump(session.checkpoint())
        if diverged or session.epochs == task.target:
            self._close()
        return TaskResult(task, tuple(records), self._checkpoint_bytes)

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

            # Programs that are compiled under other settings would come to other numbers.
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
    """The error; a `ResourceError` where it says that no file or thread may be opened."""
    refused = refusal(error)
    if isinstance(error, KmlpError) or refused is None or refused[0] not in _NO_MORE:
        return error
    _, said, mend = refused
    return ResourceError(f"{said}. To go on, {mend}. What was trained is stored.")


@cache
def _worker_here() -> Worker:
    return Worker()


_one_at_a_time = threading.Lock()


def run_task(task: Task, dataset: Dataset | None = None) -> TaskResult | TaskFailed:
    """Run a task with the worker of this process, as executors of your own do elsewhere.

    Tasks of one process run one after the other, whatever its threads.

    Args:
        task: The task.
        dataset: The dataset that its configuration names. Defaults to None: this process
            loads it by its name.

    Returns:
        The result, with what is to be noted of the machine.
    """
    with _one_at_a_time:
        done = _worker_here().run(task, dataset)
    if isinstance(done, TaskFailed):
        return done
    return replace(done, environment=describe_machine())


def _check_settings(run: RunIdentity) -> None:
    """Raises `ConfigError` if this process is set otherwise than the run states."""
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
            f"The run is not the same on {platform.node()}, which is set otherwise than "
            f"the engine: {'; '.join(texts)}. Set both alike, by variables, before Python "
            "starts."
        ]
    )


def _check_threads() -> None:
    """Raises `ConfigError` if the backend splits its sums by a number of threads."""
    if not (backend.one_thread() or backend.accelerated()):
        raise ConfigError(
            [
                f"{backend.select()} was in use before kmlp loaded it, so it computes with "
                "several threads, and a run would come to other numbers. Train in worker "
                "processes, as `kmlp.ProcessExecutor(1)` does, or do `from kmlp import "
                "backend; backend.load()` first."
            ]
        )


def _check_same(run: RunIdentity, dataset: Dataset) -> None:
    """Raises `KmlpError` if what this process has would come to other numbers."""
    here = identify(run.config, fused=run.fused, settings=run.settings, dataset=dataset)
    if here.key != run.key:
        raise ConfigError(
            [
                f"The run is not the same on {platform.node()}: its dataset, a function "
                "of your own, the backend or kmlp differs there from where the engine is."
            ]
        )
