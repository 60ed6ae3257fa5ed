"""The array cache: datasets as files of uint8 that are read without being copied.

A folder a dataset, with an array a file. It is written aside and renamed, so it is
there as a whole or not at all, and its content is compared with the fingerprint in
`dataset.json` when it is opened.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from platformdirs import user_cache_path

from kmlp.data.dataset import Images, Split, fingerprint
from kmlp.data.known import is_name
from kmlp.errors import ConfigError, DataError
from kmlp.files import expanded

_FACTS = "dataset.json"
_FORMAT = 1
_ARRAYS = ("train_x", "train_y", "test_x", "test_y")


class Damaged(Exception):  # noqa: N818  (not an error yet: it may be made again)
    """A dataset of the cache is not what was written."""


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


def cache_folder() -> Path:
    """The folder of KMLP_CACHE_DIR, else kmlp's in the platform's cache folder.

    Raises:
        ConfigError: if it cannot be one, or there is no home folder to put it in.
    """
    chosen = os.environ.get("KMLP_CACHE_DIR")
    if chosen:
        return expanded(chosen, "KMLP_CACHE_DIR") / "datasets"
    try:
        folder = user_cache_path("kmlp")
        if not folder.is_absolute():  # as some versions of platformdirs have it
            raise RuntimeError(f"{folder} is not absolute")
    except RuntimeError as error:
        raise ConfigError(
            [
                "There is no folder to keep datasets in, as this user has no home folder "
                f"({error}). Set KMLP_CACHE_DIR to a folder."
            ]
        ) from error
    return folder / "datasets"


def entries() -> list[Entry]:
    """All datasets of the cache that are not damaged, by name."""
    found = []
    for path in cache_folder().glob("[!.]*"):
        with contextlib.suppress(DataError):  # told when that one is asked for
            found.append(entry_of(path))
    return sorted(found, key=lambda entry: entry.name)


def find(name: str) -> Entry | None:
    """What the cache says of a dataset; None if it has none of that name.

    Raises:
        DataError: if what it says is damaged.
    """
    return entry_of(_folder(name)) if has(name) else None


def has(name: str) -> bool:
    """Whether the cache has a folder for a dataset of that name, damaged or not."""
    return is_name(name) and _folder(name).is_dir()


def open_images(entry: Entry) -> Images:
    """The images of an entry, memory-mapped.

    Raises:
        Damaged: if they are not those that were written.
    """
    arrays = {}
    for name, shape in entry.shapes.items():
        try:
            array = np.load(entry.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise Damaged(f"{entry.folder / name}.npy cannot be read ({error})") from error
        if array.shape != shape:
            raise Damaged(
                f"{entry.folder / name}.npy has shape {array.shape}, but must have {shape}"
            )
        arrays[name] = array
    train = Split(x=arrays["train_x"], y=arrays["train_y"])
    test = Split(x=arrays["test_x"], y=arrays["test_y"])
    if fingerprint(train, test) != entry.fingerprint:
        raise Damaged(f"{entry.folder} is damaged (its content has another fingerprint)")
    return Images(
        train=train,
        test=test,
        class_names=entry.class_names,
        source=entry.source,
        fingerprint=entry.fingerprint,
    )


def write(folder: Path, name: str, images: Images, *, imported: bool = False) -> None:
    """Writes images into a folder that `replacing` gives."""
    arrays: dict[str, NDArray[Any]] = {
        "train_x": images.train.x,
        "train_y": images.train.y,
        "test_x": images.test.x,
        "test_y": images.test.y,
    }
    facts = {
        "format": _FORMAT,
        "name": name,
        "fingerprint": images.fingerprint,
        "class_names": images.class_names,
        "source": images.source,
        "imported": imported,
        "shapes": {key: array.shape for key, array in arrays.items()},
    }
    with _explained():
        for key, array in arrays.items():
            file = folder / f"{key}.npy"
            np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        (folder / _FACTS).write_text(json.dumps(facts, indent=2), encoding="utf-8")


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Has other processes wait that want to write the same dataset."""
    lock = FileLock(cache_folder() / f".{_slug(name)}.lock")
    with _explained():
        cache_folder().mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def replacing(name: str) -> Iterator[Path]:
    """A new folder, which takes the place of the dataset's if all goes well.

    Whoever calls has it `locked`.
    """
    folder = _folder(name)
    _remove_left_overs(folder)
    aside = folder.with_name(f".{folder.name}.new-{os.getpid()}")
    try:
        with _explained():
            aside.mkdir()
        yield aside
        with _explained():
            for file in aside.iterdir():
                if file.is_file():  # some systems put folders into every folder
                    _flush(file)
            if folder.exists():
                folder.replace(folder.with_name(f".{folder.name}.old-{os.getpid()}"))
            aside.replace(folder)
    finally:
        _remove_left_overs(folder)


def remove(name: str) -> None:
    """Removes a dataset from the cache."""
    with locked(name), _explained():
        shutil.rmtree(_folder(name))


def _remove_left_overs(folder: Path) -> None:
    """Removes what was written aside, by a process that was killed, too."""
    for left in folder.parent.glob(f".{folder.name}.*-*"):
        shutil.rmtree(left, ignore_errors=True)


def _flush(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


def _folder(name: str) -> Path:
    return cache_folder() / _slug(name)


def _slug(name: str) -> str:
    return name.replace("/", "--").replace(":", "@").replace("*", "x")


def entry_of(folder: Path) -> Entry:
    """What a dataset's folder says of it.

    Raises:
        DataError: if that is damaged.
    """
    try:
        facts: dict[str, Any] = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        if facts["format"] != _FORMAT:
            raise DataError(
                f"{folder} was written by another version of kmlp. Remove that folder."
            )
        return Entry(
            name=facts["name"],
            folder=folder,
            fingerprint=facts["fingerprint"],
            class_names=tuple(facts["class_names"]),
            source=facts["source"],
            imported=facts["imported"],
            shapes={key: tuple(facts["shapes"][key]) for key in _ARRAYS},
        )
    except DataError:
        raise
    except (
        OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError
    ) as error:  # fmt: skip
        raise DataError(f"{folder / _FACTS} is damaged. Remove that folder.") from error


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{cache_folder()} cannot be written to ({error.strerror or error}). Choose a "
            "folder that can, by KMLP_CACHE_DIR."
        ) from error
