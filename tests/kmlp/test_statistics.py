import math

import numpy as np
import pytest
import scipy.stats

from kmlp.statistics import (
    chance_limit,
    estimate,
    first_epoch_near_best,
    paired_difference,
)  # fmt: skip

pytestmark = pytest.mark.once


@pytest.mark.parametrize("size", [2, 3, 10])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_interval_is_that_of_scipy(size, confidence):
    sample = np.random.default_rng(size).normal(0.9, 0.01, size)
    expected = scipy.stats.ttest_1samp(sample, 0).confidence_interval(confidence)
    found = estimate(sample.tolist(), confidence=confidence)
    assert math.isclose(found.mean, sample.mean())
    np.testing.assert_allclose(found.interval, expected)


def test_interval_holds_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(size=(4000, 3))
    intervals = [estimate(sample.tolist()).interval for sample in draws]
    assert 0.94 < np.mean([low < 0 < high for low, high in intervals]) < 0.96


def test_one_seed_has_no_interval_and_equal_numbers_one_of_no_width():
    assert estimate([0.5]).interval is None
    assert estimate([0.5, 0.5]).interval == (0.5, 0.5)


@pytest.mark.parametrize("sample", [[], [math.nan], [0.5, math.inf]])
def test_a_sample_must_be_finite_numbers(sample):
    with pytest.raises(ValueError, match="must be finite numbers"):
        estimate(sample)


def test_paired_difference_is_that_of_scipy():
    rng = np.random.default_rng(1)
    one, other = rng.normal(0.9, 0.01, 5), rng.normal(0.91, 0.01, 5)
    expected = scipy.stats.ttest_rel(one, other).confidence_interval(1 - 0.05 / 3)
    found = paired_difference(one.tolist(), other.tolist(), comparisons=3)
    np.testing.assert_allclose(found.interval, expected)


def test_pairs_need_the_same_seeds():
    with pytest.raises(ValueError, match="zip"):
        paired_difference([1.0], [1.0, 2.0])


def test_a_winner_is_rarely_named_where_all_values_are_equal():
    """At most 5 % false winners, although the best is chosen from the same data."""
    rng = np.random.default_rng(2)
    trials, false = 2000, 0
    for _ in range(trials):
        values = rng.normal(size=(4, 3)).tolist()
        values.sort(key=sum)
        *others, best = values
        highest = [paired_difference(it, best, comparisons=6).interval[1] for it in others]
        false += any(high < 0 for high in highest)
    assert false / trials <= 0.055


@pytest.mark.parametrize(
    ("accuracies", "epoch"),
    [([0.5], 1), ([0.9, 0.8], 1), ([0.1, 0.981, 0.99, 0.985], 2), ([0.97, 0.98, 0.99], 3)],
)
def test_first_epoch_near_best(accuracies, epoch):
    assert first_epoch_near_best(accuracies) == epoch


def test_chance_limit():
    assert math.isclose(chance_limit(0.5, 100), 0.55)
