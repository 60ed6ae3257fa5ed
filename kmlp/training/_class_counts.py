"""Balanced accuracy and macro F1 of an evaluation, from counts of each class."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from kmlp.statistics import balanced_accuracy, macro_f1


class ClassCounts(keras.metrics.Metric):  # type: ignore[misc]  # Keras has no types
    """The metric that counts the examples of an evaluation by class and predicted class.

    It has no result for Keras, which would compute one at the end of every epoch and
    evaluation, operation by operation. That takes longer than to count.

    Args:
        classes: The number of classes.
    """

    def __init__(self, classes: int) -> None:
        super().__init__(name="class_counts")
        shape = (classes, classes)
        self._counts = self.add_variable(shape, "zeros", name="counts")
        self._classes = classes

    def update_state(self, y: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count the examples of a batch.

        Args:
            y: Classes, of shape `(size, 1)`, or one-hot vectors.
            y_pred: Outputs, of shape `(size, classes)`.
            sample_weight: Not used.
        """
        y = ops.convert_to_tensor(y)
        if len(y.shape) == 2 and y.shape[-1] == self._classes:
            y = ops.argmax(y, axis=-1)
        true = self._marks(ops.reshape(y, (-1,)))
        predicted = self._marks(ops.argmax(y_pred, axis=-1))
        self._counts.assign_add(ops.matmul(ops.transpose(true), predicted))

    def result(self) -> dict[str, Any]:
        """Return nothing: see `figures`."""
        return {}

    def figures(self) -> dict[str, float]:
        """Return balanced accuracy and macro F1 by name; nan without an example."""
        confusion = np.array(ops.convert_to_numpy(self._counts), "float64")
        right, true, predicted = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
        if not true.any():
            return dict.fromkeys(("balanced_accuracy", "macro_f1"), np.nan)
        return {
            "balanced_accuracy": balanced_accuracy(right, true),
            "macro_f1": macro_f1(right, true, predicted),
        }

    def _marks(self, classes: Any) -> Any:
        """Return 1 at the class of each example, of shape `(size, classes)`."""
        # `ops.one_hot` would read values on PyTorch, and could not be traced.
        numbers = ops.arange(self._classes, dtype="int32")
        same = ops.equal(ops.cast(classes, "int32")[:, None], numbers)
        return ops.cast(same, "float32")
