"""Check the arguments of `build_mlp` that are not fields of a configuration."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kmlp._util.numbers import as_integer, as_number
from kmlp.errors import ConfigError, UnknownNameError, raise_problems, shown
from kmlp.model.hyperparameters import config_fields
from kmlp.model.losses import Loss, get_loss
from kmlp.model.regression import no_classes, output_problem
from kmlp.model.scaling import (
    DEFAULT_SCALINGS,
    SCALINGS,
    ColumnScaling,
    PixelScaling,
    column_scaling,
    pixel_scaling,
)

if TYPE_CHECKING:
    from kmlp.data import Task

_TOO_LARGE = 2**31


def check_shapes(input_shape: Any, num_classes: Any) -> None:
    problems = []
    sizes = input_shape if isinstance(input_shape, tuple | list) else ()
    if not sizes or not all(map(_is_size, sizes)):
        problems.append(
            f"The value of `input_shape` is {shown(input_shape)}, but must have at least "
            "one size, each at least 1 and less than 2**31, as (28, 28)."
        )
    if num_classes is not None and not (_is_size(num_classes) and num_classes >= 2):
        problems.append(
            f"The value of `num_classes` is {shown(num_classes)}, but must be "
            "`2 <= num_classes < 2**31`, or None for a regression."
        )
    raise_problems(problems)


def check_scaling_arguments(
    scaling: Any, pixels: Any, columns: Any, input_shape: Any
) -> PixelScaling | ColumnScaling | None:
    """Return the scaling of the arguments; None if another check refuses them.

    Raises:
        ConfigError: if the arguments do not fit together.
    """
    if columns is None:
        name = DEFAULT_SCALINGS["images"] if scaling is None else scaling
        return pixel_scaling(name, pixels) if name in SCALINGS else None
    problems = []
    if pixels is not None:
        problems.append(
            "`pixels` are the numbers of images, and `columns` those of a table. Give one "
            "of them."
        )
    if scaling == "none":
        problems.append(
            'The value of `columns` does nothing because `scaling` is "none". Leave one of '
            "them out."
        )
    raise_problems(problems)
    return column_scaling(columns, input_shape)


def check_targets(targets: Any, task: Task) -> None:
    if targets is None:
        return
    if task == "classification":
        raise ConfigError(
            [
                "`targets` are the numbers of a regression, but `num_classes` is given. "
                "Leave one of them out: `num_classes=None` is a regression."
            ]
        )
    numbers = list(map(as_number, targets)) if isinstance(targets, tuple | list) else []
    match numbers:
        case [float() as mean, float() as sd] if math.isfinite(mean) and 0 < sd < math.inf:
            return
    raise ConfigError(
        [
            f"The value of `targets` is {shown(targets)}, but must be the mean and the "
            "standard deviation (above 0) of the training targets. Give "
            "`targets=(y.mean(), y.std())`."
        ]
    )


def check_functions(
    activation: Any, loss: Any, output: Any, label_smoothing: Any, task: Task
) -> None:
    problems = []
    if not isinstance(activation, str) and not callable(activation):
        problems.append(f"The activation {activation!r} is neither a name nor a function.")
    if not isinstance(loss, str | Loss):
        problems.append(
            f"The loss {loss!r} is neither a name nor a `kmlp.Loss`. Wrap a function as "
            'Loss(function=..., output="linear", targets="index").'
        )
    if isinstance(loss, Loss) and label_smoothing != 0:
        problems.append(
            f"The value of `label_smoothing` is {shown(label_smoothing)}, but a loss of "
            "your own does not have it. Give the name of a loss, or leave "
            "`label_smoothing` out."
        )
    if isinstance(loss, Loss) and (loss.targets == "number") != (task == "regression"):
        problems.append(
            f'The loss has `targets="{loss.targets}"`, but must have "number" for a '
            'regression (`num_classes=None`), and "index" or "one_hot" for classes.'
        )
    elif isinstance(loss, Loss) and output is not None:
        try:
            config_fields()["output"].convert(output)
            loss.resolve_output(output)
        except ConfigError as error:
            problems += error.problems
    if task == "regression":
        problems += _regression_problems(loss, output, label_smoothing)
    raise_problems(problems)


def _regression_problems(loss: Any, output: Any, label_smoothing: Any) -> Iterator[str]:
    """Yield the problems of arguments that a regression does not have."""
    if isinstance(loss, str):
        try:
            get_loss(loss, "regression")
        except (ConfigError, UnknownNameError) as error:
            yield str(error)
    if output not in (None, "linear"):
        yield output_problem(output)
    if label_smoothing != 0:
        yield no_classes("label_smoothing", label_smoothing, "the model")


def _is_size(value: Any) -> bool:
    number = as_integer(value)
    return number is not None and 0 < number < _TOO_LARGE
