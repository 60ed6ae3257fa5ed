import math

import numpy as np
import pytest
import scipy.stats

from kmlp.statistics import compare_differences, estimate, prediction_interval, shared_of

pytestmark = pytest.mark.once


@pytest.mark.parametrize("size", [2, 3, 10])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_interval_is_that_of_scipy(size, confidence):
    sample = np.random.default_rng(size).normal(0.9, 0.01, size)
    expected = scipy.stats.ttest_1samp(sample, 0).confidence_interval(confidence)
    result = estimate(sample.tolist(), confidence=confidence)
    assert math.isclose(result.mean, sample.mean())
    np.testing.assert_allclose(result.interval, expected)


@pytest.mark.parametrize("size", [2, 3, 5, 10])
def test_interval_holds_the_mean_as_often_as_it_says(size):
    draws = np.random.default_rng(size).normal(size=(10_000, size))
    intervals = [estimate(sample.tolist()).interval for sample in draws]
    assert 0.93 < np.mean([low < 0 < high for low, high in intervals]) < 0.97


@pytest.mark.parametrize("size", [2, 3, 5, 10])
def test_prediction_interval_holds_the_next_number_as_often_as_it_says(size):
    draws = np.random.default_rng(size).normal(size=(10_000, size + 1))
    hits = []
    for *sample, following in draws.tolist():
        low, high = prediction_interval(sample)
        hits.append(low < following < high)
    assert 0.94 < np.mean(hits) < 0.96


def test_prediction_interval_of_one_seed_and_of_equal_numbers():
    assert prediction_interval([0.5]) is None
    assert prediction_interval([0.5, 0.5]) == (0.5, 0.5)


def test_an_unknown_spread_has_no_interval():
    assert estimate([0.5]).interval is None
    assert estimate([0.5, 0.5]).interval is None
    assert estimate([float(np.float32(0.97)), 0.97]).interval is None
    assert estimate([0.97, 0.9701]).interval is not None


@pytest.mark.parametrize("sample", [[], [math.nan], [0.5, math.inf]])
def test_a_sample_must_be_finite_numbers(sample):
    with pytest.raises(ValueError, match="finite"):
        estimate(sample)


def test_an_interval_is_cut_at_its_bounds_and_says_so():
    cut = estimate([0.98, 0.99, 1.0], bounds=(0, 1))
    assert cut.cut and cut.interval[1] == 1
    assert cut.interval[0] == estimate([0.98, 0.99, 1.0]).interval[0]
    assert not estimate([0.5, 0.51, 0.52], bounds=(0, 1)).cut


def test_folds_widen_an_interval_as_nadeau_and_bengio_say():
    """Ten folds twice: the variance of the mean is s^2 (1 / 20 + 1 / 9), on 19 degrees."""
    sample = np.random.default_rng(0).normal(0.01, 0.01, 20)
    error = sample.std(ddof=1) * math.sqrt(1 / 20 + 1 / 9)
    half = scipy.stats.t.ppf(0.975, 19) * error
    expected = sample.mean() - half, sample.mean() + half
    result = estimate(sample.tolist(), shared=shared_of(10))
    np.testing.assert_allclose(result.interval, expected)
    tested = compare_differences([sample], shared=shared_of(10))
    np.testing.assert_allclose([tested.low[0], tested.high[0]], expected)
    p_value = 2 * scipy.stats.t.sf(abs(sample.mean()) / error, 19)
    np.testing.assert_allclose(tested.p_value[0], p_value)
