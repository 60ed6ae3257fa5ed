"""What can be checked only with the dataset or the backend, before anything is trained."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from kmlp import backend
from kmlp.activations import ACTIVATIONS, get_activation
from kmlp.config import RunConfig
from kmlp.data import load_dataset
from kmlp.errors import ConfigError, gather, raise_problems
from kmlp.losses import LOSSES, get_loss
from kmlp.model import count_parameters

MAX_PARAMETERS = 2**30
"""The largest model that is built: 4 GiB of weights, and as much of gradients."""


def check_trainable(configs: Iterable[RunConfig], *, epochs: int) -> None:
    """Checks what the configurations cannot check by themselves.

    Functions of the user's own are tried on two made-up examples.

    Raises:
        ConfigError: with the problems of all configurations at once.
        DataError: if a dataset cannot be read.
    """
    checks: list[Callable[[], Any]] = [partial(check_count, "epochs", epochs)]
    for config in configs:
        checks += [partial(_check_data, config), partial(_check_functions, config)]
    gather(checks)


def check_count(name: str, number: Any) -> int:
    """The number as an int of at least 1.

    Raises:
        ConfigError: if it is none.
    """
    try:
        count = -1 if isinstance(number, bool) else operator.index(number)
    except TypeError:
        count = -1
    if count < 1:
        raise ConfigError(
            [f"The value of `{name}` is {number!r}, but must be an integer, `{name} >= 1`."]
        )
    return count


def parameters_of(config: RunConfig) -> int:
    """Number of weights and biases of a configuration's model, without building it."""
    dataset = load_dataset(config.dataset)
    return count_parameters(
        dataset.input_shape, dataset.num_classes, config.width, config.depth
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


def _check_functions(config: RunConfig) -> None:
    """Tries the functions that are the user's own as a model will call them."""
    if not (ACTIVATIONS.is_own(config.activation) or LOSSES.is_own(config.loss)):
        return
    ops = backend.load().ops
    classes = load_dataset(config.dataset).num_classes
    loss = get_loss(config.loss)
    scores = get_activation(loss.resolve_output(config.output))(ops.ones((2, classes)))
    one_hot = loss.targets == "one_hot"
    targets = ops.one_hot([0, 1], classes) if one_hot else ops.convert_to_tensor([[0], [1]])
    gather(
        [
            partial(
                _try,
                f'The activation "{config.activation}"',
                partial(get_activation(config.activation), ops.ones((2, 4))),
                ((2, 4),),
            ),
            partial(
                _try,
                f'The loss "{config.loss}"',
                partial(loss.function, targets, scores),
                ((2,), ()),
            ),
        ]
    )


def _try(what: str, call: Callable[[], Any], shapes: tuple[tuple[int, ...], ...]) -> None:
    try:
        found = tuple(backend.load().ops.shape(call()))
    except Exception as error:  # a user's function may fail in any way
        raise ConfigError(
            [f"{what} fails on two examples with {type(error).__name__}: {error}"]
        ) from error
    if found not in shapes:
        wanted = " or ".join(map(str, shapes))
        raise ConfigError([f"{what} gives shape {found}, but must give {wanted}."])
