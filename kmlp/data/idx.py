"""Reading IDX files, the format of MNIST: a small header, then bytes."""

from __future__ import annotations

import gzip
import math
import zlib
from importlib.resources.abc import Traversable

import numpy as np
from numpy.typing import NDArray

from kmlp.errors import DataError

_UINT8 = 0x08


def read_idx(file: Traversable) -> NDArray[np.uint8]:
    """Reads a gzipped IDX file of bytes.

    Args:
        file: A path, or a file of an installed package.

    Returns:
        A uint8 array of the shape that the header states.

    Raises:
        DataError: if the file is missing, damaged, or no IDX file of bytes.

    Reference: the format is described at the end of Y. LeCun's MNIST page:
    two zero bytes, the type (0x08: uint8), the number of dimensions, one
    big-endian uint32 a dimension, then the data.
    """
    try:
        content = gzip.decompress(file.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file}: cannot be read as a gzipped file: {error}") from error
    if len(content) < 4 or content[:3] != bytes([0, 0, _UINT8]):
        raise DataError(
            f"{file}: starts with {content[:4].hex() or 'nothing'}, but an IDX file of "
            "bytes starts with 000008."
        )
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise DataError(f"{file}: ends within its header.")
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    found = len(content) - start
    if found != math.prod(shape):
        raise DataError(
            f"{file}: holds {found} bytes of data, but its header states {shape}."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
