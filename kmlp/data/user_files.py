"""Reading a user's files of arrays: IDX, and Keras' `mnist.npz` layout."""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kmlp.data.dataset import Images, Split, make_images
from kmlp.data.idx import read_idx_split
from kmlp.data.listing import Listing
from kmlp.errors import DataError
from kmlp.files import why_unreadable
from kmlp.texts import visible

_IDX_FILE = re.compile(r"(?:.*-)?(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(?:\.gz)?")
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

    It is never unpickled.

    Raises:
        DataError: if it is no such file.
    """
    if (why := why_unreadable(path)) is not None:
        raise DataError(f"{path}: cannot be read: {why}.")
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no zip archive, or the end of one is missing")
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            missing = [key for key in _NPZ_KEYS if key not in file.files]
            if missing:
                raise DataError(
                    f"{path}: has {_listed(file.files)}, but must be a file of the arrays "
                    f"{', '.join(_NPZ_KEYS)}. An archive of pictures is to be unpacked."
                )
            arrays: dict[str, Any] = {key: file[key] for key in _NPZ_KEYS}
    except DataError:
        raise
    except Exception as error:  # NumPy and zipfile promise no closed list
        if "pickle" in str(error):
            raise DataError(
                f"{path}: has objects of Python, which only pickle reads. That could run "
                "any code, so it is not read. Save arrays of numbers, by `numpy.savez`."
            ) from error
        raise DataError(f"{path}: cannot be read as a .npz file: {error}") from error
    splits = []
    for split in ("train", "test"):
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        for key, array in ((f"x_{split}", x), (f"y_{split}", y)):
            if not isinstance(array, np.ndarray):
                raise DataError(f"{path}: {key} is no array of NumPy.")
        if x.dtype != np.uint8 or x.ndim not in (3, 4):
            raise DataError(
                f"{path}: x_{split} is of {x.dtype} and shape {x.shape}, but must be of "
                "uint8 and shape (images, height, width) or (images, height, width, "
                "channels)."
            )
        if y.ndim == 2 and y.shape[1] == 1:  # as Keras' cifar10 has them
            y = y[:, 0]
        if y.dtype.kind not in "iu" or y.ndim != 1:
            raise DataError(
                f"{path}: y_{split} is of {y.dtype} and shape {y.shape}, but must be of "
                "integers and shape (images,)."
            )
        if len(y) and not -1 <= int(y.min()) <= int(y.max()) < 2**31:
            raise DataError(f"{path}: y_{split} has labels from {y.min()} to {y.max()}.")
        splits.append(Split(x=x, y=y.astype("int32")))
    return make_images(
        *splits, class_names=class_names, source=visible(str(path.resolve()))
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if names[5:] else "") or "nothing"
