"""What a `.keras` file states of itself, checked before anything of it is built.

Such a file is a zip archive of a description in JSON and of weights in HDF5. Both may come
from anybody, and both can state sizes that no memory has.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kmlp import backend
from kmlp._util.archives import opened_archive
from kmlp._util.files import MAX_NESTING, nesting, why_unreadable
from kmlp.errors import ConfigError

if TYPE_CHECKING:
    import h5py

MAX_GROWTH = 20
"""Bytes that a byte of a file may unpack to. Weights hardly shrink when they are packed."""
FREE_GROWTH = 2**24
"""Bytes that any file may unpack to."""
MAX_DESCRIPTION = 2**23
"""Bytes of `config.json`. That of a network of 800 layers has 1 MB."""
MAX_OBJECTS = 20_000
"""Layers, initializers and the like in `config.json`; a layer has five or so."""

_DESCRIPTION = "config.json"
_METADATA = "metadata.json"
_WEIGHTS = "model.weights.h5"
_SPARE_WEIGHTS = 4
"""As many more weights than it has may a model be built with: some are packed, or merged,
when they are saved."""


def check_model_file(path: Path) -> None:
    """Checks, without a backend, that a file can be a model of Keras.

    Raises:
        ConfigError: if it is missing, is no `.keras` file, or states what no model has.
    """
    problem = None
    if not os.path.lexists(path):
        problem = "There is no such file."
    elif (why := why_unreadable(path)) is not None:
        problem = f"cannot be read: {why}."
    elif path.suffix != ".keras":
        problem = "A model must be a file name.keras, as Keras saves it."
    elif not zipfile.is_zipfile(path):
        problem = "It is no .keras file, or the end of it is missing."
    if problem:
        raise ConfigError([f"{path}: {problem}"])
    with _explained(path), opened_archive(path) as archive:
        _check_members(archive, path.stat().st_size)
        _check_description(archive)


def count_weights(path: Path) -> int:
    """Counts the numbers in a model's file, whose sizes are checked.

    Args:
        path: A file with weights.

    Raises:
        ConfigError: if it or they are damaged, too large, or lie in other files.
    """
    import h5py

    with _explained(path), opened_archive(path) as archive:
        _check_members(archive, path.stat().st_size)
        packed = BytesIO(archive.read(_WEIGHTS))
        size = packed.seek(0, 2)
        try:
            with h5py.File(packed, "r") as file:
                count, stated = _count(file)
        except (OSError, RuntimeError, KeyError) as error:  # libhdf5's
            why = " ".join(str(error).split())[:200]
            raise ValueError(f"its weights are damaged ({why})") from error
    if stated > _most(size):
        raise ConfigError(
            [
                f"{path}: its weights state {stated:,} bytes, but have {size:,}, of which "
                f"at most {_most(size):,} may be made."
            ]
        )
    return count


@contextmanager
def no_more_weights(path: Path, count: int) -> Iterator[None]:
    """Has no layer be built with many more weights than the file has.

    Args:
        path: The file, for messages.
        count: The number of weights that it has.

    Raises:
        ConfigError: before memory is taken for what is too much.
    """
    layer = backend.load().layers.Layer
    add_weight = layer.add_weight
    most = _SPARE_WEIGHTS * count + FREE_GROWTH // 4
    built = 0

    @wraps(add_weight)
    def counted(self: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal built
        sizes = (shape,) if isinstance(shape, int) else tuple(shape or ())
        built += math.prod(sizes)
        if built > most:
            raise ConfigError(
                [
                    f"{path}: its layers up to {self.name} have {built:,} weights, but the "
                    f"file has {count:,}."
                ]
            )
        return add_weight(self, shape, *args, **kwargs)

    layer.add_weight = counted
    try:
        yield
    finally:
        layer.add_weight = add_weight


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except ConfigError:
        raise
    except (ValueError, OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ConfigError([f"{path}: cannot be loaded ({error})."]) from error
    except Exception as error:  # zlib, and whatever else unpacks
        why = f"{type(error).__name__}: {error}"
        raise ConfigError([f"{path}: cannot be loaded (it is damaged: {why})."]) from error


def _most(size: int) -> int:
    return max(FREE_GROWTH, MAX_GROWTH * size)


def _check_members(archive: zipfile.ZipFile, size: int) -> None:
    members = archive.infolist()
    names = [it.filename for it in members]
    for needed in (_DESCRIPTION, _METADATA, _WEIGHTS):
        if needed not in names:
            raise ValueError(f"it has no {needed}")
    for name in names:
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or {"\\", ":"} & set(name):
            raise ValueError(f"its member {name} would lie outside of it")
    stated = sum(it.file_size for it in members)
    if stated > _most(size):
        raise ValueError(
            f"it has {size:,} bytes, but states {stated:,} when it is unpacked, of which "
            f"at most {_most(size):,} may be"
        )
    large = archive.getinfo(_DESCRIPTION).file_size
    if large > MAX_DESCRIPTION:
        raise ValueError(
            f"its {_DESCRIPTION} has {large:,} bytes, but must have at most "
            f"{MAX_DESCRIPTION:,}"
        )


def _check_description(archive: zipfile.ZipFile) -> None:
    text = archive.read(_DESCRIPTION)
    try:
        found = json.loads(text)
        deep = nesting(found) > MAX_NESTING
    except RecursionError:
        deep = True
    except ValueError as error:
        raise ValueError(f"its {_DESCRIPTION} is not JSON ({error})") from error
    if deep:
        raise ValueError(f"its {_DESCRIPTION} is nested more than {MAX_NESTING} deep")
    count = text.count(b'"class_name"')
    if count > MAX_OBJECTS:
        raise ValueError(
            f"its {_DESCRIPTION} describes {count:,} objects, but must at most "
            f"{MAX_OBJECTS:,}"
        )


def _count(file: h5py.File) -> tuple[int, int]:
    """How many numbers a file of weights states, and how many bytes.

    Raises:
        ValueError: if some lie in other files, or are no numbers.
    """
    import h5py

    numbers = size = 0
    groups: list[h5py.Group] = [file]
    seen = set()
    while groups:
        group = groups.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{name} of its weights is a link, which is not followed")
            found = group[name]
            place = h5py.h5o.get_info(found.id).addr
            if place in seen:  # it may even hold itself
                continue
            seen.add(place)
            if isinstance(found, h5py.Group):
                groups.append(found)
                continue
            if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biufcV":
                raise ValueError(f"{found.name} of its weights is no array of numbers")
            if found.external or found.is_virtual:
                raise ValueError(f"{found.name} of its weights lies in other files")
            numbers += math.prod(found.shape or ())
            size += math.prod(found.shape or ()) * found.dtype.itemsize
    return numbers, size
