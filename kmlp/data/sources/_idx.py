"""Read IDX files, the format of MNIST: a small header, then bytes."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from kmlp._util.user_files import why_unreadable
from kmlp.data._examples import check_memory
from kmlp.data._split import Split
from kmlp.errors import DataError

_UINT8 = 0x08
_GZIP = b"\x1f\x8b"
_MOST_DIMENSIONS = 4
_GZIP_GROWTH = 1032
"""The maximum number of bytes to which Deflate expands one byte."""


def read_idx(file: Traversable) -> NDArray[np.uint8]:
    """Read an IDX file of bytes, gzipped or not.

    The header is compared with the file's size before memory is allocated.

    Args:
        file: A path, or a file of an installed package.

    Returns:
        A uint8 array of the shape that the header states.

    Raises:
        DataError: if the file is missing, damaged, or not an IDX file of bytes.

    Reference: the format is described at the end of Y. LeCun's MNIST page:
    two zero bytes, the type (0x08: uint8), the number of dimensions, one big-endian
    uint32 for each dimension, then the data.
    """
    with _opened(file) as (stream, shape):
        stated = math.prod(shape)
        data = stream.read(stated)
        size = len(data) if len(data) < stated else stated + len(stream.read(1))
        if size != stated:
            more = "more than " if size > stated else ""
            raise DataError(
                f"{file}: holds {more}{min(size, stated)} bytes of data, but its header "
                f"states {shape}."
            )
    return np.frombuffer(data, np.uint8).reshape(shape)


def read_idx_shape(file: Traversable) -> tuple[int, ...]:
    """Read only the shape in the header of an IDX file.

    Raises:
        DataError: if the file is missing, or not an IDX file of bytes.
    """
    with _opened(file) as (_, shape):
        return shape


@contextmanager
def _opened(file: Traversable) -> Iterator[tuple[IO[bytes], tuple[int, ...]]]:
    """Yield the file, read up to the end of its header, and the shape in the header."""
    if isinstance(file, Path) and (reason := why_unreadable(file)) is not None:
        raise DataError(f"{file}: cannot be read: {reason}.")
    try:
        with file.open("rb") as raw:
            yield _after_header(file, raw)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file}: cannot be read: {error}") from error


def _after_header(file: Traversable, raw: IO[bytes]) -> tuple[IO[bytes], tuple[int, ...]]:
    size = raw.seek(0, os.SEEK_END)
    raw.seek(0)
    zipped = raw.read(len(_GZIP)) == _GZIP
    raw.seek(0)
    stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if zipped else raw  # type: ignore[assignment]
    start = stream.read(4)
    if len(start) < 4 or start[:3] != bytes([0, 0, _UINT8]):
        raise DataError(
            f"{file}: starts with {start.hex() or 'nothing'}, but an IDX file of bytes "
            "starts with 000008."
        )
    if not 1 <= start[3] <= _MOST_DIMENSIONS:
        raise DataError(
            f"{file}: its header states {start[3]} dimensions, but there must be 1 to "
            f"{_MOST_DIMENSIONS}."
        )
    sizes = stream.read(4 * start[3])
    if len(sizes) < 4 * start[3]:
        raise DataError(f"{file}: ends within its header.")
    shape = tuple(np.frombuffer(sizes, ">u4").tolist())
    stated = math.prod(shape)
    header = len(start) + len(sizes)
    possible = size * _GZIP_GROWTH if zipped else size - header
    if stated == 0 or stated > possible:
        raise DataError(
            f"{file}: has {size} bytes, but its header states {shape} bytes of data."
        )
    return stream, shape


def read_idx_split(images: Traversable, labels: Traversable) -> Split:
    """Read a file of images and the file of their labels.

    Raises:
        DataError: if a file is not an IDX file, if the two do not belong together, or if
            they are too large for memory.
    """
    # Both headers are read before any data.
    shape, label_shape = read_idx_shape(images), read_idx_shape(labels)
    for file, stated, content, allowed in (
        (images, shape, "images", (3, 4)),
        (labels, label_shape, "labels", (1,)),
    ):
        if len(stated) not in allowed:
            raise DataError(
                f"{file}: has {len(stated)} dimensions, but {content} have "
                f"{' or '.join(map(str, allowed))}. Are images and labels swapped?"
            )
    count = shape[0]
    if count != label_shape[0]:
        raise DataError(
            f"{images} has {count} images, but {labels} has {label_shape[0]} labels."
        )
    check_memory(str(images), count, shape[1:])
    y = read_idx(labels).astype("int32")
    return Split(x=read_idx(images), y=y)
