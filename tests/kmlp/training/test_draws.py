"""Draws are uniform, independent, and the same integers as NumPy computes on paper."""

import itertools

import keras
import numpy as np
import pytest
from helpers.draws import by_numpy
from scipy import stats

from kmlp.training._draws import bits, draw_key, streams, uniform

SHAPE = (50, 80)


def drawn(seed=0, index=0, step=0, shape=SHAPE):
    keys = keras.ops.convert_to_tensor(draw_key(seed, index)[None])
    stream = streams(keys, keras.ops.convert_to_tensor(np.int32(step)))[0]
    return keras.ops.convert_to_numpy(bits(stream, shape))


@pytest.mark.parametrize(("seed", "index", "step"), [(0, 0, 0), (7, 5, 2**31 - 1)])
def test_the_integers_are_those_of_numpy(seed, index, step):
    result = drawn(seed, index, step)
    assert result.dtype == "int32"
    np.testing.assert_array_equal(result, by_numpy(seed, index, step, SHAPE))


@pytest.mark.once
def test_all_bytes_are_uniform():
    """Over steps, too: a p-value below 1e-4 would be an accident of one in 500."""
    draws = np.concatenate([by_numpy(0, 5, step, (64, 128)) for step in range(100)])
    values = keras.ops.convert_to_numpy(uniform(keras.ops.convert_to_tensor(draws)))
    assert -1 < values.min() < -0.999
    assert 0.999 < values.max() < 1
    error = 4 / np.sqrt(values.size)
    assert abs(values.mean()) < error
    assert abs(values.var() - 1 / 3) < error
    for column in np.ascontiguousarray(draws).view("uint8").reshape(-1, 4).T:
        assert stats.chisquare(np.bincount(column, minlength=256)).pvalue > 1e-4


@pytest.mark.once
@pytest.mark.parametrize("varied", ["seed", "index", "step"])
def test_draws_of_other_seeds_layers_and_steps_are_independent(varied):
    """No correlation, at the same place or shifted, beyond what chance allows."""
    position = {"seed": 3, "index": 5, "step": 9, "shape": (4000,)}
    series = [by_numpy(**position | {varied: value}) for value in (1, 2, 3, 4, 1024)]
    for one, other in itertools.combinations(series, 2):
        assert np.isin(one, other).mean() < 0.001
        for shift in (0, 1, 2, 8, 128):
            correlation = np.corrcoef(one[shift:], other[: len(other) - shift])[0, 1]
            assert abs(correlation) < 5 / np.sqrt(len(one))


@pytest.mark.once
def test_neighbouring_elements_are_independent():
    draws = by_numpy(1, 4, 0, (200_000,)).astype("float64")
    for shift in (1, 2, 3, 16, 64, 128, 784):
        correlation = np.corrcoef(draws[shift:], draws[:-shift])[0, 1]
        assert abs(correlation) < 5 / np.sqrt(len(draws))
