import math

import numpy as np
import pytest
import scipy.stats

from kmlp.statistics import chance_limit, proportion_error, wilson_interval
from kmlp.statistics._proportions import fisher_p_value

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("count", "total"), [(0, 5), (1, 20), (5, 5), (3, 7), (9300, 10_000)]
)
def test_wilson_interval_is_that_of_scipy(count, total):
    expected = scipy.stats.binomtest(count, total).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson_interval(count, total), expected, atol=1e-12)


def test_fisher_is_that_of_scipy():
    counts = np.random.default_rng(0).integers(0, 9, size=(200, 4))
    counts[:, 1] += counts[:, 0] + 1
    counts[:, 3] += counts[:, 2] + 1
    expected = [
        scipy.stats.fisher_exact([[a, n - a], [c, m - c]]).pvalue for a, n, c, m in counts
    ]
    np.testing.assert_allclose(fisher_p_value(*counts.T), expected)


def test_the_error_of_an_accuracy_is_the_spread_over_sets_of_images():
    right = np.random.default_rng(0).binomial(10_000, 0.97, size=20_000) / 10_000
    assert math.isclose(proportion_error(0.97, 10_000), right.std(), rel_tol=0.02)


def test_chance_limit():
    assert math.isclose(chance_limit(0.5, 100), 0.65)
    assert chance_limit(0.9, 2) == 1
