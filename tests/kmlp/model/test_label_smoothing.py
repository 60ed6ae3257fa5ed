"""Losses with label smoothing are Keras' own, and equal to those without at 0."""

import keras
import numpy as np
import pytest

from kmlp.model.label_smoothing import SMOOTHED_LOSSES, loss_for, smooth
from kmlp.model.losses import get_loss

LABELS = np.array([[1], [0], [2]])
ONE_HOT = np.eye(3, dtype="float32")[LABELS[:, 0]]
SCORES = np.array([[0.2, 2.0, -1.0], [0.5, 0.1, 0.3], [1.0, -1.0, 0.0]], "float32")


def mean_loss(loss, targets):
    """The mean loss of the scores after the loss's own output layer."""
    outputs = keras.activations.get(loss.output)(keras.ops.convert_to_tensor(SCORES))
    losses = loss.function(keras.ops.convert_to_tensor(targets), outputs)
    return float(keras.ops.mean(losses))


@pytest.mark.parametrize("name", SMOOTHED_LOSSES)
def test_without_smoothing_the_loss_is_that_of_the_labels(name):
    loss = get_loss(name)
    expected = mean_loss(loss, LABELS if loss.targets == "index" else ONE_HOT)
    assert mean_loss(loss_for(name, None), ONE_HOT) == pytest.approx(expected, rel=1e-5)
    assert loss_for(name, 0.0).targets == loss.targets


@pytest.mark.parametrize("name", SMOOTHED_LOSSES)
def test_the_loss_of_smoothed_targets_is_that_of_keras_with_smoothing(name):
    targets = smooth(name, keras.ops.convert_to_tensor(ONE_HOT), 0.3)
    smoothed = loss_for(name, 0.3)
    assert smoothed.function.__module__.startswith("keras")
    assert smoothed.targets == "one_hot"
    expected = mean_loss(smoothed, ONE_HOT)
    assert mean_loss(loss_for(name, None), targets) == pytest.approx(expected, rel=1e-5)
    assert mean_loss(loss_for(name, None), ONE_HOT) != pytest.approx(expected, rel=1e-2)


def test_the_classes_share_the_moved_part_of_a_target():
    targets = keras.ops.convert_to_numpy(smooth("nll", ONE_HOT, 0.3))
    np.testing.assert_allclose(targets[0], [0.1, 0.8, 0.1], rtol=1e-6)
    targets = keras.ops.convert_to_numpy(smooth("binary_crossentropy", ONE_HOT, 0.3))
    np.testing.assert_allclose(targets[0], [0.15, 0.85, 0.15], rtol=1e-6)
