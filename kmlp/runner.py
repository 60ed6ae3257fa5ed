"""Having runs trained, all of them checked first; `train` is one run of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial

from kmlp import backend
from kmlp.config import RunConfig
from kmlp.data import load_dataset
from kmlp.engine import Assignment, Observer, Planned, StudyStarted, execute
from kmlp.errors import ConfigError, gather, raise_problems
from kmlp.executors import InProcessExecutor
from kmlp.model import count_parameters
from kmlp.run import Run
from kmlp.store import MemoryStore

MAX_PARAMETERS = 2**30
"""The largest model that is built: 4 GiB of weights, and as much of gradients."""


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
    backend.load()
    assignments = tuple(Assignment(config, epochs) for config in configs)
    if observer is not None:
        observer(StudyStarted(assignments))
    planner = ListPlanner(assignments)
    execute(planner, store=MemoryStore(), executor=InProcessExecutor(), observer=observer)
    return [planner.runs[config] for config in configs]


def check_trainable(configs: Iterable[RunConfig], *, epochs: int) -> None:
    """Checks what can be known only with the dataset, for all configurations.

    Raises:
        ConfigError: with every problem at once.
        DataError: if a dataset cannot be read.
    """
    gather([partial(check_epochs, epochs), *(partial(_check_data, it) for it in configs)])


def check_epochs(epochs: int) -> None:
    """Raises `ConfigError` unless the number of epochs can be trained."""
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise ConfigError(
            [f"The value of `epochs` is {epochs!r}, but must be `epochs >= 1`."]
        )


def _check_data(config: RunConfig) -> None:
    dataset = load_dataset(config.dataset).with_train_size(config.train_size)
    problems = []
    if config.batch_size > len(dataset.train):
        problems.append(
            f"The value of `batch_size` is {config.batch_size}, but must be at most the "
            f"{len(dataset.train)} training images. Give a smaller one, or a larger "
            "`train_size`."
        )
    parameters = parameters_of(config)
    if parameters > MAX_PARAMETERS:
        problems.append(
            f"`width` {config.width} and `depth` {config.depth} make {parameters:,} "
            f"parameters, but at most {MAX_PARAMETERS:,} are trained. Give smaller ones."
        )
    raise_problems(problems)


def parameters_of(config: RunConfig) -> int:
    """Number of weights and biases of a configuration's model, without building it."""
    dataset = load_dataset(config.dataset)
    return count_parameters(
        dataset.input_shape, dataset.num_classes, config.width, config.depth
    )
