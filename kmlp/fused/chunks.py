"""Cutting an epoch into chunks: what a compiled program gets at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp import backend

CHUNK_BYTES = 2**28
"""What a chunk may take beyond the dataset: 256 MiB."""

COPIES = 8
"""How often the examples of a chunk are taken to be in memory. On JAX and TensorFlow
the whole of it was 113 MiB then, beyond 750 MiB of data."""


@dataclass(frozen=True, slots=True)
class StepBlock:
    """Mini-batches of one size."""

    data: Any
    """Examples on the device: a nest of arrays of shape `(examples, ...)`."""
    order: NDArray[np.int32]
    """Which of the examples make each mini-batch, of shape `(capacity, batch_size)`."""
    steps: int
    """How many of the mini-batches there are, from the first one on."""
    uneven: bool = False
    """Whether a pass has mini-batches of two sizes."""


class ChunkedDataset:
    """A dataset, cut into chunks of equal shape.

    A dataset that fits into a chunk goes to the device once, whole, and a chunk
    is the order of its examples. Of a larger one, each chunk holds a copy of its
    own examples. Either way examples keep their type until they are there. The
    last mini-batch of a pass is smaller where `batch_size` does not divide
    the number of examples; it is a block of its own.

    A pass over the data is an epoch, or several where an epoch has fewer steps; no
    chunk belongs to two of them.

    Args:
        data: A nest of arrays of shape `(examples, ...)`, of NumPy or on the
            device already.
        batch_size: Examples in a mini-batch.
        to_device: Puts an array on the device.
        limit: Bytes that a chunk may take, on the host and on the device; one
            mini-batch at the least.
        steps: Steps in an epoch. Defaults to None: a whole pass.
        one_by_one: Whether every step is a chunk. Defaults to False.
    """

    def __init__(
        self,
        data: Any,
        batch_size: int,
        to_device: Callable[[Any], Any],
        *,
        limit: int,
        steps: int | None = None,
        one_by_one: bool = False,
    ) -> None:
        self._tree = backend.load().tree
        self._to_device = to_device
        self._batch_size = batch_size
        arrays = self._tree.flatten(data)
        self.size = len(arrays[0])
        self._batches, self._rest = divmod(self.size, batch_size)
        # What is no NumPy array is on the device, and takes no more room there.
        host = [array for array in arrays if isinstance(array, np.ndarray)]
        self.whole = not host or sum(array.nbytes for array in host) <= limit
        """Whether the dataset is on the device as a whole."""
        in_pass = self._batches + bool(self._rest)
        in_epoch = min(steps or in_pass, in_pass)
        if self.whole:
            self._data = self._put(data)
            most = in_epoch
        else:
            self._data = self._tree.map_structure(_to_numpy, data)
            # Gathered on the host, copied to the device; a program may hold its floats.
            of_example = sum(a[:1].nbytes for a in host) + np.dtype("int32").itemsize
            most = max(1, limit // (COPIES * of_example * batch_size))
        most = 1 if one_by_one else most
        length = -(-in_epoch // -(-in_epoch // most))
        self._capacity = min(length, self._batches)
        self._cuts = [
            (start, min(start + length, epoch + in_epoch, in_pass))
            for epoch in range(0, in_pass, in_epoch)
            for start in range(epoch, min(epoch + in_epoch, in_pass), length)
        ]
        self.chunks = len(self._cuts)
        """Chunks of a pass."""
        self.steps = steps or in_pass
        """Steps that an epoch is to have; it has fewer where a pass ends before."""
        self.chunks_in_epoch = self.steps if one_by_one else -(-in_epoch // length)
        """Chunks that an epoch is to have."""

    def one_pass(self, order: NDArray[np.int64] | None = None) -> Iterator[list[StepBlock]]:
        """The chunks of a pass, each with its blocks.

        Args:
            order: Of the examples. Defaults to None: as they are.
        """
        rows = np.arange(self.size) if order is None else order
        for start, stop in self._cuts:
            blocks: list[
                StepBlock
            ] = []  # of one chunk: the last one's go before these come
            full = rows[
                start * self._batch_size : min(stop, self._batches) * self._batch_size
            ]
            if len(full):
                blocks.append(self._block(full, self._capacity, self._batch_size))
            if stop > self._batches:
                blocks.append(self._block(rows[-self._rest :], 1, self._rest))
            yield blocks
            del blocks

    def samples(self) -> list[StepBlock]:
        """A block of every shape that a pass has."""
        samples = next(self.one_pass())
        if self._rest and len(self._cuts) > 1:
            samples.append(self._block(np.arange(self._rest), 1, self._rest))
        return samples

    def _block(self, rows: NDArray[Any], capacity: int, batch_size: int) -> StepBlock:
        steps = len(rows) // batch_size
        missing = capacity * batch_size - len(rows)
        rows = np.pad(rows, (0, missing))  # never trained on: they keep the shape equal
        if self.whole:
            rows = rows.reshape(capacity, batch_size).astype("int32")
            return StepBlock(self._data, rows, steps, bool(self._rest))
        gathered = self._put(
            self._tree.map_structure(lambda array: array[rows], self._data)
        )
        order = np.arange(len(rows), dtype="int32")
        return StepBlock(
            gathered, order.reshape(capacity, batch_size), steps, bool(self._rest)
        )

    def _put(self, data: Any) -> Any:
        return self._tree.map_structure(self._to_device, data)


def _to_numpy(array: Any) -> NDArray[Any]:
    """The array itself where it is one of NumPy: Keras would copy it."""
    if isinstance(array, np.ndarray):
        return array
    converted: NDArray[Any] = backend.load().ops.convert_to_numpy(array)
    return converted
