"""Cut an epoch into chunks: a compiled program receives one chunk at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp import backend

CHUNK_BYTES = 2**28
"""The memory that a chunk may take in addition to the dataset, in bytes: 256 MiB."""

COPIES = 8
"""The assumed number of copies of a chunk's examples in memory. With it, the measured
peak on JAX and TensorFlow was 113 MiB above the 750 MiB of the dataset."""


@dataclass(frozen=True, slots=True)
class StepBlock:
    """Several mini-batches of one size."""

    data: Any
    """The examples on the device: a nest of arrays of shape `(examples, ...)`."""
    order: NDArray[np.int32]
    """The row numbers of each mini-batch's examples, of shape `(capacity, batch_size)`."""
    steps: int
    """The number of mini-batches to use, from the first row of `order` on."""
    uneven: bool = False
    """True if a pass over the data has mini-batches of two sizes."""


class ChunkedDataset:
    """A dataset, cut into chunks of equal shape.

    A dataset that is smaller than the limit is copied to the device once, whole, and a
    chunk is an order of its examples. If the dataset is larger, each chunk holds a
    copy of its own examples. In both cases examples keep their type until they are on
    the device. If `batch_size` does not divide the number of examples, the last
    mini-batch of a pass is smaller, and is a separate block.

    A pass over the data is one epoch, or several epochs if an epoch has fewer steps.
    No chunk belongs to two epochs.

    Args:
        data: A nest of arrays of shape `(examples, ...)`, of NumPy or already on the
            device.
        batch_size: Examples in a mini-batch.
        to_device: Function that copies an array to the device.
        limit: Memory that a chunk may take on the host and on the device together, in
            bytes. A chunk has at least one mini-batch, whatever its size.
        steps: Steps in an epoch. Defaults to None: a whole pass.
        one_by_one: True to make a chunk of every step. Defaults to False.
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
        # Arrays that are not NumPy's are on the device already, and need no copy there.
        host = [array for array in arrays if isinstance(array, np.ndarray)]
        self.whole = not host or sum(array.nbytes for array in host) <= limit
        """True if the whole dataset is on the device."""
        in_pass = self._batches + bool(self._rest)
        in_epoch = min(steps or in_pass, in_pass)
        if self.whole:
            self._data = self._put(data)
            longest = in_epoch
        else:
            self._data = self._tree.map_structure(_to_numpy, data)
            # A chunk is gathered on the host and copied to the device, and a program may
            # hold the examples as floats.
            example_bytes = sum(a[:1].nbytes for a in host) + np.dtype("int32").itemsize
            longest = max(1, limit // (COPIES * example_bytes * batch_size))
        longest = 1 if one_by_one else longest
        length = -(-in_epoch // -(-in_epoch // longest))
        self._capacity = min(length, self._batches)
        self._cuts = [
            (start, min(start + length, epoch + in_epoch, in_pass))
            for epoch in range(0, in_pass, in_epoch)
            for start in range(epoch, min(epoch + in_epoch, in_pass), length)
        ]
        self.chunks = len(self._cuts)
        """The number of chunks in a pass."""
        self.steps = steps or in_pass
        """The intended number of steps in an epoch. An epoch has fewer if the pass over
        the data ends earlier."""
        self.chunks_in_epoch = self.steps if one_by_one else -(-in_epoch // length)
        """The intended number of chunks in an epoch."""

    def one_pass(self, order: NDArray[np.int64] | None = None) -> Iterator[list[StepBlock]]:
        """Yield the chunks of a pass, each as a list of blocks.

        Args:
            order: Row numbers of the examples, of shape `(size,)`, in the order of the
                pass. Defaults to None: the order of the data.
        """
        rows = np.arange(self.size) if order is None else order
        for start, stop in self._cuts:
            # The blocks of the last chunk are freed before these are created.
            blocks: list[StepBlock] = []
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
        """Return a block of each shape that a pass has."""
        samples = next(self.one_pass())
        if self._rest and len(self._cuts) > 1:
            samples.append(self._block(np.arange(self._rest), 1, self._rest))
        return samples

    def _block(self, rows: NDArray[Any], capacity: int, batch_size: int) -> StepBlock:
        steps = len(rows) // batch_size
        missing = capacity * batch_size - len(rows)
        rows = np.pad(rows, (0, missing))  # padding is never trained on: see `steps`
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
    """Return an array as NumPy's, without the copy that Keras makes of a NumPy array."""
    if isinstance(array, np.ndarray):
        return array
    converted: NDArray[Any] = backend.load().ops.convert_to_numpy(array)
    return converted
