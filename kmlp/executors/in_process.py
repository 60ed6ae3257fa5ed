"""Trains in this process, one slice at a time."""

from __future__ import annotations

from kmlp.engine import Slice, SliceFailed, SliceResult
from kmlp.executors.task import SECONDS, Worker


class InProcessExecutor:
    """Does a slice when its result is asked for.

    Args:
        seconds: How long a slice takes, at the least one epoch. Defaults to 2.
    """

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._worker = Worker(seconds=seconds)
        self._pending: Slice | None = None

    def free(self) -> int:
        return 0 if self._pending else 1

    def submit(self, slice_: Slice) -> None:
        if self._pending is not None:
            raise RuntimeError("The executor has a slice already.")
        self._pending = slice_

    def result(self, timeout: float | None = None) -> SliceResult | SliceFailed | None:
        if self._pending is None:
            raise RuntimeError("No slice was submitted.")
        slice_, self._pending = self._pending, None
        return self._worker.do(slice_)
