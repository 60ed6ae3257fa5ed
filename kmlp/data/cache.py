"""The array cache: datasets as files of uint8, which are mapped into memory uncopied.

Each dataset is a folder: see `kmlp.data._entry`. A folder is written under another name and
then renamed, so the cache has the whole dataset or nothing. Links are not followed: files
outside of the cache's folder are not read, written or removed.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from kmlp._util.user_files import expanded
from kmlp.data._entry import (
    Entry,
    dataset_name,
    folder_name,
    read_entry,
    write_description,
    write_entry,
)
from kmlp.data._examples import Examples
from kmlp.data.known import is_name
from kmlp.data.listing import is_left_behind
from kmlp.errors import ConfigError, DataError


def cache_folder() -> Path:
    """Return the cache's folder: in KMLP_CACHE_DIR, or in the platform's cache folder.

    Raises:
        ConfigError: if KMLP_CACHE_DIR is not a valid path, or if there is no home folder.
    """
    chosen = os.environ.get("KMLP_CACHE_DIR")
    if chosen:
        return expanded(chosen, "KMLP_CACHE_DIR") / "datasets"
    try:
        folder = user_cache_path("kmlp")
        if not folder.is_absolute():  # some versions of platformdirs do not raise
            raise RuntimeError(f"{folder} is not absolute")
    except RuntimeError as error:
        raise ConfigError(
            [
                f"There is no folder for datasets, since this user has no home folder "
                f"({error}). Set KMLP_CACHE_DIR to a folder."
            ]
        ) from error
    return folder / "datasets"


def entries() -> list[Entry]:
    """Return the datasets of the cache with intact descriptions, in order of name."""
    return sorted(
        (entry for entry in _read_all().values() if isinstance(entry, Entry)),
        key=attrgetter("name"),
    )


def problems() -> dict[str, DataError]:
    """Return the problems of the other datasets of the cache, by name."""
    return {
        name: error
        for name, error in sorted(_read_all().items())
        if isinstance(error, DataError)
    }


def _read_all() -> dict[str, Entry | DataError]:
    """Return the description or the problem of each dataset in the cache, by name."""
    try:
        paths = list(cache_folder().iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise DataError(f"{cache_folder()} cannot be read ({error.strerror}).") from error
    datasets: dict[str, Entry | DataError] = {}
    for path in paths:
        name = dataset_name(path)
        if name is None or is_left_behind(path.name) or not path.is_dir():
            continue
        try:
            datasets[name] = read_entry(path)
        except DataError as error:
            datasets[name] = error
    return datasets


def find(name: str) -> Entry | None:
    """Return the description of a dataset in the cache; None if the cache lacks it.

    Raises:
        DamagedError: if the description is damaged.
        DataError: if another version of kmlp wrote the dataset.
    """
    return read_entry(_folder(name)) if has(name) else None


def has(name: str) -> bool:
    """Return True if the cache has a dataset of that name, intact or damaged."""
    return is_name(name) and os.path.lexists(_folder(name))


def add_checksum(name: str, images: Examples) -> None:
    """Add a checksum to the description of a dataset that an older kmlp wrote.

    If the cache cannot be written to, the description stays unchanged.

    Args:
        name: The dataset, which the caller has not `locked`.
        images: The images as they were read from the cache.
    """
    entry = find(name)
    if entry is None or entry.checked:
        return
    with contextlib.suppress(DataError), locked(name), _translate_errors():
        if find(name) == entry:  # not written by another process meanwhile
            write_description(entry.folder, name, images, imported=entry.imported)


def write(folder: Path, name: str, images: Examples, *, imported: bool = False) -> None:
    """Write images into a folder that `atomic_folder` yields."""
    with _translate_errors():
        write_entry(folder, name, images, imported=imported)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Lock a dataset: other processes that write the same dataset wait."""
    lock = FileLock(cache_folder() / f".{folder_name(name)}.lock")
    with _translate_errors():
        cache_folder().mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def atomic_folder(name: str) -> Iterator[Path]:
    """Yield a new folder, which replaces the dataset's folder if there is no error within.

    The caller has `locked` the dataset.
    """
    folder = _folder(name)
    _remove_leftovers(folder)
    new, old = (
        folder.with_name(f".{folder.name}.{kind}-{secrets.token_hex(8)}")
        for kind in ("new", "old")
    )
    try:
        with _translate_errors():
            new.mkdir()
        yield new
        with _translate_errors():
            for file in new.iterdir():
                if file.is_file():  # some systems put folders into every folder
                    _flush(file)
            if os.path.lexists(folder):
                folder.replace(old)
            new.replace(folder)
    finally:
        _remove_leftovers(folder)


def remove(name: str) -> None:
    """Remove a dataset from the cache."""
    with locked(name), _translate_errors():
        _remove(_folder(name))


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary folders of a dataset, including those of killed processes."""
    pattern = re.compile(rf"\.{re.escape(folder.name)}\.(new|old)-[0-9a-f]+")
    for path in folder.parent.iterdir():
        if pattern.fullmatch(path.name):
            with contextlib.suppress(OSError):
                _remove(path)


def _remove(path: Path) -> None:
    """Remove a folder, or a link without its target."""
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
def _translate_errors() -> Iterator[None]:
    """Turn an `OSError` within into a `DataError` that names the cache's folder."""
    try:
        yield
    except OSError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{cache_folder()} cannot be written to ({error.strerror or error}). Set "
            "KMLP_CACHE_DIR to a folder that can."
        ) from error
