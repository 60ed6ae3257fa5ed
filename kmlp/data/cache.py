"""The array cache: datasets as files of uint8 that are read without being copied.

A folder a dataset: see `kmlp.data._entry`. It is written aside and renamed, so it is there
as a whole or not at all. Nothing outside the cache's folder is read, written or removed,
whatever links there are in it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from kmlp._util.files import expanded
from kmlp.data._entry import (
    Entry,
    dataset_name,
    folder_name,
    read_entry,
    write_entry,
    write_facts,
)
from kmlp.data.dataset import Images
from kmlp.data.known import is_name
from kmlp.data.listing import is_left_behind
from kmlp.errors import ConfigError, DataError


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
    """All datasets of the cache that say what was written of them, by name."""
    return sorted(
        (it for it in _listed().values() if isinstance(it, Entry)), key=lambda it: it.name
    )


def problems() -> dict[str, DataError]:
    """What is wrong with the other datasets of the cache, by their names."""
    found = _listed()
    return {name: it for name, it in sorted(found.items()) if isinstance(it, DataError)}


def _listed() -> dict[str, Entry | DataError]:
    """What is in the cache, by name."""
    try:
        paths = list(cache_folder().iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise DataError(f"{cache_folder()} cannot be read ({error.strerror}).") from error
    found: dict[str, Entry | DataError] = {}
    for path in paths:
        name = dataset_name(path)
        if name is None or is_left_behind(path.name) or not path.is_dir():
            continue
        try:
            found[name] = read_entry(path)
        except DataError as error:
            found[name] = error
    return found


def find(name: str) -> Entry | None:
    """What the cache says of a dataset; None if it has none of that name.

    Raises:
        DamagedError: if what it says is not what was written.
        DataError: if another version of kmlp wrote it.
    """
    return read_entry(_folder(name)) if has(name) else None


def has(name: str) -> bool:
    """Whether the cache has something in a dataset's place, damaged or not."""
    return is_name(name) and os.path.lexists(_folder(name))


def add_checksum(name: str, images: Images) -> None:
    """Writes what the cache says of a dataset with a checksum, if it has none.

    An older kmlp wrote none. Where the cache cannot be written to, it stays as it is.

    Args:
        name: The dataset. Whoever calls does not have it `locked`.
        images: As they were read from the cache.
    """
    entry = find(name)
    if entry is None or entry.checked:
        return
    with contextlib.suppress(DataError), locked(name), _explained():
        if find(name) == entry:  # no other process wrote it anew meanwhile
            write_facts(entry.folder, name, images, imported=entry.imported)


def write(folder: Path, name: str, images: Images, *, imported: bool = False) -> None:
    """Writes images into a folder that `atomic_folder` gives."""
    with _explained():
        write_entry(folder, name, images, imported=imported)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Has other processes wait that want to write the same dataset."""
    lock = FileLock(cache_folder() / f".{folder_name(name)}.lock")
    with _explained():
        cache_folder().mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def atomic_folder(name: str) -> Iterator[Path]:
    """A new folder, which takes the place of the dataset's if all goes well.

    Whoever calls has it `locked`.
    """
    folder = _folder(name)
    _remove_left_overs(folder)
    aside, before = (
        folder.with_name(f".{folder.name}.{what}-{secrets.token_hex(8)}")
        for what in ("new", "old")
    )
    try:
        with _explained():
            aside.mkdir()
        yield aside
        with _explained():
            for file in aside.iterdir():
                if file.is_file():  # some systems put folders into every folder
                    _flush(file)
            if os.path.lexists(folder):
                folder.replace(before)
            aside.replace(folder)
    finally:
        _remove_left_overs(folder)


def remove(name: str) -> None:
    """Removes a dataset from the cache."""
    with locked(name), _explained():
        _remove(_folder(name))


def _remove_left_overs(folder: Path) -> None:
    """Removes what was written aside, by a process that was killed, too."""
    ours = re.compile(rf"\.{re.escape(folder.name)}\.(new|old)-[0-9a-f]+")
    for left in folder.parent.iterdir():
        if ours.fullmatch(left.name):
            with contextlib.suppress(OSError):
                _remove(left)


def _remove(path: Path) -> None:
    """Removes a folder; of a link, what it leads to is left alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _flush(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


def _folder(name: str) -> Path:
    return cache_folder() / folder_name(name)


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
