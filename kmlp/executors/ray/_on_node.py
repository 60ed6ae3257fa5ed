"""What runs on the nodes. It is sent there by value: a node that lacks kmlp, or has
another one, is to say so. So nothing of kmlp is imported until that is known.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kmlp.data import Dataset
    from kmlp.engine import Task
    from kmlp.executors._datasets import DatasetKey

COMPARED = ("kmlp", "numerics", "keras")
"""What has to be the same on every node, beside the backend's version."""


def describe_node(backend: str) -> dict[str, Any]:
    """Who a node is, and what its Python has.

    Returns:
        `node`, Ray's id of it; `host`; `python`, the path of it; `versions`, by package.
    """
    import ray

    return {
        "node": ray.get_runtime_context().get_node_id(),
        "host": platform.node(),
        "python": sys.executable,
        "versions": describe_versions(backend),
    }


def describe_versions(backend: str) -> dict[str, str]:
    """The versions of what a run's numbers depend on; what is not there says so."""
    found = {"python": platform.python_version()}
    try:
        from kmlp.training.run import NUMERICS_VERSION

        found["kmlp"] = importlib.import_module("kmlp").__version__
        found["numerics"] = str(NUMERICS_VERSION)
    except Exception as error:  # a kmlp that is not whole may fail in any way
        found["kmlp"] = f"missing ({type(error).__name__}: {error})"
    for package in ("keras", backend):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


class NodeWorker:
    """Runs tasks one after the other, in a process of its own."""

    def start(self, wanted: dict[str, str], setup: dict[str, Any]) -> dict[str, Any]:
        """Makes ready, if this Python has what is wanted.

        Args:
            wanted: Versions, by package.
            setup: `backend`; `environment`, variables to set; `custom`, the packed custom
                functions or None; `folder`, that of modules that the user named, or None;
                `seconds` of a task.

        Returns:
            What `describe_node` does.
        """
        os.environ.update(setup["environment"])
        os.environ["KERAS_BACKEND"] = setup["backend"]
        found = describe_node(setup["backend"])
        if any(found["versions"].get(it) != wanted[it] for it in wanted):
            return found
        from kmlp import backend
        from kmlp.executors._custom_code import register_custom
        from kmlp.executors._task import Worker

        if setup["folder"] is not None:
            sys.path.append(setup["folder"])
        backend.select(setup["backend"])
        if setup["custom"] is not None:
            register_custom(setup["custom"])
        self._worker = Worker(seconds=setup["seconds"])
        self._datasets: dict[DatasetKey, Dataset] = {}
        self._told: dict[str, Any] | None = None
        return found

    def run(
        self, task: Task, key: DatasetKey, dataset: list[Any]
    ) -> tuple[dict[str, Any], int]:
        """Runs a task.

        Args:
            task: The task.
            key: The key of its dataset.
            dataset: The reference to its dataset, in a list so that Ray does not fetch it
                each time.

        Returns:
            The fields of its `TaskResult` or its `TaskFailed` but for the task
            itself; the number of models that were compiled.
        """
        import ray

        from kmlp.engine import TaskResult

        if key not in self._datasets:
            self._datasets[key] = ray.get(dataset[0])
        done = self._worker.run(task, self._datasets[key])
        count = self._worker.compiled_count
        if isinstance(done, TaskResult):
            return {
                "records": done.records,
                "checkpoint_bytes": done.checkpoint_bytes,
                "environment": self._environment(),
            }, count
        error = done.error and type(done.error)(f"{platform.node()}: {done.error}")
        return {"reason": done.reason, "final": done.final, "error": error}, count

    def _environment(self) -> dict[str, Any]:
        if self._told is None:
            import ray

            from kmlp.training.environment import describe_machine

            environment = describe_machine()
            gpus = ray.get_gpu_ids()
            if gpus and environment["device"] != "cpu":
                environment["device"] = f"gpu:{gpus[0]}"
            self._told = {
                **environment,
                "address": ray.util.get_node_ip_address(),
            }
        return self._told
