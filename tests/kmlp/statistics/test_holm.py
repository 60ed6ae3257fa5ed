import numpy as np
import pytest

from kmlp.statistics import holm

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [  # p.adjust(..., "holm") in R
        ([], []),
        ([0.2], [0.2]),
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        ([0.6, 0.7], [1.0, 1.0]),
        ([0.04, 0.001], [0.04, 0.002]),
    ],
)
def test_holm_is_that_of_r(p_values, adjusted):
    np.testing.assert_allclose(holm(p_values), adjusted)


def test_studies_are_corrected_each_for_itself():
    p_values = np.random.default_rng(0).uniform(size=(4, 3, 5)) ** 3
    alone = [[holm(row).tolist() for row in block] for block in p_values]
    np.testing.assert_array_equal(holm(p_values), alone)


def test_a_larger_family_is_corrected_for():
    assert holm([0.01, 0.02], family=4).tolist() == [0.04, 0.06]
