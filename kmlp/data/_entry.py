"""One dataset of the array cache: a folder with an array a file, and what it says of them.

All that `dataset.json` says is under a checksum, and the arrays are under the fingerprint:
what is read is what was written, or it is `DamagedError`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp._util.files import MAX_NESTING, nesting, open_new, open_plain
from kmlp.data.dataset import Images, Split, fingerprint
from kmlp.data.known import is_name
from kmlp.data.mapped import map_array
from kmlp.errors import DataError

FACTS = "dataset.json"
FORMAT = 2
"""Of what is written. The first one had no checksum."""

MAX_FACTS = 16 * 2**20
"""Bytes of `dataset.json`: a million names of classes."""

_CHECKSUM = "sha256"
_TYPES = {"train_x": "uint8", "train_y": "int32", "test_x": "uint8", "test_y": "int32"}
_FACT_TYPES: dict[str, type] = {
    "format": int,
    "name": str,
    "fingerprint": str,
    "class_names": list,
    "source": str,
    "imported": bool,
    "shapes": dict,
}
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class DamagedError(DataError):
    """A dataset of the cache is not what was written.

    Args:
        folder: The dataset's.
        why: What is wrong, and where.
        imported: Whether only the user can make it again. Defaults to None: who knows?
    """

    def __init__(self, folder: Path, why: str, *, imported: bool | None = None) -> None:
        self.imported = imported
        super().__init__(f"The dataset in {folder} is damaged: {why}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What the cache says of a dataset, without reading it."""

    name: str
    folder: Path
    fingerprint: str
    class_names: tuple[str, ...]
    source: str
    imported: bool
    """Whether it is the user's own, which only the user can make again."""
    shapes: dict[str, tuple[int, ...]]
    """Of the arrays: `train_x`, `train_y`, `test_x`, `test_y`."""
    checked: bool
    """Whether a checksum says that all of this was written so."""


def folder_name(name: str) -> str:
    """The name of a dataset's folder."""
    return name.replace("/", "--").replace(":", "@").replace("*", "x")


def dataset_name(folder: Path) -> str | None:
    """The name of the dataset whose folder has that name; None: none has.

    >>> dataset_name(Path("emnist--letters@3.1.0")), dataset_name(Path("Thumbs.db"))
    ('emnist/letters:3.1.0', None)
    """
    name = folder.name.replace("--", "/", 1).replace("@", ":", 1)
    return name if is_name(name) and folder_name(name) == folder.name else None


def write_entry(folder: Path, name: str, images: Images, *, imported: bool) -> None:
    """Writes images into a folder.

    Raises:
        OSError: if it cannot be written to.
    """
    arrays = _arrays(images)
    for key, array in arrays.items():
        # As `numpy.save`, which does not say why a disk cannot take it.
        array = np.ascontiguousarray(array)
        with (folder / f"{key}.npy").open("xb") as file:
            header = np.lib.format.header_data_from_array_1_0(array)
            np.lib.format.write_array_header_1_0(file, header)
            file.write(array.data)
    write_facts(folder, name, images, imported=imported)


def write_facts(folder: Path, name: str, images: Images, *, imported: bool) -> None:
    """Writes what a dataset's folder says of its images, in the place of what it said.

    Raises:
        OSError: if it cannot be written to.
    """
    facts = {
        "format": FORMAT,
        "name": name,
        "fingerprint": images.fingerprint,
        "class_names": list(images.class_names),
        "source": images.source,
        "imported": imported,
        "shapes": {key: list(array.shape) for key, array in _arrays(images).items()},
    }
    text = json.dumps(facts | {_CHECKSUM: _checksum(facts)}, indent=2)
    aside, file = open_new(folder, f".{FACTS}.")
    try:
        with file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        aside.replace(folder / FACTS)
    finally:
        aside.unlink(missing_ok=True)


def read_entry(folder: Path) -> Entry:
    """What a dataset's folder says of it.

    Raises:
        DamagedError: if it is not what was written.
        DataError: if another version of kmlp wrote it.
    """
    if folder.is_symlink():
        raise DamagedError(
            folder, f"it is a link to {folder.readlink()}, which is not followed"
        )
    if not folder.is_dir():
        raise DamagedError(folder, "it is no folder")
    facts = _read_facts(folder)
    said = facts.pop(_CHECKSUM, None)
    # Where it is damaged, too: nobody but the user has what the user imported.
    imported = True if facts.get("imported") is True else None
    of_first = facts.get("format") == 1 and said is None
    if not of_first and said != _checksum(facts):
        raise DamagedError(folder, f"the checksum in {FACTS} is another", imported=imported)
    if not of_first and facts.get("format") != FORMAT:
        raise DataError(
            f"{folder} was written by another version of kmlp. Remove that folder."
        )
    if (why := _why_wrong(facts, folder)) is not None:
        raise DamagedError(folder, f"in {FACTS}, {why}", imported=imported)
    return Entry(
        name=facts["name"],
        folder=folder,
        fingerprint=facts["fingerprint"],
        class_names=tuple(facts["class_names"]),
        source=facts["source"],
        imported=facts["imported"],
        shapes={key: tuple(facts["shapes"][key]) for key in _TYPES},
        checked=not of_first,
    )


def read_images(entry: Entry) -> Images:
    """The images of an entry, memory-mapped.

    Raises:
        DamagedError: if they are not those that were written.
    """
    arrays = {key: _map(entry, key) for key in _TYPES}
    train = Split(x=arrays["train_x"], y=arrays["train_y"])
    test = Split(x=arrays["test_x"], y=arrays["test_y"])
    if fingerprint(train, test) != entry.fingerprint:
        raise _damaged(entry, "the fingerprint of its images is another")
    for key in ("train_y", "test_y"):
        least, most = int(arrays[key].min()), int(arrays[key].max())
        if not 0 <= least <= most < len(entry.class_names):
            raise _damaged(
                entry,
                f"{key}.npy has labels from {least} to {most}, but {FACTS} names "
                f"{len(entry.class_names)} classes",
            )
    return Images(
        train=train,
        test=test,
        class_names=entry.class_names,
        source=entry.source,
        fingerprint=entry.fingerprint,
    )


def _arrays(images: Images) -> dict[str, NDArray[Any]]:
    return {
        "train_x": images.train.x,
        "train_y": images.train.y,
        "test_x": images.test.x,
        "test_y": images.test.y,
    }


def _damaged(entry: Entry, why: str) -> DamagedError:
    return DamagedError(entry.folder, why, imported=entry.imported)


def _checksum(facts: dict[str, Any]) -> str:
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _read_facts(folder: Path) -> dict[str, Any]:
    try:
        with open_plain(folder / FACTS) as file:
            text = file.read(MAX_FACTS + 1)
        if len(text) > MAX_FACTS:
            raise ValueError(f"it has more than {MAX_FACTS:,} bytes")
        facts = json.loads(text.decode("utf-8"))
        if not isinstance(facts, dict) or nesting(facts) > MAX_NESTING:
            raise ValueError("it holds something else")
    except OSError as error:
        why = f"{FACTS} cannot be read ({error.strerror or error})"
        raise DamagedError(folder, why) from error
    except (ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise DamagedError(folder, f"{FACTS} is not what was written ({said})") from error
    return facts


def _why_wrong(facts: dict[str, Any], folder: Path) -> str | None:
    """Why what is said of a dataset cannot be; None: it can."""
    for key, kind in _FACT_TYPES.items():
        if type(facts.get(key)) is not kind:
            return f'"{key}" is missing, or is something else'
    if set(facts) != set(_FACT_TYPES):
        return "there is more than there should be"
    if not is_name(facts["name"]) or folder_name(facts["name"]) != folder.name:
        return '"name" is that of another dataset'
    if not re.fullmatch("[0-9a-f]{64}", facts["fingerprint"]):
        return '"fingerprint" is no SHA-256'
    names = facts["class_names"]
    if len(names) < 2 or not all(isinstance(name, str) for name in names):
        return '"class_names" does not name two classes at least'
    shapes = facts["shapes"]
    if set(shapes) != set(_TYPES) or not all(map(_is_shape, shapes.values())):
        return '"shapes" does not have a shape for each array'
    for split in ("train", "test"):
        x, y = shapes[f"{split}_x"], shapes[f"{split}_y"]
        if len(x) not in (3, 4) or x[:1] != y or x[1:] != shapes["train_x"][1:]:
            return '"shapes" is not that of images with labels'
    return None


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, list) and all(type(size) is int and size > 0 for size in shape)


def _map(entry: Entry, key: str) -> NDArray[Any]:
    """An array of an entry. No memory is taken by what the file says of itself."""
    dtype, shape = np.dtype(_TYPES[key]), entry.shapes[key]
    path = entry.folder / f"{key}.npy"
    try:
        with open_plain(path) as file:
            read_header = _HEADERS[np.lib.format.read_magic(file)]
            stated = read_header(file)
            start, size = file.tell(), file.seek(0, os.SEEK_END)
            if stated != (shape, False, dtype):
                raise ValueError(f"its header states {stated}")
            if size - start != math.prod(shape) * dtype.itemsize:
                raise ValueError(f"it has {size - start} bytes of data")
            return map_array(file, path, dtype, shape, start)
    except Exception as error:  # a header is parsed as Python is, and fails in any way
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise _damaged(entry, f"{key}.npy is not what was written ({said})") from error
