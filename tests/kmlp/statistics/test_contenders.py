import numpy as np
import pytest

from kmlp.statistics._contenders import contenders

pytestmark = pytest.mark.once


def able(lost, of):
    lost = np.array(lost)
    return contenders(lost, of - lost).tolist()


@pytest.mark.parametrize(
    ("lost", "seeds", "expected"),
    [
        ([0, 3], 3, [True, False]),  # no run finished
        ([0, 2], 3, [True, True]),
        ([0, 1, 0], 20, [True, True, True]),
        ([0, 9, 0], 10, [True, False, True]),
        ([3, 9, 0], 10, [True, False, True]),
        ([10, 9, 0], 10, [False, False, True]),
        ([5, 5, 5], 5, [False, False, False]),
        ([4, 4, 4], 5, [True, True, True]),
    ],
)
def test_a_level_ranks_behind_only_by_evidence(lost, seeds, expected):
    assert able(lost, seeds) == expected


@pytest.mark.parametrize("levels", [2, 3, 6, 12])
@pytest.mark.parametrize("seeds", [5, 10, 20])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5])
def test_equal_levels_rarely_rank_behind(levels, seeds, share):
    lost = np.random.default_rng(0).binomial(seeds, share, (4000, levels))
    lost = lost[(lost < seeds).all(-1)]  # a level without a finished run is another matter
    behind = ~contenders(lost, seeds - lost).all(-1)
    assert behind.mean() < 0.055
