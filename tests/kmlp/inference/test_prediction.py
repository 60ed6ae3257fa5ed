"""Pictures of any size are converted to the model's input, and classified."""

import numpy as np
import pytest
from PIL import Image

from kmlp import ConfigError
from kmlp.inference.classifier import Classifier
from kmlp.inference.prediction import predict

pytestmark = pytest.mark.once

CONFIDENCES = np.array([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])


class Model:
    """A substitute that keeps its input."""

    def predict_on_batch(self, images):
        self.images = images
        return CONFIDENCES[: len(images)]


def classifier(*shape):
    return Classifier(model=Model(), input_shape=shape, num_classes=3, output="softmax")


def bar(size=(90, 60)):
    picture = Image.new("RGB", size, "white")
    picture.paste("black", (10, 10, 20, 50))
    return picture


def test_the_best_classes_come_first():
    first, second = predict(classifier(28, 28), [bar(), bar()], names=["a", "b"])
    assert first.best(2) == [(1, 0.7), (2, 0.2)]
    assert second.best(9) == [(0, 0.5), (2, 0.4), (1, 0.1)]


@pytest.mark.parametrize(
    ("shape", "preprocessing", "expected"),
    [
        ((28, 28), None, "mnist"),
        ((28, 28, 1), None, "mnist"),
        ((28, 28), "resize", "resize"),
        ((28, 28, 3), None, "resize"),
        ((32, 32, 3), None, "resize"),
        ((20, 30), None, "resize"),
    ],
)
def test_the_input_of_the_model_decides_the_preprocessing(shape, preprocessing, expected):
    model = classifier(*shape)
    (prediction,) = predict(model, [bar()], names=["a"], preprocessing=preprocessing)
    assert prediction.preprocessing == expected
    assert model.model.images.shape == (1, *shape)
    assert prediction.image[-1, -1].max() == (0 if expected == "mnist" else 255)


@pytest.mark.parametrize(
    ("shape", "preprocessing", "message"),
    [
        ((28, 28), "mnits", 'did you mean "mnist"'),
        ((32, 32, 3), "mnist", "28 x 28 x 1.* 32 x 32 x 3"),
        ((None, None, 1), None, r"takes images of \? x \? x 1"),
        ((28, 28, 4), None, "28 x 28 x 4.* channels"),
        ((784,), None, "rows of 784 features"),
    ],
)
def test_an_impossible_conversion_is_refused(shape, preprocessing, message):
    with pytest.raises(ConfigError, match=message):
        predict(classifier(*shape), [bar()], names=["a"], preprocessing=preprocessing)


def test_all_blank_pictures_are_named_at_once():
    blank = Image.new("L", (9, 9), 7)
    with pytest.raises(ConfigError) as refusal:
        predict(classifier(28, 28), [blank, bar(), blank], names=["a", "b", "c"])
    first, second = refusal.value.problems
    assert first.startswith("a: ")
    assert second.startswith("c: ")
