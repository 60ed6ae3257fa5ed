"""Read a user's files of arrays: IDX files, and `.npz` files like Keras' `mnist.npz`."""

from __future__ import annotations

import math
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp._util.archives import opened_archive
from kmlp._util.text import visible
from kmlp._util.user_files import why_unreadable
from kmlp.data._examples import Examples, check_memory, check_memory_of, make_examples
from kmlp.data._split import Split
from kmlp.data.listing import Listing
from kmlp.data.sources._idx import read_idx_split
from kmlp.data.sources.frames import table_of_arrays
from kmlp.data.sources.tables import Table
from kmlp.errors import DataError

_IDX_FILE = re.compile(r"(?:.*-)?(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(?:\.gz)?")
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_Headers = dict[str, tuple[tuple[int, ...], np.dtype[Any]]]
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
    arrays = _read_arrays(path, _NPZ_KEYS, _check_arrays)
    splits = [
        Split(x=arrays[f"x_{split}"], y=_labels(path, f"y_{split}", arrays[f"y_{split}"]))
        for split in ("train", "test")
    ]
    return make_examples(
        *splits, class_names=class_names, source=visible(str(path.resolve()))
    )


def is_npz_of_rows(path: Path) -> bool:
    """Return True if a file is a `.npz` file whose `x_train` has two axes: a table."""
    try:
        with opened_archive(path) as archive:
            shape, _ = _header(archive, archive.getinfo("x_train.npy"))
    except Exception:  # `read_npz` says what is wrong
        return False
    return len(shape) == 2


def read_npz_of_rows(path: Path) -> tuple[Table, Table | None]:
    """Read tables from a `.npz` file: `x_train`, `y_train` and perhaps `x_test`, `y_test`.

    The columns are called x1, x2, ... and the target y. The file is never unpickled.

    Args:
        path: The file.

    Returns:
        The training table, and the test table or None.

    Raises:
        DataError: if the file is not such a file, or is too large for memory.
    """
    arrays = _read_arrays(path, _NPZ_KEYS[:2], _check_rows)
    tables = [
        table_of_arrays(arrays[f"x_{split}"], arrays[f"y_{split}"], f"{path}, {split}")
        for split in ("train", "test")
        if f"x_{split}" in arrays
    ]
    return tables[0], tables[1] if tables[1:] else None


def _read_arrays(
    path: Path, required: Sequence[str], check: Callable[[Path, _Headers], None]
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a `.npz` file, after checks of their names and headers."""
    if (reason := why_unreadable(path)) is not None:
        raise DataError(f"{path}: cannot be read: {reason}.")
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with opened_archive(path) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            if any(key not in names for key in required):
                raise DataError(
                    f"{path}: has {_list_names(list(names))}, but must have the arrays "
                    f"{', '.join(required)}. If it is an archive of pictures, unpack it."
                )
            members = {
                key: archive.getinfo(names[key]) for key in _NPZ_KEYS if key in names
            }
            check(path, {key: _header(archive, info) for key, info in members.items()})
            for key in members:
                with archive.open(members[key]) as member:
                    arrays[key] = np.lib.format.read_array(member, allow_pickle=False)
    except DataError:
        raise
    except Exception as error:  # NumPy and zipfile may raise errors of any class
        raise DataError(f"{path}: cannot be read as a .npz file: {error}.") from error
    return arrays


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


def _check_rows(path: Path, headers: _Headers) -> None:
    """Check the headers of tables before memory is allocated.

    Raises:
        DataError: if the arrays are not rows with targets, or too large.
    """
    if ("x_test" in headers) != ("y_test" in headers):
        raise DataError(f"{path}: has only one of the arrays x_test and y_test.")
    needed = 0
    for key, (shape, dtype) in headers.items():
        _check_no_objects(path, dtype)
        axes, kinds = (2, "fiub") if key.startswith("x") else (1, "fiubU")
        column = key.startswith("y") and len(shape) == 2 and shape[1] == 1
        if dtype.kind not in kinds or not (len(shape) == axes or column):
            what = "numbers and shape (rows, columns)"
            if axes == 1:
                what = "numbers, booleans or texts and shape (rows,)"
            raise DataError(
                f"{path}: {key} is of {dtype} and shape {shape}, but must be of {what}."
            )
        needed += math.prod(shape) * (dtype.itemsize + 8)
    check_memory_of(str(path), needed, f"{len(headers)} arrays")


def _check_no_objects(path: Path, *types: np.dtype[Any]) -> None:
    if any(dtype.hasobject for dtype in types):
        raise DataError(
            f"{path}: has Python objects, which only pickle could read, and pickle may "
            "run any code. Save arrays of numbers with `numpy.savez`."
        )


def _check_arrays(path: Path, headers: _Headers) -> None:
    """Check the headers of arrays before memory is allocated.

    Raises:
        DataError: if the arrays are not images with labels, or too large.
    """
    for split, adjective in (("train", "training"), ("test", "test")):
        (x, x_type), (y, y_type) = headers[f"x_{split}"], headers[f"y_{split}"]
        _check_no_objects(path, x_type, y_type)
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
