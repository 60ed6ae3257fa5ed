"""What an observer of the engine hears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kmlp.engine._contracts import RunRequest
from kmlp.training.run import EpochRecord, Run


@dataclass(frozen=True, slots=True)
class StudyStarted:
    """All is checked; training begins."""

    names: tuple[str, ...]
    """Of the study, or of several that are trained together."""
    requests: int
    """How many there are, about: what is promoted can be fewer."""
    epochs: int
    """How many they come to."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run is about to be trained."""

    request: RunRequest


@dataclass(frozen=True, slots=True)
class EpochFinished:
    """A run has one epoch more."""

    request: RunRequest
    record: EpochRecord
    place: str = ""
    """The machine and the device that trained it, if not those of the engine."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run has reached its request, diverged or failed."""

    request: RunRequest
    run: Run
    trained: int
    """Epochs that were trained for it now; the others were in the store."""


@dataclass(frozen=True, slots=True)
class RunWaits:
    """Another process is training the run."""

    request: RunRequest
    holder: str = ""
    """Which process, where and since when, if it says so. Defaults to empty."""


@dataclass(frozen=True, slots=True)
class TaskRetried:
    """A task failed, and is tried again from where the run was."""

    request: RunRequest
    reason: str
    tries: int
    """The number of times that it failed so far."""


@dataclass(frozen=True, slots=True)
class RunFailed:
    """A task failed too often, or would fail again, so its run failed; `RunFinished`
    follows.
    """

    request: RunRequest
    reason: str
    tries: int
    """The number of times that the task failed."""


@dataclass(frozen=True, slots=True)
class CheckpointDamaged:
    """A run's file was altered or is gone, so that epochs are trained again."""

    request: RunRequest
    file: str
    epochs: int
    """The epochs that are left."""


Event = (
    StudyStarted
    | RunStarted
    | EpochFinished
    | RunFinished
    | RunWaits
    | TaskRetried
    | RunFailed
    | CheckpointDamaged
)
Observer = Callable[[Event], None]
"""Is told what happens, as it happens."""
