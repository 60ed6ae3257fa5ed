"""Figures that others published, reached again; and what the defaults promise."""

import math
from dataclasses import replace
from pathlib import Path
from statistics import mean

import keras
import pytest

from kmlp import RunConfig, load_dataset, train
from kmlp.training import Session

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")

pytestmark = pytest.mark.slow


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


def test_the_network_of_geron_s_tenth_chapter(tmp_path, monkeypatch):
    """784-300-100-10 on Fashion-MNIST: 83.32 and 83.84 % of the validation images.

    Source: A. Géron, Hands-On Machine Learning, 3rd edition, chapter 10: relu, SGD with
    learning rate 0.01, batches of 32, 55,000 images to train on and 5,000 to validate on;
    one run. Of the seeds 0 to 3, ours have 80.5 to 82.4 % after the first epoch and 82.7
    to 84.8 % after the second.
    """
    if not FASHION_MNIST.is_dir():
        pytest.skip("needs Fashion-MNIST: apt install dataset-fashion-mnist")
    monkeypatch.setenv("KMLP_CACHE_DIR", str(tmp_path))
    base = RunConfig(
        dataset="fashion_mnist", width=(300, 100), learning_rate=0.01, batch_size=32,
        validation_fraction=1 / 12,
    )  # fmt: skip
    runs = [train(replace(base, seed=seed), epochs=2) for seed in range(4)]
    assert len(runs[0].history[0].step_losses) == math.ceil(55_000 / 32)
    for epoch, published in enumerate((0.8332, 0.8384)):
        accuracies = [run.history[epoch].val_accuracy for run in runs]
        assert mean(accuracies) == pytest.approx(published, abs=0.02)


def test_the_default_configuration_learns_well():
    """Above 97 % of the validation images after 10 epochs, on each backend."""
    run = train(RunConfig(width=128), epochs=10)
    assert run.backend == keras.backend.backend()
    assert run.val_accuracy > 0.97
