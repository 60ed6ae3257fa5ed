"""The engine: takes requests from a planner, has them trained, and stores the results.

Only the engine writes runs to the store. Planners decide and never train. Executors train
and know no study. Resuming and extending a run are the same here: the engine looks up the
epochs that the run has, and has the other ones trained. Several engines may share a store:
the engine that has leased a run trains it.
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
    LookTaken,
    Observer,
    RunFailed,
    RunFinished,
    RunStarted,
    RunWaits,
    StudyStarted,
    TaskRetried,
)
from kmlp.engine._loop import execute
from kmlp.training.target import Target

__all__ = [
    "CheckpointDamaged",
    "EpochFinished",
    "Event",
    "Executor",
    "LookTaken",
    "Observer",
    "Planner",
    "RunFailed",
    "RunFinished",
    "RunRequest",
    "RunStarted",
    "RunWaits",
    "StudyStarted",
    "Target",
    "Task",
    "TaskFailed",
    "TaskResult",
    "TaskRetried",
    "execute",
]
