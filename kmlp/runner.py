"""Having runs trained, all of them checked first; `train` is one run of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from kmlp import backend
from kmlp.checks import check_trainable
from kmlp.config import RunConfig
from kmlp.engine import Assignment, Observer, Planned, StudyStarted, execute
from kmlp.executors import InProcessExecutor
from kmlp.run import Run
from kmlp.store import MemoryStore


class ListPlanner:
    """A planner whose assignments are known from the start."""

    def __init__(self, assignments: Iterable[Assignment]) -> None:
        self._left = deque(assignments)
        self.runs: dict[RunConfig, Run] = {}

    def next(self) -> Assignment | Planned:
        return self._left.popleft() if self._left else Planned.DONE

    def report(self, assignment: Assignment, run: Run) -> None:
        self.runs[assignment.config] = run


def train(config: RunConfig, *, epochs: int = 10, observer: Observer | None = None) -> Run:
    """Trains one run through `model.fit`.

    Args:
        config: The run's hyperparameters.
        epochs: Epochs to train, `epochs >= 1`. Defaults to 10.
        observer: Is told each event as it happens. Defaults to None.

    Returns:
        The run: a record of each epoch, the test loss and accuracy, the
        checkpoint, and `model()`, the trained model. If its loss is no longer
        finite, its status is "diverged" and it ends there.

    Raises:
        ConfigError: if the configuration cannot be trained.
        BackendError: if there is no backend.

    Example:
    >>> from kmlp import RunConfig, train
    >>> run = train(RunConfig(train_size=1000), epochs=2)
    >>> run.status, run.epochs, len(run.history[0].step_losses)
    ('finished', 2, 16)
    """
    return train_all([config], epochs=epochs, observer=observer)[0]


def train_all(
    configs: Sequence[RunConfig], *, epochs: int, observer: Observer | None = None
) -> list[Run]:
    """Trains several runs, after all of them were checked.

    Returns:
        The runs, in the order of the configurations.

    Raises:
        ConfigError: if any configuration cannot be trained, with all problems.
        BackendError: if there is no backend.
    """
    check_trainable(configs, epochs=epochs)
    assignments = tuple(Assignment(config, epochs) for config in configs)
    if observer is not None:
        observer(StudyStarted(assignments))
    backend.load()
    planner = ListPlanner(assignments)
    execute(planner, store=MemoryStore(), executor=InProcessExecutor(), observer=observer)
    return [planner.runs[config] for config in configs]
