"""Arrays in files that are mapped into memory, once for all processes of a machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kmlp._util.files import open_plain
from kmlp.errors import DataError


@dataclass(frozen=True, slots=True)
class MappedFile:
    """The place of an array in a file, from which another process can map the array."""

    path: Path
    """The path of the file."""
    identity: tuple[int, ...]
    """The file's device, inode, size and time: those of a replacement differ."""
    dtype: str
    """The type of the array."""
    offset: int
    """The start of the array in the file, in bytes."""
    shape: tuple[int, ...]
    """The shape of the array."""

    def open(self) -> NDArray[Any]:
        """Map the array.

        Raises:
            DataError: if the file is missing or was replaced.
        """
        try:
            with open_plain(self.path) as file:
                if _identity(file) == self.identity:
                    return map_array(file, self.path, self.dtype, self.shape, self.offset)
        except OSError as error:
            raise DataError(f"{self.path} cannot be read ({error.strerror}).") from error
        raise DataError(f"{self.path} was replaced while it was in use.")


class _MappedArray(np.memmap[Any, Any]):
    """An array that knows its file. Views and copies of the array do not."""

    file: MappedFile | None = None


def map_array(
    file: IO[bytes], path: Path, dtype: DTypeLike, shape: tuple[int, ...], offset: int
) -> NDArray[Any]:
    """Map an array of an open file, for reading.

    Args:
        file: The file.
        path: The path of the file.
        dtype: The type of the array.
        shape: The shape of the array.
        offset: The start of the array in the file, in bytes.
    """
    array = _MappedArray(file, dtype, "r", offset, shape)
    array.file = MappedFile(
        path.absolute(), _identity(file), array.dtype.str, offset, shape
    )
    return array


def file_of(array: NDArray[Any]) -> MappedFile | None:
    """Return the file that a whole array was mapped from; None for any other array."""
    return array.file if isinstance(array, _MappedArray) else None


def _identity(file: IO[bytes]) -> tuple[int, ...]:
    stat = os.fstat(file.fileno())
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
