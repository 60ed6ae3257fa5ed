import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from kmlp.statistics import (
    BETTER,
    SAME,
    UNDECIDED,
    WORSE,
    compare_differences,
    estimate,
    holm,
)  # fmt: skip

pytestmark = pytest.mark.once

# R's data `sleep`: extra hours with the first drug less those with the second.
SLEEP = [-1.2, -2.4, -1.3, -1.3, 0.0, -1.0, -1.8, -0.8, -4.6, -1.4]


def test_a_pair_is_compared_as_r_documents_it():
    """`t.test(extra ~ group, data = sleep, paired = TRUE)` in R's help."""
    difference = compare_differences([SLEEP]).difference(0)
    assert round(difference.mean, 2) == -1.58
    assert [round(end, 7) for end in difference.interval] == [-2.4598858, -0.7001142]
    assert round(difference.p_value, 6) == 0.002833
    assert (difference.verdict, difference.significant) == ("worse", True)


@pytest.mark.parametrize("size", [2, 3, 10])
def test_p_values_are_those_of_scipy(size):
    draws = np.random.default_rng(size).normal(0.01, 0.01, (4, 6, size))
    expected = scipy.stats.ttest_1samp(draws, 0, axis=-1).pvalue
    result = compare_differences(draws)
    np.testing.assert_allclose(result.raw_p_value, expected)
    np.testing.assert_allclose(result.p_value, holm(expected))


def test_missing_runs_are_left_out_pair_by_pair():
    gaps = np.array([[*SLEEP], [*SLEEP]])
    gaps[0, [2, 5]] = np.nan
    result = compare_differences(gaps)
    expected = scipy.stats.ttest_1samp(np.delete(SLEEP, [2, 5]), 0)
    assert result.size.tolist() == [8, 10]
    assert math.isclose(result.raw_p_value[0], expected.pvalue)


def test_differences_that_are_equal_but_for_float32_conclude_nothing():
    """Two images more for every seed: as float32, the differences are not exactly equal."""
    one = np.array([9275, 9213, 9307], np.float32) / np.float32(10_000)
    two = np.array([9277, 9215, 9309], np.float32) / np.float32(10_000)
    differences = two.astype(float) - one.astype(float)
    assert len(set(differences.tolist())) > 1
    difference = compare_differences([differences]).difference(0)
    assert difference.verdict == "undecided"
    assert (difference.interval, difference.p_value) == (None, None)


def test_a_pair_without_a_spread_is_not_tested_but_counted():
    nothing = [math.nan] * 10
    alone = [0.5, *nothing[1:]]
    result = compare_differences([SLEEP, nothing, alone, [0.25] * 10, [0.0] * 10])
    assert result.p_value[1:].tolist() == [1, 1, 1, 1]
    assert np.isnan(result.low[1:]).all() and np.isnan(result.high[1:]).all()
    assert result.verdict.tolist() == [WORSE, UNDECIDED, UNDECIDED, UNDECIDED, UNDECIDED]
    assert math.isclose(result.p_value[0], 5 * result.raw_p_value[0])
    assert result.difference(1) is None
    assert (result.difference(2).size, result.difference(2).spread) == (1, None)
    assert result.difference(4).interval is None


def test_holm_continues_at_a_higher_level_after_each_significant_test():
    """The second p-value alone is above 0.05 / 2, which Bonferroni would ask for."""
    other = [1.25, 3.25, 0.85, 1.95, *[math.nan] * 6]
    result = compare_differences([SLEEP, other])
    assert 0.025 < result.raw_p_value[1] < 0.05
    assert result.verdict.tolist() == [WORSE, BETTER]


@given(
    st.lists(
        st.lists(st.integers(-50, 50), min_size=6, max_size=6), min_size=1, max_size=8
    ),
    st.sampled_from([None, 5.0, 40.0]),
)
def test_an_interval_says_what_the_verdict_says(samples, margin):
    """It is also at least as wide as a 95 % interval of one pair, unless it is the same."""
    result = compare_differences(samples, margin=margin)
    for place in range(len(samples)):
        difference = result.difference(place)
        if difference.interval is None:
            assert len(set(samples[place])) == 1
            continue
        low, high = difference.interval
        if difference.verdict != "same":
            alone = estimate(samples[place]).interval
            assert low <= alone[0] + 1e-9 and high >= alone[1] - 1e-9
        if abs(difference.p_value - 0.05) < 1e-9:
            continue
        assert difference.significant == (difference.p_value < 0.05)
        if difference.verdict == "better":
            assert low > 0
        elif difference.verdict == "worse":
            assert high < 0
        elif difference.verdict == "same":
            assert -margin <= low <= high <= margin
        else:
            assert low <= 0 <= high


def test_two_one_sided_tests_are_those_of_scipy():
    draws = np.random.default_rng(1).normal(0, 0.1, (50, 1, 8))
    one, other = (
        scipy.stats.ttest_1samp(draws[:, 0], end, axis=-1, alternative=side).pvalue
        for end, side in ((-0.1, "greater"), (0.1, "less"))
    )
    differs = scipy.stats.ttest_1samp(draws[:, 0], 0, axis=-1).pvalue <= 0.05
    expected = (np.maximum(one, other) <= 0.05) & ~differs
    assert 0 < expected.sum() < 50
    verdicts = compare_differences(draws, margin=0.1).verdict[:, 0]
    np.testing.assert_array_equal(verdicts == SAME, expected)


def test_pairs_at_the_margin_are_rarely_called_the_same():
    """Two pairs, each a margin apart: if one is significant, the other has no laxer level."""
    rng = np.random.default_rng(0)
    for size, spread in ((5, 0.1), (10, 0.2), (20, 0.2)):
        draws = rng.normal(0.2, spread, (20_000, 2, size))
        same = (compare_differences(draws, margin=0.2).verdict == SAME).any(-1)
        assert same.mean() < 0.055


@pytest.mark.parametrize("size", [2, 3, 5, 10])
@pytest.mark.parametrize("ratio", [0.1, 1, 10])
def test_a_known_variance_keeps_the_error_rate_whatever_its_share(size, ratio):
    rng = np.random.default_rng(size)
    shared = rng.normal(0, math.sqrt(ratio / size), (20_000, 1, 1))
    draws = rng.normal(size=(20_000, 1, size)) + shared
    result = compare_differences(draws, variances=np.full((20_000, 1), ratio / size))
    differs = result.verdict != UNDECIDED
    assert differs.mean() < 0.055
    np.testing.assert_array_equal(differs, (result.low > 0) | (result.high < 0))


def test_a_known_variance_of_zero_changes_nothing():
    plain, known = compare_differences([SLEEP]), compare_differences([SLEEP], variances=[0])
    np.testing.assert_array_equal(plain.p_value, known.p_value)
    np.testing.assert_array_equal(plain.low, known.low)


def test_a_small_known_variance_changes_little():
    plain, known = (
        compare_differences([SLEEP]),
        compare_differences([SLEEP], variances=[1e-9]),
    )
    np.testing.assert_allclose(plain.p_value, known.p_value, rtol=1e-4)


def test_large_differences_are_significant():
    rng = np.random.default_rng(0)
    result = compare_differences([rng.normal(mean, 0.1, 5) for mean in (1, 1, 0)])
    assert result.verdict.tolist() == [BETTER, BETTER, UNDECIDED]


def test_no_pairs_have_no_differences():
    assert compare_differences(np.empty((0, 5))).size.tolist() == []
