"""The engine: takes requests from a planner, has them trained, stores results.

It is the only writer of the store. Planners decide and never train; executors
train and know no study. Resuming and extending are one thing here: look up what
a run already has, have the rest trained. Several engines may share a store: a run
is trained by the one that has leased it.
"""

from kmlp.engine._contracts import (
    Executor,
    Planner,
    RunRequest,
    Task,
    TaskFailed,
    TaskResult,
)
from kmlp.engine._events import (
    CheckpointDamaged,
    EpochFinished,
    Event,
    Observer,
    RunFailed,
    RunFinished,
    RunStarted,
    RunWaits,
    StudyStarted,
    TaskRetried,
)
from kmlp.engine._loop import execute

__all__ = [
    "CheckpointDamaged",
    "EpochFinished",
    "Event",
    "Executor",
    "Observer",
    "Planner",
    "RunFailed",
    "RunFinished",
    "RunRequest",
    "RunStarted",
    "RunWaits",
    "StudyStarted",
    "Task",
    "TaskFailed",
    "TaskResult",
    "TaskRetried",
    "execute",
]
