"""Read a user's files of arrays: IDX files, and `.npz` files like Keras' `mnist.npz`."""

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
from kmlp._util.text import visible
from kmlp._util.user_files import why_unreadable
from kmlp.data._examples import Examples, check_memory, make_examples
from kmlp.data._split import Split
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
    """Return True if a folder has a file with a name like MNIST's."""
    return any(_IDX_FILE.fullmatch(entry.name) for entry in Listing().entries(path))


def read_idx_folder(
    folder: Path,
    *,
    class_names: Sequence[str] | None = None,
    listing: Listing | None = None,
) -> Examples:
    """Read the four IDX files of a folder, gzipped or not.

    They have names like MNIST's: `train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`.

    Args:
        folder: The folder, which may have other files, too.
        class_names: A name for every class. Defaults to None: the numbers.
        listing: Reader of the folder, which remembers the left-out files. Defaults to
            None: a new one.

    Raises:
        DataError: if a file is missing, exists twice or is damaged.
    """
    files: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for file in (listing or Listing()).entries(folder):
        if match := _IDX_FILE.fullmatch(file.name):
            split, content = match.groups()
            files["train" if split == "train" else "t10k", content].append(file)
    for split in ("train", "t10k"):
        for content, dimensions in (("images", 3), ("labels", 1)):
            candidates = files[split, content]
            if len(candidates) != 1:
                names = " and ".join(file.name for file in candidates) or "none"
                name = f"{split}-{content}-idx{dimensions}-ubyte"
                raise DataError(
                    f"{folder}: must have one file {name}, gzipped or not, but has {names}."
                )
    splits = [
        read_idx_split(files[split, "images"][0], files[split, "labels"][0])
        for split in ("train", "t10k")
    ]
    return make_examples(
        *splits, class_names=class_names, source=visible(str(folder.resolve()))
    )


def read_npz(path: Path, *, class_names: Sequence[str] | None = None) -> Examples:
    """Read a `.npz` file of the arrays `x_train`, `y_train`, `x_test` and `y_test`.

    The file is never unpickled. The headers of the arrays are checked before memory is
    allocated.

    Args:
        path: The file.
        class_names: A name for every class. Defaults to None: the numbers.

    Raises:
        DataError: if the file is not such a file, or is too large for memory.
    """
    if (reason := why_unreadable(path)) is not None:
        raise DataError(f"{path}: cannot be read: {reason}.")
    try:
        with opened_archive(path) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            missing = [key for key in _NPZ_KEYS if key not in names]
            if missing:
                raise DataError(
                    f"{path}: has {_list_names(list(names))}, but must have the arrays "
                    f"{', '.join(_NPZ_KEYS)}. If it is an archive of pictures, unpack it."
                )
            members = {key: archive.getinfo(names[key]) for key in _NPZ_KEYS}
            headers = {key: _header(archive, member) for key, member in members.items()}
            _check_arrays(path, headers)
            arrays: dict[str, NDArray[Any]] = {}
            for key in sorted(_NPZ_KEYS, reverse=True):  # the labels first: they are small
                with archive.open(members[key]) as member:
                    arrays[key] = np.lib.format.read_array(member, allow_pickle=False)
                if key.startswith("y"):
                    arrays[key] = _labels(path, key, arrays[key])
    except DataError:
        raise
    except Exception as error:  # NumPy and zipfile may raise errors of any class
        raise DataError(f"{path}: cannot be read as a .npz file: {error}.") from error
    splits = [
        Split(x=arrays[f"x_{split}"], y=arrays[f"y_{split}"]) for split in ("train", "test")
    ]
    return make_examples(
        *splits, class_names=class_names, source=visible(str(path.resolve()))
    )


def _header(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return the shape and the type in an array's header.

    Raises:
        ValueError: if the header is damaged, or does not fit the number of bytes.
    """
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as file:
        try:
            version = np.lib.format.read_magic(file)
        except ValueError as error:
            raise ValueError(f"{name} is not a NumPy array") from error
        if version not in _HEADERS:
            raise ValueError(f"{name} is of version {version} of NumPy's format")
        try:
            shape, _, dtype = _HEADERS[version](file)
        except Exception as error:  # NumPy parses a header as Python: anything may fail
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"the header of {name} is damaged ({reason})") from error
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
    """Check the headers of arrays before memory is allocated.

    Raises:
        DataError: if the arrays are not images with labels, or too large.
    """
    for split, adjective in (("train", "training"), ("test", "test")):
        (x, x_type), (y, y_type) = headers[f"x_{split}"], headers[f"y_{split}"]
        if x_type.hasobject or y_type.hasobject:
            raise DataError(
                f"{path}: has Python objects, which only pickle could read, and pickle may "
                "run any code. Save arrays of numbers with `numpy.savez`."
            )
        if x_type != np.uint8 or len(x) not in (3, 4):
            raise DataError(
                f"{path}: x_{split} is of {x_type} and shape {x}, but must be of uint8 and "
                "shape (images, height, width) or (images, height, width, channels)."
            )
        # The labels of Keras' cifar10 are a column.
        if y_type.kind not in "iu" or not (len(y) == 1 or (len(y) == 2 and y[1] == 1)):
            raise DataError(
                f"{path}: y_{split} is of {y_type} and shape {y}, but must be of integers "
                "and shape (images,)."
            )
        if x[0] != y[0]:
            raise DataError(f"{path}: has {x[0]} {adjective} images, but {y[0]} labels.")
    count = headers["x_train"][0][0] + headers["x_test"][0][0]
    check_memory(str(path), count, headers["x_train"][0][1:])


def _labels(path: Path, key: str, array: NDArray[Any]) -> NDArray[np.int32]:
    y = array.reshape(-1)
    if len(y) and not -1 <= int(y.min()) <= int(y.max()) < 2**31:
        raise DataError(
            f"{path}: {key} has labels from {y.min()} to {y.max()}, but labels must be "
            "from 0 to the number of classes - 1."
        )
    return y.astype("int32")


def _list_names(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if names[5:] else "") or "nothing"
