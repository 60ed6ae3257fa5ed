import numpy as np
import pytest
import scipy.stats

from kmlp.statistics import (
    compare_differences,
    seeds_range,
    seeds_to_resolve,
    shared_of,
)

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("difference", "spread", "comparisons", "seeds"),
    [  # R's pwr.t.test(d=..., power=0.8, sig.level=0.05, type="paired"), rounded up
        (0.2, 1.0, 1, 199),
        (0.5, 1.0, 1, 34),
        (-0.8, 1.0, 1, 15),
        (0.016, 0.02, 1, 15),
        (0.0, 1.0, 1, None),
        (0.01, 1.0, 1, None),
    ],
)
def test_seeds_to_resolve(difference, spread, comparisons, seeds):
    assert seeds_to_resolve(difference, spread, comparisons=comparisons) == seeds


def test_folds_need_more_runs_and_no_number_shows_a_small_difference():
    """The noncentrality stays below `difference / sqrt(shared)`, however many runs there are."""
    assert seeds_to_resolve(2.0, 1.0, shared=shared_of(5)) > seeds_to_resolve(2.0, 1.0)
    assert seeds_to_resolve(1.0, 1.0) is not None
    assert seeds_to_resolve(1.0, 1.0, shared=shared_of(5)) is None
    sample = [0.02, 0.03, 0.01, 0.02, 0.03]
    assert seeds_range(sample, shared=shared_of(5))[0] > seeds_range(sample)[0]


def test_the_stated_number_of_seeds_resolves_a_difference():
    """By simulation: with one seed less, the power is below 80 %."""
    seeds = seeds_to_resolve(1.0, 1.0, comparisons=3)
    rng = np.random.default_rng(0)

    def found(size):
        draws = rng.normal(1, 1, size=(4000, 1, size))
        return (compare_differences(draws).raw_p_value < 0.05 / 3).mean()

    assert found(seeds - 1) < 0.8 < found(seeds) + 0.01


@pytest.mark.parametrize(("size", "effect"), [(5, 0.5), (5, 2), (10, 0.3)])
def test_a_range_of_seeds_holds_the_true_number_in_80_percent_of_studies(size, effect):
    truth = seeds_to_resolve(effect, 1.0, comparisons=3)
    draws = np.random.default_rng(size).normal(effect, 1, (400, size))
    ranges = [seeds_range(sample, comparisons=3, most=1000) for sample in draws.tolist()]
    holds = [
        it is not None and it[0] <= truth and (it[1] is None or truth <= it[1])
        for it in ranges
    ]
    assert 0.77 < np.mean(holds) < 0.93


def test_a_range_of_seeds_is_open_if_there_may_be_no_difference():
    low, high = seeds_range([0.01, -0.01, 0.02, -0.02, 0.005])
    assert low > 5 and high is None


def test_a_range_of_seeds_starts_with_the_upper_end_of_the_effect():
    sample = [0.02, 0.03, 0.01, 0.02, 0.03]
    t = scipy.stats.ttest_1samp(sample, 0).statistic
    ends = [seeds_to_resolve(nc / 5**0.5, 1.0) for nc in np.linspace(t, 3 * t, 2001)
            if scipy.stats.nct.cdf(t, 4, nc) >= 0.1]  # fmt: skip
    assert seeds_range(sample)[0] == ends[-1]


@pytest.mark.parametrize("sample", [[0.1], [0.1, 0.1, 0.1], [1e-6, -1e-6, 0, 1e-6, -1e-6]])
def test_without_a_spread_or_a_feasible_number_there_is_no_range(sample):
    assert seeds_range(sample, most=2) is None
