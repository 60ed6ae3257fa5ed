"""The tables of a machine and of the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kmlp.settings import settings_text
from kmlp.studies.table import Column, Row, Table


def machine_table(machine: dict[str, Any]) -> Table:
    """The versions, backends, devices and cores of a machine, with a row for each."""
    columns = (Column("", numeric=False), Column("", numeric=False, wraps=True))
    return Table(
        title="This machine", columns=columns, rows=tuple(map(Row, _facts(machine)))
    )


def _facts(machine: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in machine.items():
        if name == "versions":
            for package, version in value.items():
                yield package, version or "not installed"
        elif name == "settings":
            yield name, settings_text(value) or "default"
        elif name != "cluster":
            listed = ", ".join(value) or "none" if isinstance(value, list) else str(value)
            yield name, listed


def cluster_table(nodes: list[dict[str, Any]]) -> Table:
    """The nodes of a Ray cluster, with a row for each."""
    return Table(
        title=f"Ray cluster, nodes: {len(nodes)}",
        columns=(
            Column("node", numeric=False, wraps=True),
            Column("address", numeric=False, wraps=True),
            *map(Column, ("CPUs", "GPUs", "memory GiB", "objects GiB")),
            Column("packages", numeric=False, wraps=True),
        ),
        rows=tuple(Row(_node_cells(node)) for node in nodes),
    )


def _node_cells(node: dict[str, Any]) -> tuple[str, ...]:
    packages = [
        f"{name} {version}"
        for name, version in node.get("versions", {}).items()
        if name != "numerics"
    ]
    return (
        node["host"],
        node["address"],
        f"{node['cpus']:g}",
        f"{node['gpus']:g}",
        f"{node['memory'] / 2**30:.1f}",
        f"{node['object_store'] / 2**30:.1f}",
        ", ".join(packages) or "no answer",
    )
