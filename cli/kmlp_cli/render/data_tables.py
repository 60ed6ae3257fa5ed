"""The tables of datasets."""

from __future__ import annotations

from typing import Any

from kmlp.studies.table import NONE, Column, Row, Table


def datasets_table(datasets: list[dict[str, Any]]) -> Table:
    """The datasets, with a row for each."""
    return Table(
        title="Datasets",
        columns=(
            Column("name", numeric=False),
            Column("ready", numeric=False, wraps=True),
            *map(Column, ("images", "shape", "classes", "on disk")),
        ),
        rows=tuple(Row(_dataset_cells(dataset)) for dataset in datasets),
        notes=(
            "Other image classification datasets of TFDS work as well, if all images have "
            "one size.",
        ),
    )


def _dataset_cells(dataset: dict[str, Any]) -> tuple[str, ...]:
    images, size = dataset["images"], dataset["bytes"]
    return (
        dataset["name"],
        dataset["where"] or ("damaged" if dataset["damage"] else "to be downloaded"),
        NONE if images is None else f"{images:,}",
        _shape(dataset["shape"]),
        str(dataset["classes"] or NONE),
        NONE if size is None else f"{size / 1e6:.1f} MB",
    )


def dataset_table(facts: dict[str, Any]) -> Table:
    """The number of images of each class, with the other facts as lines below."""
    classes = facts["classes"]
    rows = [
        Row(
            (str(number), sizes["name"], f"{sizes['train']:,}", f"{sizes['test']:,}"),
            ends_section=number == len(classes) - 1,
        )
        for number, sizes in enumerate(classes)
    ]
    return Table(
        title=f"{facts['name']}: images of {_shape(facts['shape'])}",
        columns=(
            Column("class"),
            Column("name", numeric=False, wraps=True),
            Column("training images"),
            Column("test images"),
        ),
        rows=(*rows, Row(("", "all", f"{facts['train']:,}", f"{facts['test']:,}"))),
        sentences=tuple(_lines(facts)),
    )


def _lines(facts: dict[str, Any]) -> list[str]:
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
    return NONE if shape is None else " x ".join(map(str, shape))
