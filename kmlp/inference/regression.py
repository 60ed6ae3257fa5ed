"""Evaluate a regression: RMSE, MAE, R² and the residual of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kmlp.errors import ConfigError
from kmlp.inference.classifier import batch_of, outputs_of, shape_text
from kmlp.model.metrics import MAE, R2, RMSE

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RegressionEvaluation:
    """The results of a regression on examples whose targets are known."""

    true: NDArray[np.float64]
    """The targets, of shape `(size,)`."""
    predicted: NDArray[np.float64]
    """The predictions, of shape `(size,)`."""
    target: str = "target"
    """The name of the target. Defaults to "target"."""
    unit: str = ""
    """The unit of the target. Defaults to "": unknown, or none."""

    def __repr__(self) -> str:
        """The figures, and the number of examples."""
        return f"RegressionEvaluation of {self.target}, {self.size:,} examples: {self.text}"

    @property
    def text(self) -> str:
        """RMSE, MAE and R² as text, with the unit."""
        values = ((RMSE, self.rmse), (MAE, self.mae), (R2, self.r2))
        return ", ".join(
            f"{metric.title} undefined (all targets are equal)"
            if value is None
            else f"{metric.title} {metric.with_unit(self.unit).text(value)}"
            for metric, value in values
        )

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.true)

    @property
    def residuals(self) -> NDArray[np.float64]:
        """The targets minus the predictions, of shape `(size,)`."""
        return self.true - self.predicted

    @property
    def rmse(self) -> float:
        """The root of the mean squared error, in the unit of the target."""
        return float(np.sqrt((self.residuals**2).mean()))

    @property
    def mae(self) -> float:
        """The mean absolute error, in the unit of the target."""
        return float(np.abs(self.residuals).mean())

    @property
    def r2(self) -> float | None:
        """The coefficient of determination; None if all targets are equal.

        Formula: `1 - sum(residuals ** 2) / sum((true - mean(true)) ** 2)`
        """
        if self.true.min() == self.true.max():
            return None
        return float(1 - (self.residuals**2).mean() / self.true.var())

    @property
    def largest(self) -> list[int]:
        """The indices of the examples, from the largest absolute residual to the least."""
        return [int(i) for i in np.argsort(-np.abs(self.residuals), kind="stable")]

    def to_dict(self) -> dict[str, Any]:
        """Return all results as plain values for JSON."""
        return {
            "target": self.target,
            "unit": self.unit,
            "size": self.size,
            "rmse": self.rmse,
            "mae": self.mae,
            "r2": self.r2,
            "true": self.true.tolist(),
            "predicted": self.predicted.tolist(),
        }


def predict_numbers(
    model: keras.Model, x: NDArray[Any], name: str = "The model"
) -> NDArray[np.float64]:
    """Return the numbers that a regression predicts, of shape `(size,)`.

    Args:
        model: A model that gives one number for each example.
        x: Raw examples, of shape `(size, *input_shape)`.
        name: Name of the model in messages. Defaults to "The model".

    Raises:
        ConfigError: if the examples do not fit the model, or if a prediction is not a
            finite number.
    """
    if tuple(x.shape[1:]) != tuple(model.input_shape[1:]):
        raise ConfigError(
            [
                f"{name} takes {shape_text(tuple(model.input_shape[1:]))}, but these "
                f"examples are {shape_text(tuple(x.shape[1:]))}."
            ]
        )
    predicted = outputs_of(model, x, batch_of(model, name))[:, 0]
    invalid = (~np.isfinite(predicted)).sum()
    if invalid:
        raise ConfigError(
            [
                f"The model's predictions are not finite for {invalid} of {len(x)} rows. "
                "Has a row missing values, or did the training diverge?"
            ]
        )
    return predicted


def evaluate_regression(
    model: keras.Model,
    x: NDArray[Any],
    y: NDArray[Any],
    *,
    target: str = "target",
    unit: str = "",
) -> RegressionEvaluation:
    """Evaluate a regression on examples whose targets are known.

    Args:
        model: A model that gives one number for each example.
        x: Raw examples, of shape `(size, *input_shape)`.
        y: The targets, of shape `(size,)`.
        target: The name of the target. Defaults to "target".
        unit: The unit of the target. Defaults to "".

    Raises:
        ConfigError: if there are no examples, if a target is not a finite number, or if
            the examples do not fit the model.
    """
    true = np.asarray(y, "float64").reshape(-1)
    if len(x) == 0 or len(x) != len(true):
        raise ConfigError(
            [
                f"There are {len(x)} examples and {len(true)} targets, but the numbers "
                "must be equal, and at least 1."
            ]
        )
    if invalid := (~np.isfinite(true)).sum():
        raise ConfigError(
            [
                f"{invalid} of {len(true)} targets are not finite numbers. Leave these "
                "examples out."
            ]
        )
    return RegressionEvaluation(
        true=true,
        predicted=predict_numbers(model, x),
        target=target,
        unit=unit,
    )
