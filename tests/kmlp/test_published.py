"""Figures that others published, reached again; and what the defaults promise."""

import keras
import pytest

from kmlp import RunConfig, load_dataset, train
from kmlp.training import Session

pytestmark = pytest.mark.slow


def test_a_linear_model_reaches_what_is_published_for_logistic_regression():
    """At least 91.5 % of the test images.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning
    applied to document recognition, give 8.4 % to 12 % error for linear classifiers;
    the TensorFlow tutorial "MNIST for ML beginners" (2016) gives 91.7 % for softmax
    regression trained with cross entropy.
    """
    run = train(RunConfig(depth=0), epochs=10)
    assert run.test_accuracy >= 0.915


def test_the_network_of_nielsen_s_first_chapter():
    """784-30-10 reaches at least 94.5 % of the test images within 15 epochs.

    Source: M. Nielsen, Neural Networks and Deep Learning, chapter 1: sigmoid neurons,
    quadratic cost, mini-batches of 10, learning rate 3.0, weights and biases from N(0, 1);
    a peak of 95.42 % within 30 epochs. His cost is half the sum of squares, `mse` is their
    mean over 10 outputs, a fifth of it: so his 3.0 is 15 here.
    """
    config = RunConfig(
        width=30, depth=1, activation="sigmoid", loss="mse", output="sigmoid",
        initializer="normal", learning_rate=15.0, batch_size=10,
    )  # fmt: skip
    session = Session(config, load_dataset("mnist"))
    reached = 0.0
    while session.epochs < 15 and reached < 0.945:
        session.train_epoch()
        reached = session.evaluate_test()[1]
    assert reached >= 0.945


def test_the_default_configuration_learns_well():
    """Above 97 % of the validation images after 10 epochs, on each backend."""
    run = train(RunConfig(width=128), epochs=10)
    assert run.backend == keras.backend.backend()
    assert run.val_accuracy > 0.97
