"""The events that the engine sends to an observer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kmlp.engine._contracts import RunRequest
from kmlp.training.run import EpochRecord, Run


@dataclass(frozen=True, slots=True)
class StudyStarted:
    """All settings are checked, and training begins."""

    names: tuple[str, ...]
    """The name of the study, or of the studies that are trained together."""
    requests: int
    """The largest number of requests. A search may promote fewer trials."""
    epochs: int
    """The largest number of epochs that the requests ask for in total."""


@dataclass(frozen=True, slots=True)
class LookTaken:
    """A study that chooses its number of seeds was looked at."""

    study: str
    """The name of the study."""
    seeds: int
    """The number of seeds with which it was looked at."""
    summary: str
    """The pairs that are still open, or the reason why the study stops, in a sentence."""
    requests: int
    """The number of requests that follow; 0 if the study stops."""
    epochs: int
    """The number of epochs that these requests ask for in total."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run is about to be trained."""

    request: RunRequest


@dataclass(frozen=True, slots=True)
class EpochFinished:
    """A run has one more epoch."""

    request: RunRequest
    record: EpochRecord
    place: str = ""
    """The machine and the device that trained the epoch; empty for the engine's."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run has reached its request, diverged or failed."""

    request: RunRequest
    run: Run
    trained: int
    """The number of epochs trained for the request now. The store had the other ones."""


@dataclass(frozen=True, slots=True)
class RunWaits:
    """Another process is training the run."""

    request: RunRequest
    holder: str = ""
    """The process, its machine and the time of the lease. Defaults to empty: unknown."""


@dataclass(frozen=True, slots=True)
class TaskRetried:
    """A task failed, and is tried again from the same epoch."""

    request: RunRequest
    reason: str
    tries: int
    """The number of failures so far."""


@dataclass(frozen=True, slots=True)
class RunFailed:
    """A run failed: a task failed too often, or would fail again.

    `RunFinished` follows.
    """

    request: RunRequest
    reason: str
    tries: int
    """The number of failures."""


@dataclass(frozen=True, slots=True)
class CheckpointDamaged:
    """A checkpoint was changed or is missing, so that epochs are trained again."""

    request: RunRequest
    file: str
    epochs: int
    """The number of epochs that remain."""


Event = (
    StudyStarted
    | LookTaken
    | RunStarted
    | EpochFinished
    | RunFinished
    | RunWaits
    | TaskRetried
    | RunFailed
    | CheckpointDamaged
)
Observer = Callable[[Event], None]
"""A function that is called with each event when it happens."""
