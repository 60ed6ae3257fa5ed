"""A Ray cluster as the helper process sees it."""

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
"""Timeout for the version report of a node."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A node that is alive."""

    id: str
    host: str
    address: str
    cpus: float
    gpus: float
    memory: float
    """Bytes for processes."""
    object_store: float
    """Bytes for what travels."""

    def to_dict(self) -> dict[str, Any]:
        """Its fields."""
        return asdict(self)


def connect(address: str | None, runtime_env: dict[str, Any] | None, folder: Path) -> None:
    """Connects this process to a cluster, or to a Ray of its own on this machine.

    Args:
        address: Of the cluster, or of none: see `is_local`.
        runtime_env: What Ray is to install for the workers.
        folder: An empty one, that nobody else can write into. It becomes the current
            folder, from which Ray has workers import before all else; and a Ray of its
            own keeps there what it writes.

    Raises:
        ClusterError: if there is none, or it refuses.
        ConfigError: if the runtime environment is none.
    """
    cloudpickle.register_pickle_by_value(_on_node)
    runtime_env = {name: _absolute(name, it) for name, it in (runtime_env or {}).items()}
    _check_runtime_env(runtime_env)
    os.chdir(folder)
    options: dict[str, Any] = {"runtime_env": runtime_env or None}
    if is_local(address):
        options |= {
            "num_cpus": cpu_count(),
            "include_dashboard": False,
            "_temp_dir": str(folder / "session"),  # which Ray lets everybody write into
        }
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            **options,
        )
    except Exception as error:  # of many kinds
        reason = _last_line(error)[:500]
        raise ClusterError(
            f"There is no connection to {address or 'a local Ray'} "
            f"({type(error).__name__}: {reason}).{HINT}"
        ) from error


def _absolute(name: str, value: Any) -> Any:
    """What a field of the runtime environment says, with files and folders by paths that
    do not depend on the current folder.
    """
    if name == "py_modules" and isinstance(value, list):
        return [_absolute("", it) for it in value]
    if name in ("", "working_dir", "pip", "uv", "conda") and isinstance(value, str):
        path = Path(value)
        is_name = name == "conda" and path.suffix not in (".yaml", ".yml")
        return value if is_name or not path.exists() else str(path.absolute())
    return value


def _check_runtime_env(runtime_env: dict[str, Any]) -> None:
    """Raises `ConfigError` if Ray does not take it, or does not know what it names."""
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
    """The nodes that are alive, the head first."""
    found = [
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
    return sorted(found, key=lambda node: node.address)


def capacity(
    nodes: Iterable[Node], resources: Resources, without: Collection[str] = ()
) -> int:
    """The number of runs that fit on the nodes, without those left out."""
    return sum(resources.fits(it.cpus, it.gpus) for it in nodes if it.id not in without)


def check_placement(nodes: list[Node], resources: Resources) -> None:
    """Raises `ConfigError` if no node that is there can ever hold a run."""
    if capacity(nodes, resources):
        return
    has = "; ".join(f"{it.host}: {it.cpus:g} CPUs, {it.gpus:g} GPUs" for it in nodes)
    raise ConfigError(
        [
            f"A run is to have {resources.text()}, but no node of the cluster has as much "
            f"({has}). Give `cpus_per_run` or `gpus_per_run` less. If the cluster starts "
            "such nodes when they are needed, give `wait=True`."
        ]
    )


def describe_nodes(nodes: Iterable[Node], backend: str) -> dict[str, dict[str, Any]]:
    """The version report of each node that answers in time, by the node's id."""
    ask = ray.remote(_on_node.describe_node)
    asked = {
        ask.options(
            num_cpus=0,
            max_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
        ).remote(backend): node.id
        for node in nodes
    }
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=SECONDS_FOR_A_NODE)
    found = {}
    for answer in answered:
        try:
            found[asked[answer]] = ray.get(answer)
        except ray.exceptions.RuntimeEnvSetupError as error:
            raise ClusterError(
                f"The runtime environment cannot be set up: {_last_line(error)}"
            ) from error
        except ray.exceptions.RayError:  # it has left meanwhile
            continue
    return found


def mismatch(found: dict[str, Any], wanted: dict[str, str]) -> str | None:
    """How the Python of a node differs from this one; None if it does not.

    Args:
        found: What `describe_node` says.
        wanted: Versions, by package.

    Example:
    >>> node = {"host": "b", "python": "/bin/python", "versions": {"kmlp": "0.0.9"}}
    >>> mismatch(node, {"kmlp": "0.1.0"})
    'b (/bin/python): kmlp 0.0.9 instead of 0.1.0'
    """
    versions = found["versions"]
    lacking = versions.get("kmlp", "").startswith("missing")
    parts = [
        f"{name} {versions.get(name, 'missing')} instead of {version}"
        for name, version in wanted.items()
        if versions.get(name) != version and not (lacking and name == "numerics")
    ]
    return f"{found['host']} ({found['python']}): {', '.join(parts)}" if parts else None


def _last_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
