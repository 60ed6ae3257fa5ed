"""`kmlp info`: versions and devices of this machine, and of a cluster."""

from __future__ import annotations

import os
import platform
from typing import Annotated, Any

import typer

from kmlp_cli.options.execution import Backend
from kmlp_cli.options.output import Json

_PACKAGES = ("kmlp", "keras", "numpy", "scipy", "tensorflow", "jax", "torch", "ray")


def info(
    backend: Backend = None,
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Also show the nodes of this Ray cluster: auto, host:6379 or "
            "ray://host:10001.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show versions, backends, devices and cores."""
    from kmlp import backend as backends
    from kmlp.errors import BackendError
    from kmlp.settings import differing_settings
    from kmlp_cli.render.machine_tables import cluster_table, machine_table
    from kmlp_cli.render.printing import print_data
    from kmlp_cli.terminal.output import print_json

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
        print_data(machine_table(machine))
        if "cluster" in machine:
            print_data(cluster_table(machine["cluster"]))
    if failure is not None:
        raise failure


def _version(package: str) -> str | None:
    import importlib.metadata  # slow, and `kmlp --help` does not need it

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
