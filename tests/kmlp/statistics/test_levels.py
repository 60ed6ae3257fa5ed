import numpy as np
import pytest
from scipy.stats import ttest_rel

from kmlp.statistics import BETTER, SAME, UNDECIDED, WORSE, compare_levels, holm

pytestmark = pytest.mark.once

DIFFERS = (BETTER, WORSE)


def study(*means, spread=0.01, seeds=5, studies=None, seed=0):
    shape = (len(means), seeds) if studies is None else (studies, len(means), seeds)
    rng = np.random.default_rng(seed)
    return np.array(means)[:, None] + rng.normal(0, spread, shape)


def test_all_pairs_have_holms_correction():
    samples = study(0.9, 0.905, 0.9)
    result = compare_levels(samples)
    pairs = [(0, 1), (0, 2), (1, 2)]
    raw = [ttest_rel(samples[i], samples[j]).pvalue for i, j in pairs]
    assert list(zip(result.pairs.first, result.pairs.second, strict=True)) == pairs
    np.testing.assert_allclose(result.pairs.p_value, holm(raw))
    assert not result.single_best
    assert result.best == 1
    np.testing.assert_allclose(result.p_value[[0, 2]], holm(raw)[[0, 2]])
    np.testing.assert_allclose(result.mean[0], (samples[0] - samples[1]).mean())
    np.testing.assert_allclose(result.mean[2], (samples[2] - samples[1]).mean())


def test_the_single_best_needs_no_correction():
    samples = study(0.9, 0.9, 0.925, seeds=4, seed=0)
    raw = [ttest_rel(samples[i], samples[2]).pvalue for i in (0, 1)]
    assert 0.05 / 2 < max(raw) <= 0.05  # Holm's second step among three pairs has 0.025
    result = compare_levels(samples)
    assert result.single_best and result.best == 2
    np.testing.assert_allclose(result.p_value[:2], raw)
    assert result.verdict.tolist() == [WORSE, WORSE, UNDECIDED]
    assert (result.high[:2] < 0).all()
    assert UNDECIDED in result.pairs.verdict


def test_the_reference_has_no_difference_from_itself():
    result = compare_levels(study(0.9, 0.99, 0.9))
    assert result.difference(1) is None
    assert result.difference(0).verdict == "worse"


def test_a_baseline_is_compared_with_each_other_level_only():
    samples = study(0.9, 0.91, 0.93, 0.9, seed=1)
    result = compare_levels(samples, baseline=1)
    raw = [ttest_rel(samples[i], samples[1]).pvalue for i in (0, 2, 3)]
    np.testing.assert_allclose(result.p_value[[0, 2, 3]], holm(raw))
    assert result.difference(1) is None
    assert result.verdict[2] == BETTER
    assert not result.single_best


def test_many_studies_are_compared_each_for_itself():
    samples = study(0.9, 0.905, 0.91, studies=30, spread=0.004, seeds=4)
    samples[3, 0, 1] = samples[4, 1, :3] = samples[5, 2] = samples[6] = np.nan
    lost = np.zeros(samples.shape, bool)
    lost[5, 2] = lost[6] = lost[7, 0, :2] = True
    together = compare_levels(samples, lost=lost, margin=0.01)
    for place in range(30):
        alone = compare_levels(samples[place], lost=lost[place], margin=0.01)
        for name in (
            "best",
            "single_best",
            "tied",
            "contenders",
            "verdict",
            "low",
            "p_value",
        ):
            np.testing.assert_array_equal(
                getattr(together, name)[place], getattr(alone, name)
            )
    assert together.best[6] == -1 and not together.contenders[6].any()
    assert together.contenders[5].tolist() == [True, True, False]


def test_levels_with_equal_counts_are_tied():
    one = np.array([[9275, 9213], [9213, 9275], [9200, 9200]], np.float32) / np.float32(1e4)
    result = compare_levels(one)
    assert result.tied.tolist() == [True, True, False]
    assert result.best == 0


def test_two_images_more_for_every_seed_conclude_nothing():
    """The differences of accuracies as float32 are equal but for rounding."""
    right = np.array([[9275, 9213, 9307], [9277, 9215, 9309]], np.float32)
    result = compare_levels(right / np.float32(10_000))
    assert result.difference(0).verdict == "undecided"
    assert not result.single_best
    assert result.best == 1


def test_a_level_that_loses_more_runs_is_not_the_best():
    samples = study(0.9, 0.99, seeds=10)
    lost = np.zeros(samples.shape, bool)
    lost[1, :8] = True
    result = compare_levels(samples, lost=lost)
    assert result.contenders.tolist() == [True, False]
    assert result.best == 0 and not result.single_best
    assert result.size[1] == 2


def test_one_level_and_one_seed_and_no_run_conclude_nothing():
    assert compare_levels(study(0.9)).best == 0
    assert not compare_levels(study(0.9)).single_best
    one = compare_levels(study(0.9, 0.99, seeds=1))
    assert one.best == 1 and one.verdict.tolist() == [UNDECIDED, UNDECIDED]
    none = compare_levels(np.full((2, 3), np.nan))
    assert none.best == -1 and none.difference(0) is None


def test_levels_that_were_measured_on_different_images_are_not_separated_by_seeds():
    """The images differ by one standard error, the seeds hardly."""
    samples = study(0.9, 0.91, spread=0.001, seeds=8)
    assert compare_levels(samples).single_best
    result = compare_levels(samples, variances=[1e-4, 1e-4])
    assert not result.single_best
    assert result.low[0] < result.mean[0] - 1.96 * 0.0141 and result.high[0] > 0


@pytest.mark.parametrize(("levels", "seeds"), [(2, 5), (3, 3), (3, 10), (8, 5)])
def test_a_winner_is_rarely_named_if_all_levels_are_equal(levels, seeds):
    """Neither by a pair, nor against the best, although the same data choose it."""
    result = compare_levels(study(*[0.0] * levels, seeds=seeds, studies=4000))
    for verdicts in (result.verdict, result.pairs.verdict):
        assert np.isin(verdicts, DIFFERS).any(-1).mean() < 0.055


@pytest.mark.parametrize(("levels", "seeds"), [(3, 3), (3, 10), (8, 5)])
def test_a_single_best_is_rarely_named_if_two_are_tied_far_above_the_others(levels, seeds):
    """The worst case of the rule."""
    means = [0.0, 0.0, *[-9.0] * (levels - 2)]
    result = compare_levels(study(*means, seeds=seeds, studies=4000))
    assert 0.03 < result.single_best.mean() < 0.06


def test_a_single_best_is_named_more_often_than_by_the_correction_for_all_pairs():
    result = compare_levels(study(-0.5, -0.5, 0, spread=0.1, seeds=3, studies=2000))
    assert result.single_best.mean() > 0.7
    with_holm = (result.pairs.verdict[:, 1:] == WORSE).all(-1)
    assert with_holm.mean() < 0.45


def test_levels_are_called_the_same_within_a_margin():
    result = compare_levels(
        study(0.9, 0.9001, 0.95, spread=0.001, seeds=8, seed=1), margin=0.002
    )
    assert result.pairs.verdict.tolist() == [SAME, WORSE, WORSE]
    assert result.difference(0).verdict == "worse"
