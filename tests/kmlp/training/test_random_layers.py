"""Random layers of a run have the masks that NumPy computes, on every backend."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from helpers.draws import by_numpy
from scipy import stats

from kmlp import RunConfig, load_dataset
from kmlp.training import Session
from kmlp.training._random_layers import add_noise, drop


def dropped(seed, index, step, shape, rate):
    """The mask of a step: True for the dropped elements."""
    return by_numpy(seed, index, step, shape) < np.float32(rate) * 2.0**32 - 2.0**31


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "stepwise"])
def test_the_masks_of_the_first_steps_are_those_of_numpy(fused):
    """A step on one white image moves the weights of the kept pixels only."""
    mnist = load_dataset("mnist")
    one = mnist.train.take(np.array([0]))
    white = replace(one, x=np.full_like(one.x, 255))
    dataset = replace(mnist, train=white, validation=white, test=white)
    config = RunConfig(depth=0, batch_size=1, learning_rate=1e-3, input_dropout=0.3, seed=6)
    session = Session(config, dataset, fused=fused)
    before = session.checkpoint().weights[0]
    for step in range(3):
        session.train_epoch()
        after = session.checkpoint().weights[0]
        np.testing.assert_array_equal(
            (after == before).all(axis=1), dropped(6, 4, step, (784,), 0.3)
        )
        before = after
    session.close()


def arrays(*values):
    return [keras.ops.convert_to_tensor(np.asarray(value)) for value in values]


def test_dropout_drops_a_fraction_and_scales_the_rest():
    stream = np.array([-1_234_567, 89_101_112], "int32")
    x, rate = np.full((100, 200), 3, "float32"), np.float32(0.25)
    result = keras.ops.convert_to_numpy(drop(*arrays(x, stream, rate)))
    assert set(np.unique(result)) == {0, 4}
    assert abs((result == 0).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / x.size)


def test_noise_is_gaussian_with_the_standard_deviation():
    stream = np.array([1_234_567, -89_101_112], "int32")
    x, deviation = np.ones((100, 200), "float32"), np.float32(0.5)
    result = keras.ops.convert_to_numpy(add_noise(*arrays(x, stream, deviation)))
    noise = (result.ravel().astype("float64") - 1) / 0.5
    assert stats.kstest(noise, "norm").pvalue > 1e-3
    assert 3.5 < abs(noise).max() < 5.5
