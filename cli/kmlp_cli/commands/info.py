"""`kmlp info`: versions and devices of this machine, and of a cluster."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any

from kmlp_cli.options.execution import Backend, RayAddress
from kmlp_cli.options.output import Json

if TYPE_CHECKING:
    from rich.table import Table

_PACKAGES = ("kmlp", "keras", "numpy", "scipy", "tensorflow", "jax", "torch", "ray")


def info(
    backend: Backend = None, ray_address: RayAddress = None, as_json: Json = False
) -> None:
    """Show versions, backends, devices and cores.

    With --ray-address, show the nodes of a Ray cluster as well.
    """
    from kmlp import backend as backends
    from kmlp.errors import BackendError
    from kmlp.settings import differing_settings
    from kmlp_cli.terminal.output import print_json, print_table

    chosen = backends.select(backend) if backend or backends.installed() else None
    devices, failure = [], None
    try:
        devices = backends.devices() if chosen else []
    except BackendError as error:  # raised below, after everything else is shown
        failure = error
    machine: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "backends": list(backends.installed()),
        "backend": chosen,
        "devices": devices,
        "settings": differing_settings(chosen) if chosen else {},
    }
    if ray_address is not None:
        from kmlp.executors import RayExecutor

        machine["cluster"] = RayExecutor(ray_address).nodes()
    if as_json:
        print_json(machine)
    else:
        print_table(_machine_table(machine))
        if "cluster" in machine:
            print_table(_cluster_table(machine["cluster"]))
    if failure is not None:
        raise failure


def _machine_table(machine: dict[str, Any]) -> Table:
    from kmlp.settings import settings_text
    from kmlp_cli.render.rich_tables import plain_table

    table = plain_table("This machine")
    table.show_header = False
    for name, value in machine.items():
        if name == "versions":
            for package, version in value.items():
                table.add_row(package, version or "not installed")
        elif name == "settings":
            table.add_row(name, settings_text(value) or "default")
        elif name != "cluster":
            table.add_row(
                name, ", ".join(value) or "none" if isinstance(value, list) else str(value)
            )
    return table


def _cluster_table(nodes: list[dict[str, Any]]) -> Table:
    from kmlp_cli.render.rich_tables import plain_table

    table = plain_table(f"Ray cluster, nodes: {len(nodes)}")
    for header in (
        "node",
        "address",
        "CPUs",
        "GPUs",
        "memory GiB",
        "objects GiB",
        "packages",
    ):
        table.add_column(header)
    for node in nodes:
        versions = node.get("versions", {})
        table.add_row(
            node["host"],
            node["address"],
            f"{node['cpus']:g}",
            f"{node['gpus']:g}",
            f"{node['memory'] / 2**30:.1f}",
            f"{node['object_store'] / 2**30:.1f}",
            ", ".join(
                f"{name} {version}"
                for name, version in versions.items()
                if name != "numerics"
            )
            or "no answer",
        )
    return table


def _version(package: str) -> str | None:
    import importlib.metadata  # slow, and `kmlp --help` does not need it

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
