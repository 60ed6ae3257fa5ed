"""List the known datasets, and describe one."""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp._util.user_files import expanded
from kmlp.data import cache
from kmlp.data._built_in import BUILT_IN, BuiltIn, built_in_of
from kmlp.data._entry import Entry
from kmlp.data._examples import Examples
from kmlp.data._schema import Schema
from kmlp.data._split import Split
from kmlp.data.known import BUNDLED, KNOWN, SUGGESTED, tfds_names
from kmlp.data.listing import is_left_behind
from kmlp.data.sources.arrays import is_idx_folder
from kmlp.data.sources.tfds import own_features

_UNFINISHED = ".incomplete"
"""Part of the name of a folder that TFDS had not finished when its process ended."""

CITATIONS = {
    BUNDLED: (
        "Y. LeCun, C. Cortes, C. Burges: The MNIST database of handwritten digits. "
        "CC BY-SA 3.0."
    )
}
"""Citations of datasets that TFDS is not asked about."""


def catalog() -> list[dict[str, Any]]:
    """Return the known datasets. Those that the user imported come first.

    Returns:
        For each dataset: its `name`; `ready`, True if no download is needed; `where` it
        is; `damage`, the problem of the dataset in the array cache, or None; and, where
        known, its `kind` and `task`, the number of `examples`, the `shape` of an example,
        the number of `classes`, or the `target` of a regression, and the `bytes` on disk.
    """
    cached = {entry.name: entry for entry in cache.entries()}
    damage = {name: str(error) for name, error in cache.problems().items()}
    imported = [name for name, entry in cached.items() if entry.imported]
    return [
        {"name": name, "damage": damage.get(name), **_properties(name, cached.get(name))}
        if name in cached or name in damage or name not in BUILT_IN
        else {"name": name, "damage": None, **_built_in_properties(BUILT_IN[name])}
        for name in dict.fromkeys([*imported, *SUGGESTED, *BUILT_IN, *cached, *damage])
    ]


def _built_in_properties(table: BuiltIn) -> dict[str, Any]:
    return {
        "ready": True,
        "where": "made by kmlp" if table.defaults else "comes with scikit-learn",
        "kind": "table",
        "task": table.task,
        "examples": table.rows,
        "shape": [table.columns],
        "classes": table.classes or None,
        "target": table.target,
        "bytes": None,
    }


def _properties(name: str, entry: Entry | None) -> dict[str, Any]:
    facts: dict[str, Any] = dict.fromkeys(
        ("examples", "shape", "classes", "target", "bytes")
    )
    facts |= {"kind": "images", "task": "classification"}
    where: str | None = None
    folder: Path | None = None
    if entry is not None:
        where = "array cache" + (", imported" if entry.imported else "")
        folder = entry.folder
        (train, *shape), (test, *_) = entry.shapes["train_x"], entry.shapes["test_x"]
        facts |= {
            "examples": train + test,
            "shape": shape,
            "classes": len(entry.class_names) or None,
        }
        if entry.schema is not None:
            facts |= {"kind": "table", "target": entry.schema.target}
            facts["task"] = "classification" if entry.class_names else "regression"
    elif known := KNOWN.get(name):
        facts |= {
            "examples": known.count,
            "shape": list(known.shape),
            "classes": len(known.class_names),
        }
    if name == BUNDLED:
        where, folder = "comes with kmlp", Path(__file__).parent / "files" / BUNDLED
    elif entry is None and (folder := _tfds_folder(name)) is not None:
        where = f"prepared by TFDS in {folder}"
    elif entry is None and (folder := _system_folder(name)) is not None:
        where = f"in {folder}"
    if folder is not None:
        files = [path for path in folder.iterdir() if path.is_file()]
        facts["bytes"] = sum(file.stat().st_size for file in files)
    return {"ready": where is not None, "where": where, **facts}


def describe(name: str, examples: Examples) -> dict[str, Any]:
    """Return the properties of a dataset.

    Args:
        name: The name of the dataset.
        examples: The result of `load_examples` for the dataset.

    Returns:
        `name`, `kind` and `task`; `shape` of an example; `train` and `test`, the numbers of
        examples; `classes`, each with its name and its numbers of training and test
        examples; `imbalance`, the size of the largest class / that of the smallest;
        `target` and `columns` of a table; `source`; `fingerprint`; and, where known,
        `homepage`, `licence` and `citation`.
    """
    train, test, schema = examples.train, examples.test, examples.schema
    counts = [
        np.bincount(split.y, minlength=len(examples.class_names)).tolist()
        if examples.class_names
        else []
        for split in (train, test)
    ]
    return {
        "name": name,
        "kind": "table" if schema else "images",
        "task": examples.task,
        "shape": list(train.x.shape[1:]),
        "train": len(train),
        "test": len(test),
        "classes": [
            {"name": name, "train": train, "test": test}
            for name, train, test in zip(examples.class_names, *counts, strict=True)
        ],
        "imbalance": _imbalance(counts[0]) if examples.class_names else None,
        "target": _target(examples, schema) if schema else None,
        "columns": _columns(schema, train, test) if schema else None,
        "source": examples.source,
        "fingerprint": examples.fingerprint,
        **_metadata(name),
    }


def _target(examples: Examples, schema: Schema) -> dict[str, Any]:
    """Return the properties of a table's target. A class has no numbers."""
    parts = {"train": examples.train, "test": examples.test}
    numbers = None if examples.class_names else _numbers
    return {
        "name": schema.target,
        "unit": schema.unit,
        **{part: numbers and numbers(split.y) for part, split in parts.items()},
    }


def _numbers(values: NDArray[Any]) -> dict[str, float]:
    exact = values.astype("float64")
    return {
        "least": float(exact.min()),
        "mean": float(exact.mean()),
        "sd": float(exact.std()),
        "most": float(exact.max()),
    }


def _columns(schema: Schema, train: Split, test: Split) -> list[dict[str, Any]]:
    """Return the properties of a table's columns, over the training and the test rows."""
    columns = []
    place = 0
    for column in schema.columns:
        values = [split.x[:, place] for split in (train, test)]
        columns.append(
            {
                "name": column.name,
                "categories": list(column.categories) or None,
                "range": None if column.categories else _range(np.concatenate(values)),
                "missing": sum(int(np.isnan(part).sum()) for part in values),
            }
        )
        place += len(column.features)
    return columns


def _range(values: NDArray[Any]) -> list[float] | None:
    present = values[~np.isnan(values)]
    return [float(present.min()), float(present.max())] if present.size else None


def _imbalance(counts: list[int]) -> float | None:
    """Return the ratio of the largest class to the smallest; None if a class is empty."""
    ratio = max(counts) / min(counts) if min(counts) else math.inf
    return ratio if math.isfinite(ratio) else None


def _metadata(name: str) -> dict[str, str | None]:
    unknown: dict[str, str | None] = dict.fromkeys(("homepage", "licence", "citation"))
    if name in CITATIONS:
        return unknown | {"citation": CITATIONS[name]}
    table = None if cache.has(name) else built_in_of(name)
    if table is not None:
        return unknown | {"homepage": table.homepage, "citation": table.citation}
    base = re.split("[/:]", name)[0]
    if base not in tfds_names():
        return unknown
    import tensorflow_datasets as tfds

    try:
        with _temporary_files_removed(), own_features():
            info = tfds.builder(name, try_gcs=False).info
    except Exception:  # for example, a stored version that this TFDS no longer knows
        return unknown
    return {
        "homepage": info.homepage or None,
        "licence": getattr(info.redistribution_info, "license", None) or None,
        "citation": info.citation or None,
    }


@contextmanager
def _temporary_files_removed() -> Iterator[None]:
    """Use another temporary folder and remove it, because TFDS leaves folders there."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="kmlp-") as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _system_folder(name: str) -> Path | None:
    folders = KNOWN[name].system_folders if name in KNOWN else ()
    existing = (path for path in folders if path.is_dir() and is_idx_folder(path))
    return next(existing, None)


def _tfds_folder(name: str) -> Path | None:
    """Return the folder that TFDS has probably prepared. TFDS itself answers too slowly."""
    chosen = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    root = expanded(chosen, "TFDS_DATA_DIR") / name.replace(":", "/")
    for file in sorted(root.glob("**/dataset_info.json")):
        inner = file.parent.relative_to(root).parts
        if not any(is_left_behind(part) or _UNFINISHED in part for part in inner):
            return file.parent
    return None
