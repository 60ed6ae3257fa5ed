import numpy as np
import pytest
from PIL import Image

from kmlp import ConfigError
from kmlp.inference.classifier import Classifier
from kmlp.inference.prediction import predict

pytestmark = pytest.mark.once

CONFIDENCES = np.array([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])


class Model:
    """Keeps what it is shown."""

    def predict_on_batch(self, images):
        self.seen = images
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
def test_the_model_chooses_how_pictures_are_made_what_it_takes(
    shape, preprocessing, expected
):
    model = classifier(*shape)
    (found,) = predict(model, [bar()], names=["a"], preprocessing=preprocessing)
    assert found.preprocessing == expected
    assert model.model.seen.shape == (1, *shape)
    assert found.image[-1, -1].max() == (0 if expected == "mnist" else 255)


@pytest.mark.parametrize(
    ("shape", "preprocessing", "message"),
    [
        ((28, 28), "mnits", 'did you mean "mnist"'),
        ((32, 32, 3), "mnist", "are of 28 x 28 x 1, but the model takes 32 x 32 x 3"),
        ((None, None, 1), None, r"takes images of \? x \? x 1"),
        ((28, 28, 4), None, "with 1 channel or 3"),
    ],
)
def test_what_cannot_be_made_is_refused(shape, preprocessing, message):
    with pytest.raises(ConfigError, match=message):
        predict(classifier(*shape), [bar()], names=["a"], preprocessing=preprocessing)


def test_all_blank_pictures_are_named_at_once():
    blank = Image.new("L", (9, 9), 7)
    with pytest.raises(ConfigError) as caught:
        predict(classifier(28, 28), [blank, bar(), blank], names=["a", "b", "c"])
    first, second = caught.value.problems
    assert first.startswith("a: Nothing on it stands out")
    assert second.startswith("c: ")
