"""Check a `.keras` file before a model is built from it.

Such a file is a zip archive with a description in JSON and weights in HDF5. Files may come
from anybody, and both parts may state sizes that do not fit into memory.
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
from kmlp._util.user_files import MAX_NESTING, nesting, why_unreadable
from kmlp.errors import ConfigError

if TYPE_CHECKING:
    import h5py

MAX_GROWTH = 20
"""The maximum ratio of the unpacked size to the size of the file. Compression hardly
shrinks weights."""
FREE_GROWTH = 2**24
"""The size of unpacked contents that is allowed for every file, in bytes."""
MAX_DESCRIPTION = 2**23
"""The maximum size of `config.json`, in bytes. A model of 800 layers has 1 MB."""
MAX_OBJECTS = 20_000
"""The maximum number of layers, initializers and other objects in `config.json`. A layer
has about five."""

_DESCRIPTION = "config.json"
_METADATA = "metadata.json"
_WEIGHTS = "model.weights.h5"
_SPARE_WEIGHTS = 4
"""The maximum ratio of the weights that are built to the weights in the file. Some
layers pack or merge their weights when they are saved."""


def check_model_file(path: Path) -> None:
    """Check, without a backend, that a file can be a model of Keras.

    Raises:
        ConfigError: if the file is missing, is not a `.keras` file, or states impossible
            sizes.
    """
    problem = None
    if not os.path.lexists(path):
        problem = "cannot be read: No such file or directory."
    elif (reason := why_unreadable(path)) is not None:
        problem = f"cannot be read: {reason}."
    elif path.suffix != ".keras":
        problem = "A model must be a file name.keras, as Keras saves it."
    elif not zipfile.is_zipfile(path):
        problem = "This is not a .keras file, or the end of the file is missing."
    if problem:
        raise ConfigError([f"{path}: {problem}"])
    with _translate_errors(path), opened_archive(path) as archive:
        _check_members(archive, path.stat().st_size)
        _check_description(archive)


def count_weights(path: Path) -> int:
    """Return the number of weights in a model's file, after a check of their sizes.

    Args:
        path: A `.keras` file.

    Raises:
        ConfigError: if the file or its weights are damaged or too large, or if weights
            are stored in other files.
    """
    import h5py

    with _translate_errors(path), opened_archive(path) as archive:
        _check_members(archive, path.stat().st_size)
        packed = BytesIO(archive.read(_WEIGHTS))
        size = packed.seek(0, 2)
        try:
            with h5py.File(packed, "r") as file:
                count, stated = _count(file)
        except (OSError, RuntimeError, KeyError) as error:  # errors of libhdf5
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"its weights are damaged ({reason})") from error
    if stated > _max_unpacked(size):
        raise ConfigError(
            [
                f"{path}: its weights state {stated:,} bytes, but have {size:,}, which "
                f"may unpack to at most {_max_unpacked(size):,}."
            ]
        )
    return count


@contextmanager
def no_more_weights(path: Path, count: int) -> Iterator[None]:
    """Refuse to build layers with many more weights than the file has.

    Args:
        path: The file, for messages.
        count: Number of weights in the file.

    Raises:
        ConfigError: if there are too many, before memory is allocated for them.
    """
    layer = backend.load().layers.Layer
    add_weight = layer.add_weight
    limit = _SPARE_WEIGHTS * count + FREE_GROWTH // 4
    built = 0

    @wraps(add_weight)
    def counted(self: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal built
        sizes = (shape,) if isinstance(shape, int) else tuple(shape or ())
        built += math.prod(sizes)
        if built > limit:
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
def _translate_errors(path: Path) -> Iterator[None]:
    """Turn any error within into a `ConfigError` that names the file."""
    try:
        yield
    except ConfigError:
        raise
    except (ValueError, OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ConfigError([f"{path}: cannot be loaded ({error})."]) from error
    except Exception as error:  # zlib and other decompressors
        reason = f"{type(error).__name__}: {error}"
        problem = f"{path}: cannot be loaded (it is damaged: {reason})."
        raise ConfigError([problem]) from error


def _max_unpacked(size: int) -> int:
    """Return the maximum size of the unpacked contents of a file, in bytes."""
    return max(FREE_GROWTH, MAX_GROWTH * size)


def _check_members(archive: zipfile.ZipFile, size: int) -> None:
    members = archive.infolist()
    names = [member.filename for member in members]
    for needed in (_DESCRIPTION, _METADATA, _WEIGHTS):
        if needed not in names:
            raise ValueError(f"it has no {needed}")
    for name in names:
        member = PurePosixPath(name)
        if member.is_absolute() or ".." in member.parts or {"\\", ":"} & set(name):
            raise ValueError(f"its member {name} would be unpacked to another folder")
    stated = sum(info.file_size for info in members)
    if stated > _max_unpacked(size):
        raise ValueError(
            f"it has {size:,} bytes and states {stated:,} unpacked ones, but at most "
            f"{_max_unpacked(size):,} are allowed"
        )
    description_size = archive.getinfo(_DESCRIPTION).file_size
    if description_size > MAX_DESCRIPTION:
        raise ValueError(
            f"its {_DESCRIPTION} has {description_size:,} bytes, but must have at most "
            f"{MAX_DESCRIPTION:,}"
        )


def _check_description(archive: zipfile.ZipFile) -> None:
    text = archive.read(_DESCRIPTION)
    try:
        too_deep = nesting(json.loads(text)) > MAX_NESTING
    except RecursionError:
        too_deep = True
    except ValueError as error:
        raise ValueError(f"its {_DESCRIPTION} is not JSON ({error})") from error
    if too_deep:
        raise ValueError(f"its {_DESCRIPTION} is nested more than {MAX_NESTING} deep")
    count = text.count(b'"class_name"')
    if count > MAX_OBJECTS:
        raise ValueError(
            f"its {_DESCRIPTION} describes {count:,} objects, but must describe at most "
            f"{MAX_OBJECTS:,}"
        )


def _count(file: h5py.File) -> tuple[int, int]:
    """Return the number of weights, and of their bytes, that a file of weights states.

    Raises:
        ValueError: if weights are stored in other files, or are not numbers.
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
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:  # a group may even contain itself
                continue
            seen.add(address)
            if isinstance(item, h5py.Group):
                groups.append(item)
                continue
            if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "biufcV":
                raise ValueError(f"{item.name} of its weights is not an array of numbers")
            if item.external or item.is_virtual:
                raise ValueError(f"{item.name} of its weights is stored in other files")
            numbers += math.prod(item.shape or ())
            size += math.prod(item.shape or ()) * item.dtype.itemsize
    return numbers, size
