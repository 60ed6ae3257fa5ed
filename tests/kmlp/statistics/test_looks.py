import math

import numpy as np
import pytest
from scipy.stats import t

from kmlp.statistics import constant, looks

pytestmark = pytest.mark.once


def test_looks_end_with_the_largest_number_of_seeds():
    assert looks() == (3, 4, 5, 6, 8, 10, 13, 16, 20)
    assert looks(7) == (3, 4, 5, 6, 7)
    assert looks(3) == (3,)
    assert looks(50)[-3:] == (32, 40, 50)


@pytest.mark.parametrize("most", [2, 51])
def test_a_number_of_seeds_without_constants_is_refused(most):
    with pytest.raises(ValueError, match="from 3 to 50"):
        looks(most)
    with pytest.raises(ValueError, match="from 3 to 50"):
        constant(1, most)


@pytest.mark.parametrize(
    ("comparisons", "critical"),
    [
        (1, [18.4, 8.11, 5.63, 4.59, 3.68, 3.26, 2.92, 2.72, 2.55]),
        (3, [33.9, 12.3, 7.81, 6.08, 4.66, 4.05, 3.58, 3.32, 3.11]),
        (10, [64.5, 19.0, 10.9, 8.05, 5.84, 4.94, 4.30, 3.95, 3.68]),
    ],
)
def test_critical_values_are_those_of_another_simulation(comparisons, critical):
    levels = [constant(comparisons) * n / 20 * 0.05 / comparisons for n in looks()]
    values = [t.isf(level / 2, n - 1) for level, n in zip(levels, looks(), strict=True)]
    np.testing.assert_allclose(values, critical, rtol=0.005)


@pytest.mark.parametrize("most", range(3, 51))
def test_constants_are_between_those_of_one_look_and_of_bonferroni(most):
    values = [constant(comparisons, most) for comparisons in range(1, 80)]
    assert values == sorted(values, reverse=True)
    assert values[0] <= 1
    assert (values[0] == 1) == (most == 3)
    assert math.isclose(values[-1], most / sum(looks(most)))
