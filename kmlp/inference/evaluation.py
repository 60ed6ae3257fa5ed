"""How good one model is: accuracy, each class, and what it takes for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kmlp.errors import raise_problems
from kmlp.inference.classifier import Classifier, as_classifier
from kmlp.statistics import CONFIDENCE

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassScores:
    """How well one class is told from the others."""

    name: str
    precision: float | None
    """Share of the images called so that are; None: none was called so."""
    recall: float | None
    """Share of its images that are called so; None: it has none."""
    f1: float | None
    """Harmonic mean of the two, 0 for a class that is never found; None: it has no
    images, and none was called so."""
    support: int
    """Number of its images."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Misclassification:
    """An image that is taken for another class than its own."""

    index: int
    """Among the images, from 0."""
    true: int
    predicted: int
    confidence: float
    """In the predicted class: see `Classifier.class_probabilities`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What a model makes of images whose classes are known."""

    class_names: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Numbers of images: a row a true class, a column a predicted one."""
    classes: tuple[ClassScores, ...]
    mistakes: tuple[Misclassification, ...]
    """All of them, the most confident first."""

    @property
    def size(self) -> int:
        """Number of images."""
        return sum(map(sum, self.confusion))

    @property
    def right(self) -> int:
        """Number of images that are taken for what they are."""
        return self.size - len(self.mistakes)

    @property
    def accuracy(self) -> float:
        """Share of the images that are taken for what they are."""
        return self.right / self.size

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy, over images like these."""
        return proportion_interval(self.right, self.size)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, which JSON can hold."""
        return {
            "size": self.size,
            "right": self.right,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "classes": [asdict(scores) for scores in self.classes],
            "confusion": [list(row) for row in self.confusion],
            "mistakes": [asdict(mistake) for mistake in self.mistakes],
        }


def evaluate(
    model: keras.Model | Classifier,
    images: NDArray[np.uint8],
    labels: NDArray[np.int32],
    *,
    class_names: Sequence[str] | None = None,
) -> Evaluation:
    """Compares what a model makes of images with what they are.

    An image is taken for the class of the model's largest output.

    Args:
        model: An image classifier: a built Keras model that takes raw images.
        images: Pixels from 0 to 255, of shape `(size, *input_shape)`.
        labels: Their classes from 0, of shape `(size,)`.
        class_names: A name for every class. Defaults to None: their numbers.

    Returns:
        An `Evaluation`.

    Raises:
        ConfigError: with every problem at once, if the model is no classifier or does
            not fit the images, the labels or the names.

    Example:
    >>> from kmlp import build_mlp, load_dataset
    >>> test = load_dataset("mnist").test
    >>> found = evaluate(build_mlp(), test.x[:100], test.y[:100])
    >>> found.size, found.classes[7].support
    (100, 15)
    """
    classifier = model if isinstance(model, Classifier) else as_classifier(model)
    classes = classifier.num_classes
    names = tuple(map(str, range(classes)) if class_names is None else class_names)
    problems = []
    if len(images) == 0 or len(images) != len(labels):
        problems.append(
            f"There are {len(images)} images and {len(labels)} labels, but there must be "
            "as many, and one at least."
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
    sure = class_probabilities[wrong, predicted[wrong]]
    return Evaluation(
        class_names=names,
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        classes=_scores(labels, predicted, names),
        mistakes=tuple(
            Misclassification(
                index=int(wrong[at]),
                true=int(labels[wrong[at]]),
                predicted=int(predicted[wrong[at]]),
                confidence=float(sure[at]),
            )
            for at in np.argsort(-sure, kind="stable")
        ),
    )


def proportion_interval(right: int, size: int) -> tuple[float, float]:
    """The 95 % interval of a proportion.

    Args:
        right: Number of successes, `0 <= right <= size`.
        size: Number of trials, `size >= 1`.

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

    found = binomtest(right, size).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def _scores(
    labels: NDArray[np.int32], predicted: NDArray[np.intp], names: Sequence[str]
) -> tuple[ClassScores, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    found = precision_recall_fscore_support(
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
        for name, precision, recall, f1, support in zip(names, *found, strict=True)
    )


def _defined(share: float) -> float | None:
    return None if np.isnan(share) else float(share)
