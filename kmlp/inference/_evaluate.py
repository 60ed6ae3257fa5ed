"""`kmlp.evaluate`: evaluate a model of either task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from kmlp.errors import raise_problems
from kmlp.inference.classifier import as_classifier, gives_one_number
from kmlp.inference.evaluation import Evaluation, evaluate_classifier
from kmlp.inference.regression import RegressionEvaluation, evaluate_regression
from kmlp.model.input_table import table_of_model

if TYPE_CHECKING:
    import keras


def evaluate(
    model: keras.Model,
    x: NDArray[Any],
    y: NDArray[Any],
    *,
    class_names: Sequence[str] | None = None,
    target: str | None = None,
    unit: str | None = None,
) -> Evaluation | RegressionEvaluation:
    """Evaluate a model on images or rows of a table whose targets are known.

    A model with a number for each class is a classifier, whose predicted class is that of
    the largest output. A model with one number is a regression, unless the number is a
    probability. If the model is one of kmlp's for a table, it fills in missing values, and
    knows the names of its classes or of its target.

    Args:
        model: A built Keras model whose input is raw images or rows.
        x: Pixels from 0 to 255, of shape `(size, *input_shape)`; or rows of a table, of
            shape `(size, features)`, with nan for missing values.
        y: Classes of the examples, from 0, of shape `(size,)`; for a regression its
            targets, in their unit.
        class_names: A name for every class. Defaults to None: those of the model's table,
            else the numbers.
        target: The name of the target of a regression. Defaults to None: that of the
            model's table, else "target".
        unit: The unit of the target of a regression. Defaults to None: that of the model's
            table, else "".

    Returns:
        For a classifier the accuracy, the scores of each class, the confusion matrix and
        the mistakes. For a regression RMSE, MAE, R² and the residuals.

    Raises:
        ConfigError: with every problem at once, if the model is neither a classifier nor a
            regression, or does not fit the examples, the targets or the names.

    Example:
    >>> import numpy as np
    >>> from kmlp import build_mlp, load_dataset
    >>> test = load_dataset("mnist").test
    >>> evaluation = evaluate(build_mlp(), test.x[:100], test.y[:100])
    >>> evaluation.size, evaluation.classes[7].support
    (100, 15)
    >>> mean = build_mlp(
    ...     input_shape=(1,), num_classes=None, depth=0, initializer="zeros",
    ...     scaling="none", targets=(20, 5),
    ... )
    >>> evaluate(mean, np.zeros((2, 1)), np.array([17, 24]), target="price", unit="EUR")
    RegressionEvaluation of price, 2 examples: RMSE 3.536 EUR, MAE 3.500 EUR, R² -0.02041
    """
    table = table_of_model(model)
    if class_names is None and gives_one_number(model):
        if table is not None:
            x = table.filled(x)
            target = target or table.schema.target
            unit = table.schema.unit if unit is None else unit
        return evaluate_regression(model, x, y, target=target or "target", unit=unit or "")
    classifier = as_classifier(model)
    raise_problems(
        f"The value of `{name}` is {value!r}, but only a regression has one, and the model "
        f"has {classifier.num_classes} classes. Leave it out."
        for name, value in (("target", target), ("unit", unit))
        if value is not None
    )
    if table is not None:
        x, class_names = table.filled(x), class_names or table.class_names
    return evaluate_classifier(classifier, x, y, class_names=class_names)
