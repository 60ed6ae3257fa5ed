"""`kmlp info`: what this machine has."""

from __future__ import annotations

import os
import platform
from typing import Any

from kmlp_cli.options import Backend, Json

_PACKAGES = ("kmlp", "keras", "numpy", "scipy", "tensorflow", "jax", "torch")


def info(backend: Backend = None, as_json: Json = False) -> None:
    """Show versions, the backends found, devices and cores."""
    from kmlp import backend as backends
    from kmlp_cli.output import print_json, print_table

    chosen = backends.select(backend) if backend or backends.installed() else None
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "backends": list(backends.installed()),
        "backend": chosen,
        "devices": backends.devices() if chosen else [],
    }
    if as_json:
        print_json(found)
        return
    from rich.table import Table

    table = Table(show_header=False)
    for name, value in found.items():
        if name == "versions":
            for package, version in value.items():
                table.add_row(package, version or "not installed")
        else:
            table.add_row(
                name, ", ".join(value) or "none" if isinstance(value, list) else str(value)
            )
    print_table(table)


def _version(package: str) -> str | None:
    import importlib.metadata  # slow to import, and `--help` does not need it

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
