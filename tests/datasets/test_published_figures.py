"""Figures of MNIST that a university course published."""

from dataclasses import dataclass, replace
from statistics import mean

import numpy as np
import pytest

from kmlp import RunConfig, train
from kmlp.data import import_dataset, load_examples

pytestmark = [pytest.mark.once, pytest.mark.slow]

LARGE = {"dataset": "first_55000", "width": 50, "batch_size": 100}
SMALL = {
    "dataset": "first_5000",
    "width": 400,
    "batch_size": 50,
    "optimizer": "adam",
    "learning_rate": 0.001,
}


@dataclass(frozen=True)
class Figures:
    """What was published of one epoch of one seed."""

    test_accuracy: float
    val_accuracy: float | None = None
    loss: float | None = None
    accuracy: float | None = None


PUBLISHED = {
    "sgd": (LARGE | {"learning_rate": 0.03}, Figures(0.9010)),
    "momentum": (LARGE | {"learning_rate": 0.2, "momentum": 0.9}, Figures(0.9442)),
    "adam": (LARGE | {"optimizer": "adam", "learning_rate": 0.007}, Figures(0.9490)),
    "dropout": (
        SMALL | {"dropout": 0.3, "input_dropout": 0.3},
        Figures(0.8882, val_accuracy=0.9110, loss=0.7987, accuracy=0.7616),
    ),
    "l2": (
        SMALL | {"l2": 0.001},
        Figures(0.9049, val_accuracy=0.9188, loss=0.9748, accuracy=0.8374),
    ),
    "label_smoothing": (
        SMALL | {"label_smoothing": 0.1},
        Figures(0.9095, val_accuracy=0.9254, loss=0.9918, accuracy=0.8436),
    ),
}


@pytest.fixture
def course(folders):
    """The course's images: MNIST's training images in their original order, of which the
    first 5,000 or 55,000 are for training and the last 5,000 for validation."""
    mnist = load_examples("mnist")
    x, y = mnist.train.x, mnist.train.y
    for size in (5_000, 55_000):
        file = folders / f"{size}.npz"
        np.savez(
            file, x_train=x[:size], y_train=y[:size], x_test=mnist.test.x,
            y_test=mnist.test.y,
        )  # fmt: skip
        import_dataset(f"first_{size}", file)
    return x[55_000:], y[55_000:]


@pytest.mark.parametrize("name", PUBLISHED)
def test_five_seeds_have_the_published_figures(course, name):
    """Accuracies within 1.5 points, loss and accuracy while training within 5 %.

    Source: M. Straka, Deep Learning (NPFL114), Charles University, the assignments
    `mnist_training` and `mnist_regularization`: Keras on TensorFlow, one seed, one epoch.
    """
    fields, published = PUBLISHED[name]
    config = RunConfig(depth=1, validation_fraction=None, **fields)
    runs = [train(replace(config, seed=seed), epochs=1) for seed in range(5)]
    assert mean(run.test_accuracy for run in runs) == pytest.approx(
        published.test_accuracy, abs=0.015
    )
    if published.val_accuracy is not None:
        images, labels = course
        correct = [
            np.mean(run.model().predict(images, verbose=0).argmax(1) == labels)
            for run in runs
        ]
        assert mean(correct) == pytest.approx(published.val_accuracy, abs=0.015)
        assert mean(run.history[0].loss for run in runs) == pytest.approx(
            published.loss, rel=0.05
        )
        assert mean(run.accuracy for run in runs) == pytest.approx(
            published.accuracy, rel=0.05
        )
