"""Datasets as Rich tables."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from kmlp_cli.render.rich_tables import plain_table

_NONE = "-"


def datasets_table(datasets: list[dict[str, Any]]) -> Table:
    """A row for each dataset."""
    table = plain_table(
        "Datasets",
        "Other image classification datasets of TFDS work as well, if all images have one "
        "size.",
    )
    table.add_column("name", no_wrap=True)
    table.add_column("ready", overflow="fold")
    for name in ("images", "shape", "classes", "on disk"):
        table.add_column(name, justify="right", no_wrap=True)
    for dataset in datasets:
        table.add_row(
            dataset["name"],
            dataset["where"] or ("damaged" if dataset["damage"] else "to be downloaded"),
            _NONE if dataset["images"] is None else f"{dataset['images']:,}",
            _shape(dataset["shape"]),
            str(dataset["classes"] or _NONE),
            _NONE if dataset["bytes"] is None else f"{dataset['bytes'] / 1e6:.1f} MB",
        )
    return table


def dataset_table(facts: dict[str, Any]) -> Table:
    """A row for each class, with its numbers of images."""
    table = plain_table(f"{facts['name']}: images of {_shape(facts['shape'])}")
    table.add_column("class", justify="right")
    table.add_column("name", overflow="fold")
    for name in ("training images", "test images"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, sizes in enumerate(facts["classes"]):
        table.add_row(
            str(number), sizes["name"], f"{sizes['train']:,}", f"{sizes['test']:,}"
        )
    table.add_section()
    table.add_row("", "all", f"{facts['train']:,}", f"{facts['test']:,}")
    return table


def dataset_facts(facts: dict[str, Any]) -> list[str]:
    """The lines below a dataset's table."""
    balance = (
        "a class has no training image"
        if facts["imbalance"] is None
        else f"the largest class is {facts['imbalance']:.2f} times the smallest"
    )
    lines = {
        "splits": "a part of the training images is used for validation",
        "balance": balance,
        **{
            name: facts[name]
            for name in ("source", "fingerprint", "licence", "homepage")
            if facts[name]
        },
    }
    shown = [f"{name}: {str(line).strip()}" for name, line in lines.items()]
    if facts["citation"]:
        shown += f"citation: {facts['citation'].strip()}".split("\n")
    return shown


def _shape(shape: list[int] | None) -> str:
    return _NONE if shape is None else " x ".join(map(str, shape))
