"""The metrics that models are compiled with, by task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmlp import backend

if TYPE_CHECKING:
    from kmlp.data import Task


def keras_metrics(task: Task) -> list[Any]:
    """Return new metrics for `compile`.

    R² is not one of them: Keras sums the squares of the targets as float32, which is wrong
    for targets far from 0.

    Args:
        task: "classification", whose metric is accuracy, or "regression", whose metrics are
            `rmse` and `mae`.
    """
    if task == "classification":
        return ["accuracy"]
    metrics = backend.load().metrics
    return [
        metrics.RootMeanSquaredError(name="rmse"),
        metrics.MeanAbsoluteError(name="mae"),
    ]
