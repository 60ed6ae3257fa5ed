"""Balanced accuracy and macro F1 of an evaluation, from counts of each class."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class ClassCounts(keras.metrics.Metric):  # type: ignore[misc]  # Keras has no types
    """The metric whose result has the balanced accuracy and macro F1.

    Args:
        classes: The number of classes.

    The formulas are those of scikit-learn's `balanced_accuracy_score`, and of `f1_score`
    with the mean over the classes that are true or predicted anywhere.
    """

    def __init__(self, classes: int) -> None:
        super().__init__(name="class_counts")
        shape = (3, classes)
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
        parts = (true * predicted, true, predicted)
        self._counts.assign_add(ops.stack([ops.sum(part, axis=0) for part in parts]))

    def result(self) -> dict[str, Any]:
        """Return both figures by name."""
        right, true, predicted = (self._counts[index] for index in range(3))
        recalls = right / ops.maximum(true, 1.0)
        f1 = 2.0 * right / ops.maximum(true + predicted, 1.0)
        return {
            "balanced_accuracy": _mean(recalls, true),
            "macro_f1": _mean(f1, true + predicted),
        }

    def _marks(self, classes: Any) -> Any:
        """Return 1 at the class of each example, of shape `(size, classes)`."""
        # `ops.one_hot` would read values on PyTorch, and could not be traced.
        numbers = ops.arange(self._classes, dtype="int32")
        same = ops.equal(ops.cast(classes, "int32")[:, None], numbers)
        return ops.cast(same, "float32")


def _mean(scores: Any, counts: Any) -> Any:
    """Return the mean of the scores of the classes that are counted at all."""
    counted = ops.cast(ops.greater(counts, 0), "float32")
    return ops.sum(scores * counted) / ops.maximum(ops.sum(counted), 1.0)
