"""Regression: the scaling of the targets, and what a regression cannot have.

Networks are trained on standardized targets, `(y - mean) / sd`, with the mean and the
standard deviation of the training targets of the run. So the loss, its gradients and a good
learning rate do not depend on the unit. The saved model predicts in the unit of the target.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kmlp.errors import shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TARGET_LAYER = "target"
"""The name of the last layer of a regression, which gives outputs the target's unit."""


def target_statistics(y: NDArray[np.float32]) -> tuple[float, float]:
    """Return the mean and the standard deviation of the targets.

    Args:
        y: The training targets, of shape `(size,)`, of which two differ.

    Example:
    >>> import numpy as np
    >>> target_statistics(np.array([10, 30], "float32"))
    (20.0, 10.0)
    """
    return float(y.mean(dtype="float64")), float(y.std(dtype="float64"))


def in_target_unit(
    figures: Mapping[str, float], targets: NDArray[np.float32], sd: float
) -> dict[str, float]:
    """Return the figures of a part in the unit of the target, with R².

    Without R² if all targets of the part are equal: then it is not defined.

    Args:
        figures: The figures of standardized targets: `rmse`, `mae` and others.
        targets: The targets of the part, of shape `(size,)`.
        sd: The standard deviation of the training targets.

    Formula: `r2 = 1 - rmse ** 2 / variance`, with the variance of the part's targets.

    Example:
    >>> import numpy as np
    >>> targets = np.array([10, 30], "float32")
    >>> in_target_unit({"loss": 0.25, "rmse": 0.5, "mae": 0.5}, targets, sd=10.0)
    {'loss': 0.25, 'rmse': 5.0, 'mae': 5.0, 'r2': 0.75}
    """
    scaled = {**figures, "rmse": figures["rmse"] * sd, "mae": figures["mae"] * sd}
    variance = float(targets.var(dtype="float64"))
    if targets.min() < targets.max():
        scaled["r2"] = 1 - scaled["rmse"] ** 2 / variance
    return scaled


def output_problem(output: Any) -> str:
    """Return the problem of an output activation of a regression."""
    return (
        f"The value of `output` is {shown(output)}, but the output of a regression is "
        "linear: a standardized number, of either sign. Leave `output` out."
    )


def no_classes(field: str, value: Any, subject: str) -> str:
    """Return the problem of a field that changes the labels of classes.

    Args:
        field: The name of the field.
        value: Its value.
        subject: The dataset or the model, which is a regression.
    """
    return (
        f"The value of `{field}` is {shown(value)}, but {subject} has no classes: the "
        f"target of a regression is a number. Leave `{field}` out."
    )
