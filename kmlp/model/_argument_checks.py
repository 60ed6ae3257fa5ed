"""Check the arguments of `build_mlp` that are not fields of a configuration."""

from __future__ import annotations

from typing import Any

from kmlp._util.numbers import as_integer
from kmlp.errors import ConfigError, raise_problems, shown
from kmlp.model.hyperparameters import config_fields
from kmlp.model.losses import Loss

_TOO_LARGE = 2**31


def check_shapes(input_shape: Any, num_classes: Any) -> None:
    problems = []
    sizes = input_shape if isinstance(input_shape, tuple | list) else ()
    if not sizes or not all(map(_is_size, sizes)):
        problems.append(
            f"The value of `input_shape` is {shown(input_shape)}, but must have at least "
            "one size, each at least 1 and less than 2**31, as (28, 28)."
        )
    if not (_is_size(num_classes) and num_classes >= 2):
        problems.append(
            f"The value of `num_classes` is {shown(num_classes)}, but must be "
            "`2 <= num_classes < 2**31`."
        )
    raise_problems(problems)


def check_functions(activation: Any, loss: Any, output: Any, label_smoothing: Any) -> None:
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
    if isinstance(loss, Loss) and output is not None:
        try:
            config_fields()["output"].convert(output)
            loss.resolve_output(output)
        except ConfigError as error:
            problems += error.problems
    raise_problems(problems)


def _is_size(value: Any) -> bool:
    number = as_integer(value)
    return number is not None and 0 < number < _TOO_LARGE
