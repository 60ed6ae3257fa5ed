"""The code that runs on the nodes, which is sent there by value.

A node without kmlp, or with another version, must be able to report that. So this module
imports nothing of kmlp before the versions are compared.
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
"""The versions that must be the same on every node, besides that of the backend."""


def describe_node(backend: str) -> dict[str, Any]:
    """Return the version report of the node on which this function runs.

    Returns:
        `node`, its id in Ray; `host`; `python`, the path of the program; `versions`, by
        package.
    """
    import ray

    return {
        "node": ray.get_runtime_context().get_node_id(),
        "host": platform.node(),
        "python": sys.executable,
        "versions": describe_versions(backend),
    }


def describe_versions(backend: str) -> dict[str, str]:
    """Return the versions on which the numbers of a run depend, by package.

    The version of a package that is not installed begins with "missing".
    """
    versions = {"python": platform.python_version()}
    try:
        from kmlp.training.identity import NUMERICS_VERSION

        versions["kmlp"] = importlib.import_module("kmlp").__version__
        versions["numerics"] = str(NUMERICS_VERSION)
    except Exception as error:  # a damaged kmlp may raise any error
        versions["kmlp"] = f"missing ({type(error).__name__}: {error})"
    for package in ("keras", backend):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "missing"
    return versions


class NodeWorker:
    """A worker process on a node, which trains one task after the other."""

    def start(self, wanted: dict[str, str], setup: dict[str, Any]) -> dict[str, Any]:
        """Prepare for training, if this Python has the wanted versions.

        Args:
            wanted: The wanted versions, by package.
            setup: `backend`; `environment`, the variables to set; `custom`, the packed
                custom functions or None; `folder`, the folder of the user's modules or
                None; `seconds`, the time after which a task ends.

        Returns:
            The version report of the node, as `describe_node` returns it.
        """
        os.environ.update(setup["environment"])
        os.environ["KERAS_BACKEND"] = setup["backend"]
        report = describe_node(setup["backend"])
        versions = report["versions"]
        if any(versions.get(package) != wanted[package] for package in wanted):
            return report
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
        self._described: dict[str, Any] | None = None
        return report

    def run(
        self, task: Task, key: DatasetKey, dataset: list[Any]
    ) -> tuple[dict[str, Any], int]:
        """Run a task.

        Args:
            task: The task.
            key: The key of the task's dataset.
            dataset: A list with the reference to the dataset. Ray would fetch the dataset
                for every task if the reference were not in a list.

        Returns:
            The fields of the task's `TaskResult` or `TaskFailed`, except `task`; the number
            of models that the worker has compiled.
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
                "checkpoints": done.checkpoints,
                "environment": self._environment(),
            }, count
        error = done.error and type(done.error)(f"{platform.node()}: {done.error}")
        return {"reason": done.reason, "final": done.final, "error": error}, count

    def _environment(self) -> dict[str, Any]:
        if self._described is None:
            import ray

            from kmlp.training.environment import describe_machine

            environment = describe_machine()
            gpus = ray.get_gpu_ids()
            if gpus and environment["device"] != "cpu":
                environment["device"] = f"gpu:{gpus[0]}"
            self._described = {
                **environment,
                "address": ray.util.get_node_ip_address(),
            }
        return self._described
