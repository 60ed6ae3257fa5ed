"""The evaluation of a model, whose outputs are made up: no backend computes here."""

import json

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import balanced_accuracy_score, classification_report, f1_score

from kmlp import ConfigError
from kmlp.inference.classifier import Classifier
from kmlp.inference.evaluation import (
    Misclassification,
    evaluate_classifier,
    proportion_interval,
)

pytestmark = pytest.mark.once

NAMES = ("cat", "dog", "fox")
LABELS = np.array([0, 0, 0, 1, 1, 0], "int32")
OUTPUTS = np.array(
    [
        [0.7, 0.2, 0.1],
        [0.1, 0.6, 0.3],
        [0.5, 0.3, 0.2],
        [0.9, 0.1, 0.0],
        [0.2, 0.8, 0.0],
        [0.1, 0.6, 0.3],
    ]
)
IMAGES = np.zeros((6, 4, 4), "uint8")


class Model:
    """A substitute with fixed outputs for all images."""

    def __init__(self, outputs):
        self.outputs = outputs

    def predict_on_batch(self, images):
        return self.outputs[: len(images)]


def classifier(outputs=OUTPUTS, output="softmax"):
    return Classifier(
        model=Model(outputs), input_shape=(4, 4), num_classes=3, output=output
    )


EVALUATION = evaluate_classifier(classifier(), IMAGES, LABELS, class_names=NAMES)


def test_counts_and_accuracy():
    assert EVALUATION.confusion == ((2, 2, 0), (1, 1, 0), (0, 0, 0))
    assert (EVALUATION.right, EVALUATION.size, EVALUATION.accuracy) == (3, 6, 0.5)
    assert EVALUATION.interval == proportion_interval(3, 6)


def test_scores_are_those_of_scikit_learn():
    report = classification_report(
        LABELS, OUTPUTS.argmax(1), labels=[0, 1, 2], target_names=NAMES,
        output_dict=True, zero_division=np.nan,
    )  # fmt: skip
    for scores in EVALUATION.classes[:2]:
        expected = report[scores.name]
        assert scores.precision == expected["precision"]
        assert scores.recall == expected["recall"]
        assert scores.f1 == expected["f1-score"]
        assert scores.support == expected["support"]


def test_averages_over_the_classes_are_those_of_scikit_learn():
    predicted = OUTPUTS.argmax(1)
    expected = balanced_accuracy_score(LABELS, predicted)
    assert EVALUATION.balanced_accuracy == pytest.approx(expected)
    expected = f1_score(LABELS, predicted, average="macro")
    assert EVALUATION.macro_f1 == pytest.approx(expected)
    assert EVALUATION.to_dict()["macro_f1"] == EVALUATION.macro_f1
    assert repr(EVALUATION) == (
        "Evaluation of 6 images: accuracy 50.00 %, balanced accuracy 50.00 %, macro F1 "
        f"{100 * expected:.2f} %"
    )


def test_a_class_that_is_never_predicted_has_no_precision_and_f1_of_zero():
    always_cat = np.tile([0.6, 0.3, 0.1], (6, 1))
    _, dog, fox = evaluate_classifier(classifier(always_cat), IMAGES, LABELS).classes
    assert (dog.precision, dog.recall, dog.f1, dog.support) == (None, 0.0, 0.0, 2)
    assert (fox.precision, fox.recall, fox.f1, fox.support) == (None, None, None, 0)


def test_mistakes_start_with_the_most_confident_one():
    assert EVALUATION.mistakes == (
        Misclassification(index=3, true=1, predicted=0, confidence=0.9),
        Misclassification(index=1, true=0, predicted=1, confidence=0.6),
        Misclassification(index=5, true=0, predicted=1, confidence=0.6),
    )


@pytest.mark.parametrize(
    ("outputs", "output", "confidence"),
    [
        ([0.0, 2.0, 0.0], "linear", np.exp(2) / (np.exp(2) + 2)),
        ([0.0, 1.0, 0.0], "linear", np.e / (np.e + 2)),  # scores may sum to 1 by chance
        (np.log([0.3, 0.5, 0.2]), "log_softmax", 0.5),
        ([-np.inf, 0.0, -np.inf], "log_softmax", 1.0),
        ([0.1, 0.9, 0.8], "sigmoid", 0.9),
        ([0.2, 0.5, 0.3], None, 0.5),
        ([1000.0, 2000.0, 0.0], None, 1.0),
    ],
)
def test_confidences(outputs, output, confidence):
    model = classifier(np.array([outputs]), output)
    probabilities = model.class_probabilities(IMAGES[:1])
    assert probabilities.argmax() == 1
    assert probabilities[0, 1] == pytest.approx(confidence)


def test_an_evaluation_can_be_written_as_json():
    values = json.loads(json.dumps(EVALUATION.to_dict(), allow_nan=False))
    assert values["confusion"] == [[2, 2, 0], [1, 1, 0], [0, 0, 0]]
    assert values["classes"][2] == {
        "name": "fox", "precision": None, "recall": None, "f1": None, "support": 0,
    }  # fmt: skip
    assert values["mistakes"][0]["index"] == 3


@pytest.mark.parametrize(
    ("right", "size", "low", "high"),
    [
        # R. G. Newcombe (1998), Two-sided confidence intervals for the single
        # proportion, Statistics in Medicine 17(8), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_the_published_ones(right, size, low, high):
    assert proportion_interval(right, size) == pytest.approx((low, high), abs=5e-5)
    mirrored = proportion_interval(size - right, size)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_an_interval_covers_the_proportion_with_a_probability_of_95_percent():
    """200 images, each classified correctly with probability 0.93."""
    coverage = 0.0
    for right in range(150, 201):
        low, high = proportion_interval(right, 200)
        coverage += binom.pmf(right, 200, 0.93) * (low <= 0.93 <= high)
    assert coverage == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("images", "labels", "names", "message"),
    [
        (IMAGES, LABELS[:5], None, "6 images and 5 labels"),
        (IMAGES[:0], LABELS[:0], None, "0 images and 0 labels"),
        (IMAGES, LABELS + 2, None, "labels from 2 to 3, but the model's classes are 0 to 2"),
        (IMAGES, LABELS - 1, None, "labels from -1 to 0"),
        (IMAGES, LABELS, NAMES[:2], "3 classes, but 2"),
        (IMAGES[:, :3], LABELS, None, "4 x 4, but .* 3 x 4"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_refused(images, labels, names, message):
    with pytest.raises(ConfigError, match=message):
        evaluate_classifier(classifier(), images, labels, class_names=names)


def test_all_problems_are_named_at_once():
    with pytest.raises(ConfigError) as refusal:
        evaluate_classifier(classifier(), IMAGES[:, :3], LABELS + 2, class_names=NAMES[:2])
    assert len(refusal.value.problems) == 3
