import math
from itertools import combinations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from kmlp.statistics import compare, estimate, paired_p_value

pytestmark = pytest.mark.once


# R's data `sleep`: extra hours with the first drug less those with the second.
SLEEP = [-1.2, -2.4, -1.3, -1.3, 0.0, -1.0, -1.8, -0.8, -4.6, -1.4]


def test_a_pair_is_compared_as_r_documents_it():
    """`t.test(extra ~ group, data = sleep, paired = TRUE)` in R's help."""
    [difference] = compare([SLEEP])
    assert round(difference.mean, 2) == -1.58
    assert [round(end, 7) for end in difference.interval] == [-2.4598858, -0.7001142]
    assert round(difference.p_value, 6) == 0.002833
    assert difference.significant


@pytest.mark.parametrize("size", [2, 3, 10])
def test_p_value_is_that_of_scipy(size):
    rng = np.random.default_rng(size)
    one, other = rng.normal(0.9, 0.01, size), rng.normal(0.91, 0.01, size)
    expected = scipy.stats.ttest_rel(one, other).pvalue
    assert math.isclose(paired_p_value((one - other).tolist()), expected)


def test_equal_differences_have_no_spread():
    assert paired_p_value([0.0, 0.0, 0.0]) == 1
    assert paired_p_value([0.9 - 0.8, 0.91 - 0.81]) is None  # unequal by rounding only
    none, some = compare([[0.0, 0.0], [0.25, 0.25]])
    assert (none.significant, none.interval, none.p_value) == (False, (0, 0), 1)
    assert (some.significant, some.interval, some.p_value) == (False, None, None)


def test_one_seed_is_not_tested_and_not_counted():
    alone, pair = compare([[0.5], SLEEP])
    assert (alone.interval, alone.p_value, alone.spread) == (None, None, None)
    assert not alone.significant
    assert pair == compare([SLEEP])[0]
    assert compare([]) == []


def test_holm_continues_at_a_higher_level_after_each_significant_test():
    """The second p-value alone is above 0.05 / 2, which Bonferroni would ask for."""
    differences = compare([SLEEP, [1.25, 3.25, 0.85, 1.95]])
    assert 0.025 < differences[1].p_value < 0.05
    assert [difference.significant for difference in differences] == [True, True]


@given(
    st.lists(st.lists(st.integers(-50, 50), min_size=2, max_size=6), min_size=1, max_size=8)
)
def test_an_interval_excludes_zero_where_the_p_value_is_below_five_percent(samples):
    """The interval is also at least as wide as a 95 % interval of one pair."""
    for sample, difference in zip(samples, compare(samples), strict=True):
        if difference.p_value is None:
            assert len(set(sample)) == 1
            continue
        if abs(difference.p_value - 0.05) > 1e-9:
            assert difference.significant == (difference.p_value < 0.05)
        alone = estimate(sample).interval
        assert difference.interval[0] <= alone[0] + 1e-9
        assert difference.interval[1] >= alone[1] - 1e-9


@pytest.mark.parametrize(("values", "seeds"), [(3, 3), (8, 3), (5, 5), (3, 10), (8, 10)])
def test_a_winner_is_rarely_named_if_all_levels_are_equal(values, seeds):
    """At most 5 % false winners, although the best is chosen from the same data."""
    rng = np.random.default_rng(values * seeds)
    draws, false = 1500, 0
    for _ in range(draws):
        of_seed = rng.normal(size=seeds)  # what a seed does to all values alike
        results = sorted((rng.normal(size=(values, seeds)) + of_seed).tolist(), key=sum)
        pairs = [
            [a - b for a, b in zip(one, other, strict=True)]
            for one, other in combinations(results[::-1], 2)
        ]
        false += any(difference.significant for difference in compare(pairs)[: values - 1])
    assert false / draws <= 0.05


def test_a_large_difference_is_significant():
    rng = np.random.default_rng(0)
    samples = [rng.normal(mean, 0.1, 5).tolist() for mean in (1, 1, 0)]
    assert [difference.significant for difference in compare(samples)] == [
        True,
        True,
        False,
    ]
