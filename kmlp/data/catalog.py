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

from kmlp._util.user_files import expanded
from kmlp.data import cache
from kmlp.data._entry import Entry
from kmlp.data._examples import Examples
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
        known, the number of `images`, the `shape` of an image, the number of `classes`
        and the `bytes` on disk.
    """
    cached = {entry.name: entry for entry in cache.entries()}
    damage = {name: str(error) for name, error in cache.problems().items()}
    imported = [name for name, entry in cached.items() if entry.imported]
    return [
        {"name": name, "damage": damage.get(name), **_properties(name, cached.get(name))}
        for name in dict.fromkeys([*imported, *SUGGESTED, *cached, *damage])
    ]


def _properties(name: str, entry: Entry | None) -> dict[str, Any]:
    facts: dict[str, Any] = dict.fromkeys(("images", "shape", "classes", "bytes"))
    where: str | None = None
    folder: Path | None = None
    if entry is not None:
        where = "array cache" + (", imported" if entry.imported else "")
        folder = entry.folder
        (train, *shape), (test, *_) = entry.shapes["train_x"], entry.shapes["test_x"]
        facts |= {
            "images": train + test, "shape": shape, "classes": len(entry.class_names)
        }  # fmt: skip
    elif known := KNOWN.get(name):
        facts |= {
            "images": known.count,
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


def describe(name: str, images: Examples) -> dict[str, Any]:
    """Return the properties of a dataset.

    Args:
        name: The name of the dataset.
        images: The result of `load_examples` for the dataset.

    Returns:
        `name`; `shape` of an image; `train` and `test`, the numbers of images;
        `classes`, each with its name and its numbers of training and test images;
        `imbalance`, the size of the largest class / that of the smallest; `source`;
        `fingerprint`; and from TFDS, where known, `homepage`, `licence` and `citation`.
    """
    counts = [
        np.bincount(split.y, minlength=len(images.class_names)).tolist()
        for split in (images.train, images.test)
    ]
    return {
        "name": name,
        "shape": list(images.train.x.shape[1:]),
        "train": len(images.train),
        "test": len(images.test),
        "classes": [
            {"name": name, "train": train, "test": test}
            for name, train, test in zip(images.class_names, *counts, strict=True)
        ],
        "imbalance": _imbalance(counts[0]),
        "source": images.source,
        "fingerprint": images.fingerprint,
        **_tfds_metadata(name),
    }


def _imbalance(counts: list[int]) -> float | None:
    """Return the ratio of the largest class to the smallest; None if a class is empty."""
    ratio = max(counts) / min(counts) if min(counts) else math.inf
    return ratio if math.isfinite(ratio) else None


def _tfds_metadata(name: str) -> dict[str, str | None]:
    unknown: dict[str, str | None] = dict.fromkeys(("homepage", "licence", "citation"))
    if name in CITATIONS:
        return unknown | {"citation": CITATIONS[name]}
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
