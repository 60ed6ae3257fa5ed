"""Trains in this process, one slice at a time."""

from __future__ import annotations

import time

from kmlp import backend
from kmlp.data import load_dataset
from kmlp.engine import Slice, SliceResult
from kmlp.run import Checkpoint, EpochRecord
from kmlp.training import Session


class InProcessExecutor:
    """Keeps the last session, so that a run's next slice goes on without a reload.

    Args:
        seconds: How long a slice takes, at the least one epoch. Defaults to 2.
    """

    def __init__(self, *, seconds: float = 2.0) -> None:
        self._seconds = seconds
        self._pending: Slice | None = None
        self._session: Session | None = None
        self._checkpoint: Checkpoint | None = None

    def free(self) -> int:
        return 0 if self._pending else 1

    def submit(self, slice_: Slice) -> None:
        if self._pending is not None:
            raise RuntimeError("The executor has a slice already.")
        self._pending = slice_

    def result(self) -> SliceResult:
        if self._pending is None:
            raise RuntimeError("No slice was submitted.")
        slice_, self._pending = self._pending, None
        session = self._session_for(slice_)
        started = time.monotonic()
        records: list[EpochRecord] = []
        while session.epochs < slice_.target:
            records.append(session.train_epoch())
            if not records[-1].finite or time.monotonic() - started >= self._seconds:
                break
        diverged = not records[-1].finite
        result = SliceResult(
            slice=slice_,
            backend=backend.select(),
            parameters=session.parameters,
            records=tuple(records),
            checkpoint=None if diverged else session.checkpoint(),
        )
        self._checkpoint = result.checkpoint
        if diverged or session.epochs == slice_.target:
            self._close()
        return result

    def _session_for(self, slice_: Slice) -> Session:
        session = self._session
        if (
            session is not None
            and session.config == slice_.config
            and self._checkpoint is slice_.checkpoint
        ):
            return session
        self._close()
        dataset = load_dataset(slice_.config.dataset)
        self._session = Session(slice_.config, dataset, slice_.checkpoint)
        return self._session

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
