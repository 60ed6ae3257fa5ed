"""No constant prediction has a smaller loss than the closed form, in Keras' own numbers."""

import keras
import numpy as np
import pytest

from kmlp import get_loss
from kmlp.model.constant_losses import constant_loss
from kmlp.model.losses import LOSSES

OUTPUTS = ("linear", "log_softmax", "softmax", "sigmoid")
CASES = [
    (loss, output)
    for loss in LOSSES.names
    for output in OUTPUTS
    if constant_loss(loss, output, 10) is not None
]


def losses_of(loss, predictions):
    """The mean loss of each prediction, if all classes are equally frequent."""
    count, classes = predictions.shape
    labels = np.tile(np.arange(classes), count)
    one_hot = np.eye(classes, dtype="float32")[labels]
    targets = labels[:, None] if get_loss(loss).targets == "index" else one_hot
    function = get_loss(loss).function
    function = getattr(function, "call", function)  # the loss of each example
    rows = keras.ops.convert_to_tensor(np.repeat(predictions, classes, 0).astype("float32"))
    values = keras.ops.convert_to_numpy(function(targets, rows))
    return values.reshape(count, classes).mean(1)


def predictions_of(output, classes):
    """Constant predictions: with equal outputs, and with others.

    Of all kinds, there are as many: JAX compiles an operation once for each shape.
    """
    draws = np.random.default_rng(0).standard_normal((10, classes))
    shapes = np.concatenate([np.zeros((1, classes)), 0.05 * draws, draws])
    if output in ("softmax", "log_softmax"):
        odds = np.exp(shapes)
        shares = odds / odds.sum(1, keepdims=True)
        shares = np.resize(shares, (61 * len(shapes), classes))
        return np.log(shares) if output == "log_softmax" else shares
    middles = np.linspace(-1.5, 1.5, 61)[:, None, None]
    numbers = (middles + 0.3 * shapes).reshape(-1, classes)
    return np.clip(numbers, 1e-6, 1 - 1e-6) if output == "sigmoid" else numbers


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize(("loss", "output"), CASES)
def test_the_closed_form_is_the_smallest_loss_of_a_constant_prediction(
    loss, output, classes
):
    stated = constant_loss(loss, output, classes)
    least = losses_of(loss, predictions_of(output, classes)).min()
    assert stated - 5e-5 <= least <= stated + 1e-3


@pytest.mark.once
def test_every_loss_states_its_constant_or_why_not():
    without = {
        (loss, output)
        for loss in LOSSES.names
        if not LOSSES.is_custom(loss)  # other tests register some
        for output in get_loss(loss).outputs or OUTPUTS
        if constant_loss(loss, output, 10) is None
    }
    assert without == {
        ("kl_divergence", "sigmoid"),
        ("binary_focal_crossentropy", "sigmoid"),
        ("mean_squared_error", "log_softmax"),
        ("mean_absolute_error", "log_softmax"),
        ("mse", "log_softmax"),
        ("mae", "log_softmax"),
        ("cosine_similarity", "log_softmax"),
        ("huber", "log_softmax"),
        ("log_cosh", "log_softmax"),
        ("hinge", "log_softmax"),
        ("squared_hinge", "log_softmax"),
        ("categorical_hinge", "log_softmax"),
    }


@pytest.mark.once
@pytest.mark.parametrize("loss", LOSSES.names)
def test_without_an_output_it_is_that_of_the_loss(loss):
    assert constant_loss(loss, None, 7) == constant_loss(loss, get_loss(loss).output, 7)


@pytest.mark.once
def test_a_custom_loss_states_none():
    assert constant_loss("somewhere:function", None, 10) is None
