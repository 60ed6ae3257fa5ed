"""Evaluate one model: accuracy, scores of each class, confusion matrix and mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp.errors import raise_problems
from kmlp.inference.classifier import Classifier
from kmlp.model.metrics import ACCURACY, BALANCED_ACCURACY, MACRO_F1
from kmlp.statistics import CONFIDENCE, balanced_accuracy, macro_f1


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassScores:
    """Precision, recall and F1 of one class."""

    name: str
    """The name of the class."""
    precision: float | None
    """Correct predictions of the class / all predictions of the class, from 0 to 1. None
    if the class was never predicted."""
    recall: float | None
    """Correct predictions of the class / images of the class, from 0 to 1. None if there
    are no images of the class."""
    f1: float | None
    """Harmonic mean of precision and recall; 0 if no prediction of the class was correct.
    None if the class has no images and was never predicted."""
    support: int
    """Number of images of the class."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Misclassification:
    """An example for which a wrong class was predicted."""

    index: int
    """Index of the example, from 0."""
    true: int
    """Number of the true class."""
    predicted: int
    """Number of the predicted class."""
    confidence: float
    """Confidence in the predicted class: see `Classifier.class_probabilities`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """The results of a classifier on images or rows whose classes are known."""

    class_names: tuple[str, ...]
    """The names of the classes."""
    confusion: tuple[tuple[int, ...], ...]
    """The confusion matrix, in numbers of examples: rows are true classes, columns are
    predicted classes."""
    classes: tuple[ClassScores, ...]
    """The scores of each class."""
    mistakes: tuple[Misclassification, ...]
    """All misclassified examples, in order of decreasing confidence."""
    noun: str = "images"
    """The word for the examples: "images", or "rows" of a table. Defaults to "images"."""

    def __repr__(self) -> str:
        """The figures of all classes together, and the number of examples."""
        accuracy = ACCURACY.text(self.accuracy)
        return (
            f"Evaluation of {self.size:,} {self.noun}: accuracy {accuracy}, "
            f"{self.averages_text}"
        )

    @property
    def size(self) -> int:
        """Number of examples."""
        return sum(map(sum, self.confusion))

    @property
    def right(self) -> int:
        """Number of examples that are classified correctly."""
        return self.size - len(self.mistakes)

    @property
    def accuracy(self) -> float:
        """Fraction of the examples that are classified correctly, from 0 to 1."""
        return self.right / self.size

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that have examples, from 0 to 1.

        Classes of any size count the same: see `kmlp.model.metrics.BALANCED_ACCURACY`.
        """
        right, true, _ = self._counts()
        return balanced_accuracy(right, true)

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that have examples or are predicted, from 0 to 1.

        See `kmlp.model.metrics.MACRO_F1`.
        """
        return macro_f1(*self._counts())

    @property
    def averages_text(self) -> str:
        """The figures in which all classes count the same, as text."""
        values = (
            (BALANCED_ACCURACY, self.balanced_accuracy),
            (MACRO_F1, self.macro_f1),
        )
        return ", ".join(f"{metric.title} {metric.text(value)}" for metric, value in values)

    def _counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The numbers of correct, of true and of predicted examples of each class."""
        matrix = np.array(self.confusion)
        return matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the accuracy on examples like these."""
        return proportion_interval(self.right, self.size)

    def to_dict(self) -> dict[str, Any]:
        """Return all results as plain values for JSON."""
        return {
            "size": self.size,
            "right": self.right,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "balanced_accuracy": self.balanced_accuracy,
            "macro_f1": self.macro_f1,
            "classes": [asdict(scores) for scores in self.classes],
            "confusion": [list(row) for row in self.confusion],
            "mistakes": [asdict(mistake) for mistake in self.mistakes],
        }


def evaluate_classifier(
    classifier: Classifier,
    images: NDArray[Any],
    labels: NDArray[np.int32],
    *,
    class_names: Sequence[str] | None = None,
) -> Evaluation:
    """Evaluate a classifier on images or rows of a table whose classes are known.

    The predicted class is that of the model's largest output.

    Args:
        classifier: The classifier.
        images: Pixels from 0 to 255, of shape `(size, *input_shape)`; or complete rows of
            a table, of shape `(size, features)`.
        labels: Classes of the examples, from 0, of shape `(size,)`.
        class_names: A name for every class. Defaults to None: the numbers.

    Raises:
        ConfigError: with every problem at once, if the model does not fit the images, the
            labels or the names.
    """
    classes = classifier.num_classes
    names = tuple(map(str, range(classes)) if class_names is None else class_names)
    problems = []
    if len(images) == 0 or len(images) != len(labels):
        problems.append(
            f"There are {len(images)} {classifier.noun} and {len(labels)} labels, but the "
            "numbers must be equal, and at least 1."
        )
    elif not 0 <= labels.min() <= labels.max() < classes:
        problems.append(
            f"There are labels from {labels.min()} to {labels.max()}, but the model's "
            f"classes are 0 to {classes - 1}."
        )
    problems += classifier.shape_problems(images.shape[1:], len(names))
    raise_problems(problems)
    class_probabilities = classifier.class_probabilities(images)
    predicted = class_probabilities.argmax(axis=1)
    from sklearn.metrics import confusion_matrix

    confusion = confusion_matrix(labels, predicted, labels=range(classes))
    wrong = np.flatnonzero(predicted != labels)
    confidences = class_probabilities[wrong, predicted[wrong]]
    return Evaluation(
        class_names=names,
        noun=classifier.noun,
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        classes=_scores(labels, predicted, names),
        mistakes=tuple(
            Misclassification(
                index=int(wrong[position]),
                true=int(labels[wrong[position]]),
                predicted=int(predicted[wrong[position]]),
                confidence=float(confidences[position]),
            )
            for position in np.argsort(-confidences, kind="stable")
        ),
    )


def proportion_interval(right: int, size: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a proportion.

    Args:
        right: Number of successes, `0 <= right <= size`.
        size: Number of observations, `size >= 1`.

    Formula: Wilson's score interval, with `p = right / size` and the normal
    distribution's `z = 1.96`:
    `(p + z²/2n ± z sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)`.

    Example:
    >>> low, high = proportion_interval(81, 263)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)

    Reference: E. B. Wilson (1927), Probable inference, the law of succession, and
    statistical inference, Journal of the American Statistical Association 22(158).
    """
    from scipy.stats import binomtest

    interval = binomtest(right, size).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def _scores(
    labels: NDArray[np.int32], predicted: NDArray[np.intp], names: Sequence[str]
) -> tuple[ClassScores, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        labels, predicted, labels=range(len(names)), zero_division=np.nan
    )
    return tuple(
        ClassScores(
            name=name,
            precision=_defined(precision),
            recall=_defined(recall),
            f1=_defined(f1),
            support=int(support),
        )
        for name, precision, recall, f1, support in zip(names, *columns, strict=True)
    )


def _defined(score: float) -> float | None:
    return None if np.isnan(score) else float(score)
