"""Checks before training that need the dataset or the backend."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from kmlp import backend
from kmlp._util.numbers import check_integer
from kmlp._util.text import count_of
from kmlp.errors import ConfigError, call_all, raise_problems
from kmlp.fused.fit import fit
from kmlp.model.activations import get_activation
from kmlp.model.augmentation import read_augmentation
from kmlp.model.build import build_mlp
from kmlp.model.config import RunConfig
from kmlp.model.custom import named_objects
from kmlp.model.layer_sizes import count_parameters
from kmlp.model.losses import get_loss
from kmlp.model.optimizers import OPTIMIZER_FIELDS, OPTIMIZERS, make_optimizer
from kmlp.model.run_data import dataset_of, split_for, statistics_of
from kmlp.settings import read_settings

MAX_PARAMETERS = 2**30
"""The maximum number of parameters: 4 GiB of weights, and as much of gradients."""

MAX_COUNT = {
    "epochs": 1_000_000,
    "max_epochs": 1_000_000,
    "max_trials": 100_000,
    "seeds": 10_000,
    "jobs": 1024,
}
"""The largest allowed value of each count. A larger value is probably a mistake."""


def check_trainable(
    configs: Iterable[RunConfig], *, epochs: int, fused: bool = True
) -> None:
    """Check configurations against their datasets and the backend.

    Custom functions are tried on two made-up examples.

    Args:
        configs: The configurations.
        epochs: Number of epochs to train.
        fused: True if an epoch will be one compiled program. Defaults to True.

    Raises:
        ConfigError: with the problems of all configurations, or if a setting of this
            process is not allowed for runs.
        BackendError: if no backend can be loaded.
        DataError: if a dataset cannot be read.
    """
    read_settings(backend.select())  # before the backend is loaded with these settings
    checks: list[Callable[[], Any]] = [partial(check_count, "epochs", epochs)]
    for config in configs:
        checks += [
            partial(_check_data, config),
            partial(_check_functions, config, fused=fused),
        ]
    call_all(checks)


def check_count(name: str, number: Any) -> int:
    """Return the number as an int from 1 to `MAX_COUNT[name]`.

    Raises:
        ConfigError: if the number is not such an integer.
    """
    return check_integer(name, number, most=MAX_COUNT[name])


def check_patience(patience: Any, epochs: int) -> int | None:
    """Return the patience of early stopping as an int; None stays None.

    Args:
        patience: The number of epochs without a better validation accuracy after which a
            run stops. None: no early stopping.
        epochs: The most epochs of a run.

    Raises:
        ConfigError: if the patience is not an integer from 1, or if no run could stop.
    """
    if patience is None:
        return None
    number = check_integer("patience", patience, most=MAX_COUNT["epochs"])
    if number >= epochs:
        raise ConfigError(
            [
                f"The value of `patience` is {number}, but runs have at most "
                f"{count_of(epochs, 'epoch')}: none could stop early. Give a smaller "
                "`patience`, or more epochs."
            ]
        )
    return number


def parameters_of(config: RunConfig) -> int:
    """Return the number of parameters of a configuration, without a model."""
    dataset = dataset_of(config)
    return count_parameters(
        dataset.input_shape,
        dataset.outputs,
        config.width,
        config.depth,
        config.normalization,
    )


def _check_data(config: RunConfig) -> None:
    whole = dataset_of(config)
    dataset = whole.on_fold(config.folds, config.seed) if config.folds else whole
    dataset = dataset.with_train_size(config.train_size)
    dataset.with_label_noise(config.label_noise, config.seed)
    problems = []
    if config.batch_size > len(dataset.train):
        problems.append(
            f"The value of `batch_size` is {config.batch_size}, but must be at most the "
            f"{len(dataset.train)} training {dataset.noun}. Choose a smaller `batch_size`, "
            "or a larger `train_size`."
        )
    if dataset.schema is not None or (
        config.scaling == "standard" and _are_equal(dataset.train.x)
    ):
        statistics_of(config, split_for(config, whole))  # raises the problem
    if config.augmentation != "none":
        problems += _augmentation_problems(config, dataset.input_shape)
    parameters = parameters_of(config)
    if parameters > MAX_PARAMETERS:
        problems.append(
            f"A `width` of {config.width} and a `depth` of {config.depth} make "
            f"{parameters:,} parameters, but at most {MAX_PARAMETERS:,} are allowed. "
            "Choose smaller values."
        )
    raise_problems(problems)


def _are_equal(pixels: np.ndarray) -> bool:
    """Return True if all pixels are equal; the first images are mostly enough to tell."""
    return all(part.min() == part.max() for part in (pixels[:100], pixels))


def _augmentation_problems(config: RunConfig, shape: tuple[int, ...]) -> list[str]:
    """Return the reasons why images of this shape cannot be augmented."""
    if len(shape) not in (2, 3):
        return [
            f'The value of `augmentation` is "{config.augmentation}", but the examples of '
            f"{config.dataset} have the shape {shape}, and are not images. Leave "
            "`augmentation` out."
        ]
    pixels = read_augmentation(config.augmentation).get("shift", 0)
    if pixels >= min(shape[:2]):
        return [
            f'The value of `augmentation` is "{config.augmentation}", but images of '
            f"{shape[0]} x {shape[1]} pixels can be shifted by at most "
            f"{min(shape[:2]) - 1}. Choose fewer PIXELS."
        ]
    return []


def _check_functions(config: RunConfig, *, fused: bool) -> None:
    """Try a configuration's custom functions as a model will call them."""
    if not any(registry.is_custom(name) for registry, name in named_objects(config)):
        return
    loss = get_loss(config.loss)
    output = loss.resolve_output(config.output)
    ops = backend.load().ops
    classes = dataset_of(config).num_classes
    activation, last = get_activation(config.activation), get_activation(output)
    one_hot = loss.targets == "one_hot"
    y = np.eye(classes, dtype="float32")[[0, 1]] if one_hot else np.array([[0], [1]])

    def compute_loss() -> Any:
        return loss.function(ops.convert_to_tensor(y), last(ops.ones((2, classes))))

    def train_a_step(*, fused: bool) -> None:
        model = build_mlp(
            input_shape=(2,), num_classes=classes, width=4, depth=1, activation=activation,
            loss=loss, output=output, optimizer=config.optimizer,
            **{name: getattr(config, name) for name in OPTIMIZER_FIELDS},
        )  # fmt: skip
        if fused:
            fit(model, np.ones((2, 2)), y, batch_size=2, epochs=1)
        else:
            model.train_on_batch(np.ones((2, 2)), y)

    names = (
        f'activation "{config.activation}"',
        f'output "{output}"',
        f'loss "{config.loss}"',
        f'optimizer "{config.optimizer}"',
    )
    size = (2, classes)
    call_all(
        [
            lambda: _try(f"The {names[0]}", lambda: activation(ops.ones((2, 4))), (2, 4)),
            lambda: _try(f"The {names[1]}", lambda: last(ops.ones(size)), size),
        ]
    )
    _try(f"The {names[2]}", compute_loss, (2,), ())
    if OPTIMIZERS.is_custom(config.optimizer):
        _try(f"The {names[3]}", lambda: make_optimizer(config))
    step = f"A step with the {', the '.join(names)}"
    _try(step, partial(train_a_step, fused=False))
    if fused:
        try:
            train_a_step(fused=True)
        except ConfigError as error:
            raise ConfigError(
                [
                    f"{step} cannot be fused with others. {error} To train step by step, "
                    "set `fused=False`."
                ]
            ) from error


def _try(subject: str, call: Callable[[], Any], *shapes: tuple[int, ...]) -> None:
    """Call a function of the user, and refuse errors and results of another shape.

    Args:
        subject: The start of the message, which names the function.
        call: The function.
        *shapes: The allowed shapes of the result. Defaults to none: any shape.

    Raises:
        ConfigError: if the call fails, or if the result has another shape.
    """
    try:
        result = call()
        shape = tuple(backend.load().ops.shape(result)) if shapes else ()
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:  # a user's function may raise anything
        text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())
        raise ConfigError(
            [f"{subject} fails on two examples with {type(error).__name__}: {text[:300]}"]
        ) from error
    if shapes and shape not in shapes:
        allowed = " or ".join(map(str, shapes))
        raise ConfigError([f"{subject} gives shape {shape}, but must give {allowed}."])
