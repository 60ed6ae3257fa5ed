"""Figures that others published, reached again; and what the defaults promise."""

import keras
import pytest

from kmlp import RunConfig, load_dataset, train
from kmlp.training import Session

pytestmark = [pytest.mark.slow, pytest.mark.once]


def test_a_linear_model_reaches_what_is_published_for_logistic_regression():
    """At least 91.5 % of the test images.

    Source: H. Xiao, K. Rasul, R. Vollgraf (2017), Fashion-MNIST: a novel image dataset for
    benchmarking machine learning algorithms, table 3: 91.7 % for logistic regression.
    """
    run = train(RunConfig(depth=0), epochs=10)
    assert run.test_accuracy >= 0.915


def test_the_network_of_nielsen_s_first_chapter():
    """784-30-10 reaches at least 94.5 % of the test images within 15 epochs.

    Source: M. Nielsen, Neural Networks and Deep Learning, chapter 1: sigmoid neurons,
    quadratic cost, mini-batches of 10, learning rate 3.0, weights and biases from N(0, 1);
    a peak of 95.42 % within 30 epochs, as the best of three runs. His cost is half the sum
    of squares, `mse` is their mean over 10 outputs, a fifth of it: so his 3.0 is 15 here.
    Of the seeds 0 to 5, three reach it within 15 epochs (94.25 % to 94.93 % at their peaks).
    """
    best_of_three = (2, 1, 0)  # tried until one reaches it; this order is the quickest
    assert any(nielsen_peak(seed) >= 0.945 for seed in best_of_three)


def nielsen_peak(seed):
    """The test accuracy that a run peaks at in 15 epochs, or the first to suffice."""
    config = RunConfig(
        width=30, depth=1, activation="sigmoid", loss="mse", output="sigmoid",
        initializer="normal", learning_rate=15.0, batch_size=10, seed=seed,
    )  # fmt: skip
    session = Session(config, load_dataset("mnist"))
    peak = 0.0
    while session.epochs < 15 and peak < 0.945:
        peak = max(peak, session.train_epoch().test_accuracy)
    return peak


def test_the_default_configuration_learns_well():
    """Above 97 % of the validation images after 10 epochs, on each backend."""
    run = train(RunConfig(width=128), epochs=10)
    assert run.backend == keras.backend.backend()
    assert run.val_accuracy > 0.97
