"""What there is: the datasets that are known, and the facts of one."""

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

from kmlp._util.files import expanded
from kmlp.data import cache
from kmlp.data._entry import Entry
from kmlp.data.dataset import Images
from kmlp.data.known import BUNDLED, KNOWN, SUGGESTED, tfds_names
from kmlp.data.listing import is_left_behind
from kmlp.data.sources.arrays import is_idx_folder
from kmlp.data.sources.tfds import own_features

_UNFINISHED = ".incomplete"
"""In the name of a folder that TFDS had not finished when it was ended."""

CITATIONS = {
    BUNDLED: (
        "Y. LeCun, C. Cortes, C. Burges: The MNIST database of handwritten digits. "
        "CC BY-SA 3.0."
    )
}


def catalog() -> list[dict[str, Any]]:
    """The datasets that are known, those of the user's own first.

    Returns:
        For each its `name`; `ready`, whether nothing has to be downloaded; `where` it
        is; `damage`, what is wrong with it in the array cache, None where nothing is;
        `images`, `shape` and `classes` and `bytes` on disk where they are known.
    """
    cached = {entry.name: entry for entry in cache.entries()}
    damage = {name: str(error) for name, error in cache.problems().items()}
    own = [name for name, entry in cached.items() if entry.imported]
    return [
        {"name": name, "damage": damage.get(name), **_facts(name, cached.get(name))}
        for name in dict.fromkeys([*own, *SUGGESTED, *cached, *damage])
    ]


def _facts(name: str, entry: Entry | None) -> dict[str, Any]:
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
        facts["bytes"] = sum(it.stat().st_size for it in folder.iterdir() if it.is_file())
    return {"ready": where is not None, "where": where, **facts}


def describe(name: str, images: Images) -> dict[str, Any]:
    """The facts of a dataset.

    Args:
        name: Its name.
        images: What `load_images` gives for it.

    Returns:
        `name`, `shape`, the sizes of its splits, `classes` with each one's name and
        its number of training and test images, `source`, `fingerprint`, and what TFDS
        says of it: `homepage`, `licence` and `citation`, where it does.
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
        **_said_by_tfds(name),
    }


def _imbalance(counts: list[int]) -> float | None:
    """How many times as large the largest class is as the smallest; None: one is empty."""
    ratio = max(counts) / min(counts) if min(counts) else math.inf
    return ratio if math.isfinite(ratio) else None


def _said_by_tfds(name: str) -> dict[str, str | None]:
    said: dict[str, str | None] = dict.fromkeys(("homepage", "licence", "citation"))
    if name in CITATIONS:
        return said | {"citation": CITATIONS[name]}
    base = re.split("[/:]", name)[0]
    if base not in tfds_names():
        return said
    import tensorflow_datasets as tfds

    try:
        with _temporary_files_removed(), own_features():
            info = tfds.builder(name, try_gcs=False).info
    except Exception:  # a version that this TFDS has no more, say: it is there all the same
        return said
    return {
        "homepage": info.homepage or None,
        "licence": getattr(info.redistribution_info, "license", None) or None,
        "citation": info.citation or None,
    }


@contextmanager
def _temporary_files_removed() -> Iterator[None]:
    """Removes what is made in the temporary folder: TFDS leaves folders there."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="kmlp-") as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _system_folder(name: str) -> Path | None:
    folders = KNOWN[name].system_folders if name in KNOWN else ()
    return next((it for it in folders if it.is_dir() and is_idx_folder(it)), None)


def _tfds_folder(name: str) -> Path | None:
    """Where TFDS seems to have prepared a dataset; it is not asked, which takes longer."""
    chosen = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    place = expanded(chosen, "TFDS_DATA_DIR") / name.replace(":", "/")
    for found in sorted(place.glob("**/dataset_info.json")):
        inner = found.parent.relative_to(place).parts
        if not any(is_left_behind(it) or _UNFINISHED in it for it in inner):
            return found.parent
    return None
