"""Figures of a classification in which all classes count the same."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def balanced_accuracy(right: NDArray[Any], true: NDArray[Any]) -> float:
    """Return the mean recall of the classes that have examples, from 0 to 1.

    Args:
        right: The number of correct predictions of each class, of shape `(classes,)`.
        true: The number of examples of each class, at least one in all.

    Formula: that of scikit-learn's `balanced_accuracy_score`: see
    `kmlp.model.metrics.BALANCED_ACCURACY`.

    Example:
    >>> import numpy as np
    >>> balanced_accuracy(np.array([90, 5, 0]), np.array([100, 10, 0]))
    0.7
    """
    present = true > 0
    return float((right[present] / true[present]).mean())


def macro_f1(right: NDArray[Any], true: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the mean F1 of the classes that have examples or are predicted, from 0 to 1.

    Args:
        right: The number of correct predictions of each class, of shape `(classes,)`.
        true: The number of examples of each class.
        predicted: The number of predictions of each class, at least one in all.

    Formula: that of scikit-learn's `f1_score` with `average="macro"`: see
    `kmlp.model.metrics.MACRO_F1`.

    Example:
    >>> import numpy as np
    >>> macro_f1(np.array([3, 1, 0]), np.array([4, 2, 0]), np.array([4, 2, 0]))
    0.625
    """
    both = true + predicted
    counted = both > 0
    return float((2 * right[counted] / both[counted]).mean())
