"""Reading a user's files of arrays: IDX, and Keras' `mnist.npz` layout."""

from __future__ import annotations

import math
import re
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp._util.archives import opened_archive
from kmlp._util.files import why_unreadable
from kmlp._util.text import visible
from kmlp.data.dataset import Images, Split, check_memory, make_images
from kmlp.data.listing import Listing
from kmlp.data.sources._idx import read_idx_split
from kmlp.errors import DataError

_IDX_FILE = re.compile(r"(?:.*-)?(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(?:\.gz)?")
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")


def is_idx_folder(path: Path) -> bool:
    """Whether a folder has a file named as MNIST's are."""
    return any(_IDX_FILE.fullmatch(it.name) for it in Listing().entries(path))


def read_idx_folder(
    folder: Path,
    *,
    class_names: Sequence[str] | None = None,
    listing: Listing | None = None,
) -> Images:
    """Reads the four IDX files of a folder, gzipped or not.

    They are named as MNIST's are: `train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`.

    Args:
        folder: The folder. What else it has does not matter.
        class_names: A name for every class. Defaults to None: their numbers.
        listing: Lists the folder, and keeps what was left out. Defaults to None: a new
            one.

    Raises:
        DataError: if one is missing, there twice or damaged.
    """
    found: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for file in (listing or Listing()).entries(folder):
        if match := _IDX_FILE.fullmatch(file.name):
            split, what = match.groups()
            found["train" if split == "train" else "t10k", what].append(file)
    for split in ("train", "t10k"):
        for what, dimensions in (("images", 3), ("labels", 1)):
            files = found[split, what]
            if len(files) != 1:
                names = " and ".join(file.name for file in files) or "none"
                raise DataError(
                    f"{folder}: must have one file {split}-{what}-idx{dimensions}-ubyte, "
                    f"gzipped or not, but has {names}."
                )
    splits = [
        read_idx_split(found[split, "images"][0], found[split, "labels"][0])
        for split in ("train", "t10k")
    ]
    return make_images(
        *splits, class_names=class_names, source=visible(str(folder.resolve()))
    )


def read_npz(path: Path, *, class_names: Sequence[str] | None = None) -> Images:
    """Reads a file of arrays `x_train`, `y_train`, `x_test` and `y_test`.

    It is never unpickled, and what its arrays state of themselves is checked before memory
    is taken for them.

    Raises:
        DataError: if it is no such file, or is too large for memory.
    """
    if (why := why_unreadable(path)) is not None:
        raise DataError(f"{path}: cannot be read: {why}.")
    try:
        with opened_archive(path) as archive:
            names = {it.removesuffix(".npy"): it for it in archive.namelist()}
            missing = [key for key in _NPZ_KEYS if key not in names]
            if missing:
                raise DataError(
                    f"{path}: has {_listed(list(names))}, but must be a file of the arrays "
                    f"{', '.join(_NPZ_KEYS)}. An archive of pictures is to be unpacked."
                )
            members = {key: archive.getinfo(names[key]) for key in _NPZ_KEYS}
            _check_arrays(path, {key: _header(archive, it) for key, it in members.items()})
            arrays: dict[str, NDArray[Any]] = {}
            for key in sorted(_NPZ_KEYS, reverse=True):  # the labels first: they are small
                with archive.open(members[key]) as member:
                    arrays[key] = np.lib.format.read_array(member, allow_pickle=False)
                if key.startswith("y"):
                    arrays[key] = _labels(path, key, arrays[key])
    except DataError:
        raise
    except Exception as error:  # NumPy and zipfile promise no closed list
        raise DataError(f"{path}: cannot be read as a .npz file: {error}.") from error
    splits = [
        Split(x=arrays[f"x_{split}"], y=arrays[f"y_{split}"]) for split in ("train", "test")
    ]
    return make_images(
        *splits, class_names=class_names, source=visible(str(path.resolve()))
    )


def _header(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape and the type that an array states, if it has that many bytes."""
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as file:
        try:
            version = np.lib.format.read_magic(file)
        except ValueError as error:
            raise ValueError(f"{name} is no array of NumPy") from error
        if version not in _HEADERS:
            raise ValueError(f"{name} is of version {version} of NumPy's format")
        try:
            shape, _, dtype = _HEADERS[version](file)
        except Exception as error:  # a header is parsed as Python is, and fails in any way
            why = " ".join(str(error).split())[:200]
            raise ValueError(f"the header of {name} is damaged ({why})") from error
        start = file.tell()
    stated = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or (
        not dtype.hasobject and stated != member.file_size - start
    ):
        raise ValueError(
            f"{name} has {member.file_size - start:,} bytes, but its header states {shape} "
            f"of {dtype}"
        )
    return shape, dtype


def _check_arrays(
    path: Path, headers: dict[str, tuple[tuple[int, ...], np.dtype[Any]]]
) -> None:
    """Checks what arrays state of themselves, before memory is taken for them.

    Raises:
        DataError: if they are no images with labels, or too large.
    """
    for split, what in (("train", "training"), ("test", "test")):
        (x, x_type), (y, y_type) = headers[f"x_{split}"], headers[f"y_{split}"]
        if x_type.hasobject or y_type.hasobject:
            raise DataError(
                f"{path}: has objects of Python, which only pickle reads. That could run "
                "any code, so it is not read. Save arrays of numbers, by `numpy.savez`."
            )
        if x_type != np.uint8 or len(x) not in (3, 4):
            raise DataError(
                f"{path}: x_{split} is of {x_type} and shape {x}, but must be of uint8 and "
                "shape (images, height, width) or (images, height, width, channels)."
            )
        # Keras' cifar10 has them in a column.
        if y_type.kind not in "iu" or not (len(y) == 1 or (len(y) == 2 and y[1] == 1)):
            raise DataError(
                f"{path}: y_{split} is of {y_type} and shape {y}, but must be of integers "
                "and shape (images,)."
            )
        if x[0] != y[0]:
            raise DataError(f"{path}: has {x[0]} {what} images, but {y[0]} labels.")
    count = headers["x_train"][0][0] + headers["x_test"][0][0]
    check_memory(str(path), count, headers["x_train"][0][1:])


def _labels(path: Path, key: str, array: NDArray[Any]) -> NDArray[np.int32]:
    y = array.reshape(-1)
    if len(y) and not -1 <= int(y.min()) <= int(y.max()) < 2**31:
        raise DataError(f"{path}: {key} has labels from {y.min()} to {y.max()}.")
    return y.astype("int32")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if names[5:] else "") or "nothing"
