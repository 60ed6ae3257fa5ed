"""The engine: takes assignments from a planner, has them trained, stores results.

It is the only writer of the store. Planners decide and never train; executors
train and know no study. Resuming and extending are one thing here: look up what
a run already has, have the rest trained. Several engines may share a store: a run
is trained by the one that has claimed it.
"""

from kmlp.engine.contracts import (
    Assignment,
    Executor,
    Planned,
    Planner,
    Standing,
    Store,
    Task,
    TaskFailed,
    TaskResult,
)
from kmlp.engine.events import (
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
from kmlp.engine.loop import execute

__all__ = [
    "Assignment",
    "CheckpointDamaged",
    "EpochFinished",
    "Event",
    "Executor",
    "Observer",
    "Planned",
    "Planner",
    "RunFailed",
    "RunFinished",
    "RunStarted",
    "RunWaits",
    "Standing",
    "Store",
    "StudyStarted",
    "Task",
    "TaskFailed",
    "TaskResult",
    "TaskRetried",
    "execute",
]
