import numpy as np
import pytest

from kmlp.statistics._contenders import ranks_behind

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("lost", "seeds", "behind"),
    [
        ([0, 3], 3, []),  # the p-value is 0.1
        ([0, 4], 4, [1]),
        ([0, 1, 0], 20, []),
        ([0, 9, 0], 10, [1]),
        ([3, 9, 0], 10, [1]),
        ([10, 9, 0], 10, [0, 1]),
        ([5, 5, 5], 5, []),
    ],
)
def test_a_level_ranks_behind_only_by_evidence(lost, seeds, behind):
    lost = np.array(lost)
    assert np.flatnonzero(ranks_behind(lost, seeds - lost)).tolist() == behind


def test_at_one_of_several_looks_the_evidence_must_be_stronger():
    lost, finished = np.array([0, 5]), np.array([5, 0])
    assert ranks_behind(lost, finished, spending=0.5)[1]
    assert not ranks_behind(lost, finished, spending=0.1)[1]


@pytest.mark.parametrize("levels", [2, 3, 6, 12])
@pytest.mark.parametrize("seeds", [5, 10, 20])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5])
def test_equal_levels_rarely_rank_behind(levels, seeds, share):
    lost = np.random.default_rng(0).binomial(seeds, share, (4000, levels))
    assert ranks_behind(lost, seeds - lost).any(-1).mean() < 0.055
