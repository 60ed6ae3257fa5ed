"""The functions that run in a worker process, and the state that they share."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from kmlp import backend
from kmlp._util.processes import exit_with_parent
from kmlp.engine import Task, TaskFailed, TaskResult
from kmlp.executors._custom_code import register_custom
from kmlp.executors._datasets import DatasetCache, DatasetKey, unpack_dataset
from kmlp.executors._task import Worker

STDERR = "stderr.txt"
"""The file, in a worker's temporary folder, with its messages while the backend starts."""

_worker: Worker | None = None
"""The worker of this process; None before `start`, and in other processes."""

_datasets = DatasetCache()
"""The datasets of this worker process. The process that sends tasks has the same keys."""


def prepare(parent: int) -> None:
    """Prepare a new worker process, before anything else runs in it.

    Args:
        parent: The process id of the process that started it.
    """
    exit_with_parent(parent)
    os.dup2(2, 1)  # stdout is for results
    sys.stdout = sys.stderr


def start(name: str, custom: bytes | None, seconds: float, folder: str | None) -> None:
    """Start the backend and create the worker.

    If the start ends the process, the file `STDERR` has the messages on stderr.

    Args:
        name: The backend.
        custom: The custom functions, as `pack_custom` packed them; None if there are none.
        seconds: The time after which a task ends, at the end of an epoch.
        folder: The worker's temporary folder; None if there is none.
    """
    global _worker
    backend.select(name)
    with stderr_in_file(folder):
        backend.start()
    if custom is not None:
        register_custom(custom)
    _worker = Worker(seconds=seconds)


@contextlib.contextmanager
def stderr_in_file(folder: str | None) -> Iterator[None]:
    """Redirect stderr to the file `STDERR`, which is deleted at the end of the block.

    Nothing is redirected without a folder, or with `KMLP_DEBUG=1`.

    Args:
        folder: The worker's temporary folder; None if there is none.
    """
    try:
        if folder is None or os.environ.get("KMLP_DEBUG") == "1":
            raise OSError
        path = Path(folder, STDERR)
        file = path.open("xb")
    except OSError:
        yield
        return
    saved = os.dup(2)
    with file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
    path.unlink(missing_ok=True)


def run(
    task: Task, key: DatasetKey, packed: bytes | None
) -> tuple[TaskResult | TaskFailed, int]:
    """Run a task.

    Args:
        task: The task.
        key: The key of its dataset, from `dataset_key`.
        packed: The packed dataset; None if this process has the dataset.

    Returns:
        The result, and the number of models that the worker has compiled.
    """
    assert _worker is not None
    if packed is not None:
        _datasets.put(key, unpack_dataset(packed))
    return _worker.run(task, _datasets[key]), _worker.compiled_count
