"""A machine, and the nodes of a cluster."""

from typing import Annotated, Any, NotRequired, TypedDict


class NodeJson(TypedDict):
    """One node of a Ray cluster."""

    id: Annotated[str, "Ray's name of the node."]
    host: Annotated[str, "The machine's name."]
    address: Annotated[str, "Its address."]
    cpus: Annotated[float, "The CPUs that Ray may use."]
    gpus: Annotated[float, "The GPUs that Ray may use."]
    memory: Annotated[float, "Bytes for processes."]
    object_store: Annotated[float, "Bytes for Ray's object store."]
    versions: NotRequired[Annotated[dict[str, Any], "The packages of its Python."]]


class MachineJson(TypedDict):
    """`kmlp info`."""

    python: Annotated[str, "The version of Python."]
    platform: Annotated[str, "The operating system."]
    cores: Annotated[int | None, "The number of cores."]
    versions: Annotated[dict[str, str | None], "Package versions; null if not installed."]
    backends: Annotated[list[str], "The backends that are installed."]
    backend: Annotated[str | None, "The backend that is chosen, or null."]
    devices: Annotated[list[str], "The devices of that backend."]
    settings: Annotated[
        dict[str, str], "Settings of the backend that differ from the default."
    ]
    cluster: NotRequired[Annotated[list[NodeJson], "With `--ray-address`: every node."]]
