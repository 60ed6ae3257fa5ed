import numpy as np
import pytest

from kmlp.statistics import (
    BETTER,
    REASONS,
    SAME,
    UNDECIDED,
    WORSE,
    compare_levels,
    compare_sequentially,
    looks,
)  # fmt: skip

pytestmark = pytest.mark.once

DIFFERS = (BETTER, WORSE)


def draws(means, spreads=0.2, studies=2000, seeds=20, seed=0):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(studies, len(means), seeds))
    spreads = np.broadcast_to(spreads, len(means))
    return np.array(means)[:, None] + spreads[:, None] * noise


def seeds_of(result):
    return np.array([0, *result.looks])[result.looked]


@pytest.mark.parametrize("most", [3, 5, 12, 20, 33])
def test_one_pair_without_a_difference_is_rarely_significant_at_any_look(most):
    result = compare_sequentially(draws([0, 0], studies=8000, seeds=most), most=most)
    wrong = np.isin(result.pairs.verdict, DIFFERS).any(-1)
    assert 0.043 < wrong.mean() < 0.057


@pytest.mark.parametrize(
    ("means", "spreads"),
    [
        ([0, 0, 0], 1),
        ([0, 0, 0, 0, 0], 1),
        ([0, 0, 0], [1.48, 0.92, 0.13]),
        ([0, 0, -9], 1),
        ([0, 0, -9, -9, -9], 1),
    ],
)
def test_over_all_looks_a_false_winner_is_rare(means, spreads):
    result = compare_sequentially(draws(means, spreads, studies=3000))
    means = np.array(means)
    apart = means - means[result.best][:, None]
    against_best = np.isin(result.verdict, DIFFERS) & (apart == 0)
    apart = means[result.pairs.first] - means[result.pairs.second]
    in_pairs = np.isin(result.pairs.verdict, DIFFERS) & (apart == 0)
    assert against_best.any(-1).mean() < 0.062
    assert in_pairs.any(-1).mean() < 0.062
    assert (result.single_best & (means == 0).sum().astype(bool)).mean() < 0.062


@pytest.mark.parametrize(
    ("means", "power", "seeds"),
    [
        ([-0.8, -0.8, 0], 1, 5.6),
        ([-0.5, -0.5, 0], 1, 7.8),
        ([-0.25, -0.25, 0], 0.86, 14.8),
        ([-0.8, -0.25, 0], 0.92, 12.8),
    ],
)
def test_power_and_mean_number_of_seeds(means, power, seeds):
    """The figures of another simulation."""
    result = compare_sequentially(draws(means))
    assert abs((result.single_best & (result.best == 2)).mean() - power) < 0.02
    assert abs(seeds_of(result).mean() - seeds) < 0.25


def test_equal_levels_are_shown_the_same_and_stop():
    result = compare_sequentially(draws([0, 0, 0], [0.19, 0.12, 0.11]), margin=0.2)
    same = result.reason == REASONS.index("all the same")
    assert 0.8 < same.mean() < 0.92
    assert (result.pairs.verdict[same] == SAME).all(-1).mean() > 0.95
    assert seeds_of(result)[same].mean() < 17


def test_pairs_at_the_margin_are_rarely_called_the_same_at_any_look():
    result = compare_sequentially(draws([0.4, 0.2, 0], 0.25, studies=4000), margin=0.2)
    assert (result.pairs.verdict == SAME).any(-1).mean() < 0.057


def test_the_result_is_that_of_the_seeds_at_the_last_look():
    """Runs that finished since, and seeds of a level that was dropped, do not count."""
    samples = draws([-0.8, -0.25, 0], studies=1)[0]
    whole = compare_sequentially(samples)
    seen = np.full(samples.shape, np.nan)
    taken = []
    while (current := compare_sequentially(seen)).next_look is not None:
        taken.append(current.next_look)
        for level in np.flatnonzero(current.active):
            seen[level, : current.next_look] = samples[level, : current.next_look]
            ahead = compare_sequentially(np.where(np.arange(20) < 2, samples, seen))
            assert ahead.looked <= len(taken)
    assert tuple(taken) == whole.looks[: whole.looked]
    assert np.isnan(seen[0, -1])  # it was dropped before the end
    for name in (
        "best",
        "single_best",
        "verdict",
        "p_value",
        "low",
        "means",
        "active",
        "reason",
    ):
        np.testing.assert_array_equal(getattr(current, name), getattr(whole, name))


def test_a_look_waits_for_all_active_levels():
    samples = draws([-0.3, 0], studies=1)[0]
    samples[0, 4:] = np.nan
    result = compare_sequentially(samples)
    assert (result.looked, result.next_look) == (2, 5)
    assert result.active.all() and not result.stopped
    assert result.size.max() == 4


def test_before_the_first_look_there_are_means_and_no_verdicts():
    samples = [[0.9, 0.91], [0.98, 0.981]]
    result = compare_sequentially(samples, margin=0.5)
    assert (result.looked, result.next_look, result.best) == (0, 3, 1)
    assert result.difference(0).verdict == "undecided"
    assert result.difference(0).interval is None
    assert not result.single_best


def test_many_studies_are_compared_each_for_itself():
    samples = draws([-0.15, 0, 0], studies=40, spreads=0.15)
    samples[3, 1, 7:] = samples[4, 0, 2:] = np.nan
    lost = np.zeros(samples.shape, bool)
    lost[5, 2, ::2] = lost[6] = lost[7, 0, 3] = True
    together = compare_sequentially(samples, lost=lost, margin=0.2)
    assert len(set(together.reason.tolist())) >= 4
    names = (
        "best",
        "single_best",
        "verdict",
        "low",
        "p_value",
        "active",
        "looked",
        "reason",
    )
    for place in range(40):
        alone = compare_sequentially(samples[place], lost=lost[place], margin=0.2)
        for name in names:
            np.testing.assert_array_equal(
                getattr(together, name)[place], getattr(alone, name)
            )


def test_a_level_that_is_shown_worse_gets_no_more_seeds():
    samples = draws([-9, -0.1, 0], studies=1)[0]
    samples[0, 3:] = np.nan
    result = compare_sequentially(samples[:, :8])
    assert result.active.tolist() == [False, True, True]
    assert result.size[0] == 3


def test_intervals_say_what_the_verdicts_say():
    result = compare_sequentially(draws([-0.3, -0.15, 0, 0]), margin=0.15)
    for part in (result, result.pairs):
        better, worse = part.verdict == BETTER, part.verdict == WORSE
        assert (part.low[better] > 0).all() and (part.high[worse] < 0).all()
        same = part.verdict == SAME
        assert same.any()
        assert (part.low[same] >= -0.15).all() and (part.high[same] <= 0.15).all()
        tested = ~np.isnan(part.low)
        rest = (part.verdict == UNDECIDED) & tested
        # Looks may disagree on which level is ahead; that is undecided, and rare.
        crossing = (part.low <= 0) & (part.high >= 0)
        assert (rest & ~crossing).sum() <= 0.001 * rest.sum()


def test_repeated_intervals_hold_the_true_difference_at_every_look():
    samples = draws([0.1, 0], studies=6000)
    missed = np.zeros(6000, bool)
    for size in looks():
        result = compare_sequentially(samples[..., :size])
        missed |= ~((result.pairs.low[:, 0] <= 0.1) & (result.pairs.high[:, 0] >= 0.1))
    assert missed.mean() < 0.057


def test_one_look_is_the_comparison_of_fixed_seeds():
    samples = draws([-0.3, -0.1, 0], studies=200, seeds=3)
    fixed, result = compare_levels(samples), compare_sequentially(samples, most=3)
    np.testing.assert_allclose(result.p_value, fixed.p_value)
    np.testing.assert_array_equal(result.verdict, fixed.verdict)
    np.testing.assert_allclose(result.low, fixed.low)


def test_with_a_baseline_levels_with_a_verdict_get_no_more_seeds():
    samples = draws([0.0, -3, 3, 0.0], studies=1)[0]
    samples[1:3, 6:] = np.nan
    result = compare_sequentially(samples, baseline=0, margin=0.4)
    assert [result.difference(it).verdict for it in (1, 2, 3)] == [
        "worse",
        "better",
        "same",
    ]
    assert REASONS[result.reason] == "every pair decided"
    assert not result.active.any()
    early = compare_sequentially(samples[:, :5], baseline=0, margin=0.4)
    assert early.active.tolist() == [True, False, False, True]


def test_equal_levels_rarely_rank_behind_at_any_look():
    samples = draws([0, 0, 0], studies=3000)
    lost = np.random.default_rng(1).uniform(size=samples.shape) < 0.3
    result = compare_sequentially(samples, lost=lost)
    assert (~result.contenders).any(-1).mean() < 0.055


def test_a_level_that_mostly_diverges_ranks_behind_and_gets_no_more_seeds():
    samples = draws([0, 0.5, 0], studies=1)[0]
    lost = np.zeros(samples.shape, bool)
    lost[1, 1:] = True
    result = compare_sequentially(samples[:, :10], lost=lost[:, :10])
    assert result.contenders.tolist() == [True, False, True]
    assert result.active.tolist() == [True, False, True]
    assert result.best != 1


def test_what_was_shown_the_same_at_one_look_stays_the_same():
    """Two levels agree for six seeds, and scatter afterwards; a third one stays open."""
    random = np.random.default_rng(0)
    first = 0.95 + random.normal(0, 1e-3, 8)
    second = first + random.normal(0, 1e-5, 8)
    second[6:] += [0.02, -0.02]
    samples = np.stack([first, second, 0.95 + random.normal(0, 0.05, 8)])
    early = compare_sequentially(samples[:, :6], margin=0.002)
    late = compare_sequentially(samples, margin=0.002)
    alone = compare_levels(samples, margin=0.002)
    assert early.pairs.verdict[0] == late.pairs.verdict[0] == SAME
    assert alone.pairs.verdict[0] != SAME and late.looked > early.looked


LOST = np.full(20, np.nan)
RAN = 0.9 + np.random.default_rng(0).normal(0, 0.001, (3, 20))


@pytest.mark.parametrize(
    ("samples", "did_not_learn", "baseline", "seeds"),
    [
        ([LOST, LOST], None, None, 3),
        (RAN, np.ones((3, 20), bool), None, 3),
        ([LOST, RAN[0]], [[False] * 20, [True] * 20], None, 3),
        ([LOST, RAN[0]], None, None, 6),
        ([LOST, RAN[0], RAN[1]], None, 0, 5),
        (RAN[:1], None, None, 3),
    ],
)
def test_a_study_stops_where_there_is_nothing_to_compare(
    samples, did_not_learn, baseline, seeds
):
    """A level that loses all runs is trained until that is shown."""
    samples = np.array(samples)
    result = compare_sequentially(
        samples, lost=np.isnan(samples), did_not_learn=did_not_learn, baseline=baseline
    )
    assert REASONS[result.reason] == "nothing to compare"
    assert (seeds_of(result), result.single_best) == (seeds, False)


def test_a_single_run_that_learned_keeps_a_study_going():
    did_not_learn = np.ones(RAN.shape, bool)
    did_not_learn[1, 2] = False
    result = compare_sequentially(RAN[:, :4], did_not_learn=did_not_learn[:, :4])
    assert (result.looked, result.next_look) == (2, 5)
