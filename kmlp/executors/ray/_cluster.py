"""The connection to a Ray cluster, and its nodes. Used in the helper process."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ray
from loky import cpu_count
from ray import cloudpickle
from ray.runtime_env import RuntimeEnv
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from kmlp.errors import ClusterError, ConfigError, raise_problems, unknown_name
from kmlp.executors.ray import _on_node
from kmlp.executors.ray._installation import HINT, is_local
from kmlp.executors.resources import Resources

SECONDS_FOR_A_NODE = 60.0
"""Timeout for the version report of a node, in seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A node of the cluster that is alive."""

    id: str
    host: str
    address: str
    cpus: float
    gpus: float
    memory: float
    """Memory for processes, in bytes."""
    object_store: float
    """Memory of the object store, which holds datasets, in bytes."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary."""
        return asdict(self)


def connect(address: str | None, runtime_env: dict[str, Any] | None, folder: Path) -> None:
    """Connect this process to a cluster, or to a new local Ray.

    Args:
        address: The address of the cluster, or one for which `is_local` is true.
        runtime_env: The packages and files that Ray must install for the workers.
        folder: An empty folder that nobody else can write to. It becomes the current
            folder, because Ray's workers import from the current folder first. A local Ray
            writes its files there.

    Raises:
        ClusterError: if the cluster cannot be reached, or refuses the connection.
        ConfigError: if the runtime environment is not valid.
    """
    cloudpickle.register_pickle_by_value(_on_node)
    runtime_env = {
        name: _absolute(name, value) for name, value in (runtime_env or {}).items()
    }
    _check_runtime_env(runtime_env)
    os.chdir(folder)
    options: dict[str, Any] = {"runtime_env": runtime_env or None}
    if is_local(address):
        options |= {
            "num_cpus": cpu_count(),
            "include_dashboard": False,
            "_temp_dir": str(folder / "session"),  # Ray lets all users write to it
        }
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            **options,
        )
    except Exception as error:  # Ray raises errors of many classes
        reason = _last_line(error)[:500]
        raise ClusterError(
            f"There is no connection to {address or 'a local Ray'} "
            f"({type(error).__name__}: {reason}).{HINT}"
        ) from error


def _absolute(name: str, value: Any) -> Any:
    """Return a value of the runtime environment with absolute paths.

    Args:
        name: The field of the runtime environment; empty for an element of `py_modules`.
        value: The value of the field.
    """
    if name == "py_modules" and isinstance(value, list):
        return [_absolute("", item) for item in value]
    if name in ("", "working_dir", "pip", "uv", "conda") and isinstance(value, str):
        path = Path(value)
        is_name = name == "conda" and path.suffix not in (".yaml", ".yml")
        return value if is_name or not path.exists() else str(path.absolute())
    return value


def _check_runtime_env(runtime_env: dict[str, Any]) -> None:
    """Raise `ConfigError` if the runtime environment has an unknown or invalid field."""
    known = RuntimeEnv.known_fields
    raise_problems(
        unknown_name("field of the runtime environment", name, known)
        for name in runtime_env
        if name not in known
    )
    try:
        RuntimeEnv(**runtime_env)
    except (TypeError, ValueError) as error:
        raise ConfigError([f"The runtime environment: {error}"]) from error


def living_nodes() -> list[Node]:
    """Return the nodes that are alive, in the order of their addresses."""
    nodes = [
        Node(
            id=node["NodeID"],
            host=node["NodeManagerHostname"],
            address=node["NodeManagerAddress"],
            cpus=node["Resources"].get("CPU", 0.0),
            gpus=node["Resources"].get("GPU", 0.0),
            memory=node["Resources"].get("memory", 0.0),
            object_store=node["Resources"].get("object_store_memory", 0.0),
        )
        for node in ray.nodes()
        if node["Alive"]
    ]
    return sorted(nodes, key=lambda node: node.address)


def capacity(
    nodes: Iterable[Node], resources: Resources, without: Collection[str] = ()
) -> int:
    """Return the number of runs that fit on the nodes at a time.

    Args:
        nodes: The nodes.
        resources: The resources of a run.
        without: The ids of nodes that do not count. Defaults to none.
    """
    return sum(
        resources.fits(node.cpus, node.gpus) for node in nodes if node.id not in without
    )


def check_placement(nodes: list[Node], resources: Resources) -> None:
    """Raise `ConfigError` if a run fits on none of the nodes."""
    if capacity(nodes, resources):
        return
    has = "; ".join(
        f"{node.host}: {node.cpus:g} CPUs, {node.gpus:g} GPUs" for node in nodes
    )
    raise ConfigError(
        [
            f"A run needs {resources.text()}, but no node of the cluster has as much "
            f"({has}). Choose a smaller `cpus_per_run` or `gpus_per_run`. If the cluster "
            "starts such nodes when they are needed, use `wait=True`."
        ]
    )


def describe_nodes(nodes: Iterable[Node], backend: str) -> dict[str, dict[str, Any]]:
    """Return the version report of each node that answers in time, by the node's id.

    Raises:
        ClusterError: if the runtime environment cannot be set up.
    """
    describe = ray.remote(_on_node.describe_node)
    requests = {
        describe.options(
            num_cpus=0,
            max_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
        ).remote(backend): node.id
        for node in nodes
    }
    done, _ = ray.wait(
        list(requests), num_returns=len(requests), timeout=SECONDS_FOR_A_NODE
    )
    reports = {}
    for request in done:
        try:
            reports[requests[request]] = ray.get(request)
        except ray.exceptions.RuntimeEnvSetupError as error:
            raise ClusterError(
                f"The runtime environment cannot be set up: {_last_line(error)}"
            ) from error
        except ray.exceptions.RayError:  # the node has left meanwhile
            continue
    return reports


def mismatch(report: dict[str, Any], wanted: dict[str, str]) -> str | None:
    """Return a text about the differing versions of a node; None if none differs.

    Args:
        report: The report of `describe_node`.
        wanted: The versions that the node must have, by package.

    Example:
    >>> node = {"host": "b", "python": "/bin/python", "versions": {"kmlp": "0.0.9"}}
    >>> mismatch(node, {"kmlp": "0.1.0"})
    'b (/bin/python): kmlp 0.0.9 instead of 0.1.0'
    """
    versions = report["versions"]
    lacking = versions.get("kmlp", "").startswith("missing")
    parts = [
        f"{name} {versions.get(name, 'missing')} instead of {version}"
        for name, version in wanted.items()
        if versions.get(name) != version and not (lacking and name == "numerics")
    ]
    return f"{report['host']} ({report['python']}): {', '.join(parts)}" if parts else None


def _last_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
