"""The oracles with made-up scores: nothing is trained."""

import itertools
import random
from collections import Counter

import keras_tuner
import pytest
from keras_tuner.engine.trial import TrialStatus

from kmlp_tuning import AshaOracle, HyperbandOracle
from kmlp_tuning.oracles.standard import BATCH, BayesianOracle, GridOracle, RandomOracle

pytestmark = pytest.mark.once

OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")


def endless():
    hp = keras_tuner.HyperParameters()
    hp.Float("learning_rate", 1e-3, 1, sampling="log")
    return hp


def finite(count):
    hp = keras_tuner.HyperParameters()
    hp.Choice("width", list(range(count)))
    return hp


def silent(oracle):
    oracle.verbose = 0
    return oracle


def hyperband(max_trials=143, max_epochs=81, *, seed=0, hp=None, **options):
    return silent(
        HyperbandOracle(
            OBJECTIVE, max_trials, max_epochs, seed=seed,
            hyperparameters=hp or endless(), **options,
        )
    )  # fmt: skip


def score_of(trial):
    """The larger the learning rate, the better."""
    return trial.hyperparameters.values["learning_rate"]


def search(oracle, *, workers=1, fails=lambda trial: False, score=score_of, order=None):
    """Has all trials 'trained' by several workers, and returns them as they ended."""
    names, ended, going = itertools.count(), [], []
    shuffle = random.Random(order)
    while True:
        while len(going) < workers:
            trial = oracle.create_trial(f"tuner {next(names)}")
            if trial.status != TrialStatus.RUNNING:
                break
            going.append(trial)
        if not going:
            assert trial.status == TrialStatus.STOPPED
            return ended
        trial = going.pop(shuffle.randrange(len(going)) if order is not None else 0)
        if fails(trial):
            trial.status = TrialStatus.FAILED
        else:
            oracle.update_trial(trial.trial_id, {"val_accuracy": score(trial)})
            trial.status = TrialStatus.COMPLETED
        oracle.end_trial(trial)
        ended.append(oracle.get_trial(trial.trial_id))


def place(trial):
    values = trial.hyperparameters.values
    return values["tuner/bracket"], values["tuner/round"]


def filled(ended):
    """How many trials each rung of each bracket had."""
    counts = Counter(map(place, ended))
    return [
        [counts[it] for it in sorted(counts) if it[0] == bracket]
        for bracket in range(max(bracket for bracket, _ in counts) + 1)
    ]


FULL = [[81, 27, 9, 3, 1], [34, 11, 3, 1], [15, 5, 1], [8, 2], [5]]


@pytest.mark.parametrize("workers", [1, 7, 200])
def test_every_rung_fills(workers):
    assert filled(search(hyperband(), workers=workers)) == FULL


@pytest.mark.parametrize("percent", [10, 50])
@pytest.mark.parametrize("workers", [1, 7])
def test_failures_block_no_promotion(percent, workers):
    """Keras Tuner's own ran 81, 17, 0, 0, 0 where 10 % failed."""
    lot = random.Random(percent)
    for _ in range(5):
        ended = search(
            hyperband(), workers=workers, fails=lambda _: lot.random() < percent / 100
        )
        failed = Counter(place(it) for it in ended if it.status == TrialStatus.FAILED)
        for bracket, (wanted, found) in enumerate(zip(FULL, filled(ended), strict=True)):
            assert found[0] == wanted[0]
            for rung in range(1, len(wanted)):
                before = found[rung - 1] if rung - 1 < len(found) else 0
                survivors = before - failed[bracket, rung - 1]
                have = found[rung] if rung < len(found) else 0
                assert have == min(wanted[rung], survivors)
        if percent == 10:
            assert filled(ended)[0][:4] == [81, 27, 9, 3]


def test_where_everything_fails_the_search_ends():
    ended = search(hyperband(), workers=3, fails=lambda _: True)
    assert filled(ended) == [[81], [34], [15], [8], [5]]


def test_the_best_are_promoted_and_go_on_from_where_they_are():
    ended = search(hyperband(9, 9), workers=4)
    by_id = {it.trial_id: it for it in ended}
    for trial in ended:
        bracket, rung = place(trial)
        values = trial.hyperparameters.values
        if not rung:
            assert values["tuner/initial_epoch"] == 0
            assert "tuner/trial_id" not in values
            continue
        past = by_id[values["tuner/trial_id"]]
        assert place(past) == (bracket, rung - 1)
        assert values["tuner/initial_epoch"] == past.hyperparameters.values["tuner/epochs"]
        assert score_of(past) == score_of(trial)
        beside = [it for it in ended if place(it) == (bracket, rung - 1)]
        promoted = len([it for it in ended if place(it) == (bracket, rung)])
        assert past in sorted(beside, key=score_of)[-promoted:]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_nothing_depends_on_who_is_done_first(order):
    def promoted(ended):
        return {(place(it), score_of(it)) for it in ended}

    alone = search(hyperband(50, 27))
    together = search(hyperband(50, 27), workers=5, order=order)
    assert promoted(together) == promoted(alone)


def test_of_equal_scores_the_one_that_began_first_is_promoted():
    ended = search(hyperband(9, 3), workers=9, score=lambda _: 0.5, order=1)
    begun = sorted(it.trial_id for it in ended if place(it) == (0, 0))
    past = [
        it.hyperparameters.values["tuner/trial_id"] for it in ended if place(it) == (0, 1)
    ]
    assert sorted(past) == begun[: len(past)]


def test_a_direction_to_less():
    oracle = silent(
        HyperbandOracle(
            keras_tuner.Objective("val_loss", "min"),
            3,
            3,
            seed=0,
            hyperparameters=endless(),
        )
    )
    names = itertools.count()
    first = oracle.create_trial("a")
    second = oracle.create_trial("b")
    for trial, loss in ((first, 0.3), (second, 0.2)):
        oracle.update_trial(trial.trial_id, {"val_loss": loss})
        trial.status = TrialStatus.COMPLETED
        oracle.end_trial(trial)
    drawn = [oracle.create_trial(f"c {next(names)}") for _ in range(3)]
    promoted = [it for it in drawn if "tuner/trial_id" in it.hyperparameters.values]
    assert [it.hyperparameters.values["tuner/trial_id"] for it in promoted] == [
        second.trial_id
    ]


def test_a_trial_to_be_retried_is_waited_for():
    oracle = hyperband(3, 3, max_retries_per_trial=1)
    tries = Counter()

    def fails_once(trial):
        tries[trial.trial_id] += 1
        return False

    trial = oracle.create_trial("a")
    trial.status = TrialStatus.INVALID
    oracle.end_trial(trial)
    again = oracle.create_trial("b")
    assert again.trial_id == trial.trial_id
    oracle.update_trial(again.trial_id, {"val_accuracy": 0.5})
    again.status = TrialStatus.COMPLETED
    oracle.end_trial(again)
    assert filled(search(oracle, fails=fails_once)) == [[1, 1], [1]]


@pytest.mark.parametrize("kind", [RandomOracle, HyperbandOracle, AshaOracle])
def test_a_seed_is_a_seed_also_0(kind):
    def values(seed):
        oracle = silent(
            kind(objective=OBJECTIVE, max_trials=5, seed=seed, hyperparameters=endless())
        )
        return [score_of(oracle.create_trial(str(n))) for n in range(5)]

    assert values(0) == values(0)
    # Those of Keras Tuner have 4 of 5 in common for seeds that follow each other.
    assert not set(values(0)) & set(values(1))


@pytest.mark.parametrize("more", [18, 34, 50])
def test_more_trials_begin_with_the_same(more):
    def begun(max_trials):
        ended = search(hyperband(max_trials, 10), workers=100)
        rungs = sorted((it.trial_id, score_of(it)) for it in ended if place(it)[1] == 0)
        return [score for _, score in rungs]

    assert begun(more)[:17] == begun(17)


@pytest.mark.parametrize("kind", [RandomOracle, HyperbandOracle, AshaOracle, GridOracle])
def test_all_of_a_finite_space_is_found_nothing_twice(kind):
    oracle = silent(
        kind(
            objective=OBJECTIVE, max_trials=60, seed=3, size=60, hyperparameters=finite(60)
        )
    )
    ended = search(oracle, workers=60, score=lambda it: it.hyperparameters.values["width"])
    widths = [
        it.hyperparameters.values["width"]
        for it in ended
        if not it.hyperparameters.values.get("tuner/round")
    ]
    assert sorted(widths) == list(range(60))


def test_a_space_that_is_exhausted_ends_a_search():
    ended = search(
        hyperband(9, 9, hp=finite(3)), score=lambda it: it.hyperparameters.values["width"]
    )
    assert len([it for it in ended if place(it)[1] == 0]) == 3
    assert filled(ended)[0] == [3, 1, 1]  # one of those that there are goes on


def test_a_grid_does_not_wait():
    oracle = silent(
        GridOracle(objective=OBJECTIVE, max_trials=None, hyperparameters=finite(9))
    )
    drawn = [oracle.create_trial(str(n)) for n in range(9)]
    assert [it.hyperparameters.values["width"] for it in drawn] == list(range(9))


@pytest.mark.parametrize("order", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_bayesian_optimization_does_not_depend_on_who_is_done_first(order):
    def bayesian():
        return silent(
            BayesianOracle(
                objective=OBJECTIVE, max_trials=12, seed=1, hyperparameters=endless()
            )
        )

    def scores(ended):
        return sorted(map(score_of, ended))

    alone = search(bayesian(), workers=BATCH)
    together = search(bayesian(), workers=BATCH + 3, order=order)
    assert scores(alone) == scores(together)
    assert max(scores(alone)[-4:]) > 0.5  # it goes where the scores are high


def test_bayesian_optimization_stays_within_the_range():
    """Where more is better, it goes to the end, where Keras Tuner's own goes beyond it."""
    hp = keras_tuner.HyperParameters()
    hp.Int("width", 1, 7, sampling="log")
    oracle = silent(
        BayesianOracle(
            objective=OBJECTIVE,
            max_trials=7,
            seed=1,
            hyperparameters=hp,
            num_initial_points=3,
        )
    )
    ended = search(oracle, score=lambda it: it.hyperparameters.values["width"])
    assert {it.hyperparameters.values["width"] for it in ended} == set(range(1, 8))


def test_bayesian_optimization_tries_nothing_twice():
    oracle = silent(
        BayesianOracle(
            objective=OBJECTIVE, max_trials=20, seed=1, size=20, hyperparameters=finite(20)
        )
    )
    ended = search(oracle, workers=4, score=lambda it: it.hyperparameters.values["width"])
    assert len({it.hyperparameters.values["width"] for it in ended}) == 20


def test_asha_promotes_at_once_and_only_the_best():
    oracle = silent(AshaOracle(OBJECTIVE, 27, 9, seed=0, hyperparameters=endless()))
    ended = search(oracle)
    rungs = Counter(place(it)[1] for it in ended)
    assert rungs[0] == 27
    assert rungs[1] >= 9
    assert rungs[2] >= 3
    first = next(it for it in ended if place(it)[1] == 1)
    # Promoted when the third trial was done, before the fourth began.
    assert ended.index(first) == 3
    assert score_of(first) == max(map(score_of, ended[:3]))


def test_asha_promotes_no_trial_twice_and_none_that_failed():
    lot = random.Random(0)
    oracle = silent(AshaOracle(OBJECTIVE, 40, 9, seed=0, hyperparameters=endless()))
    ended = search(oracle, workers=5, order=1, fails=lambda _: lot.random() < 0.3)
    past = [it.hyperparameters.values.get("tuner/trial_id") for it in ended]
    promoted = [it for it in past if it]
    assert len(promoted) == len(set(promoted)) > 5
    failed = {it.trial_id for it in ended if it.status == TrialStatus.FAILED}
    assert not failed & set(promoted)


def test_asha_counts_what_failed_among_those_that_reached_a_rung():
    oracle = silent(AshaOracle(OBJECTIVE, 27, 9, seed=0, hyperparameters=endless()))
    lot = random.Random(1)
    ended = search(oracle, fails=lambda it: place(it)[1] == 0 and lot.random() < 1 / 3)
    assert Counter(place(it)[1] for it in ended)[1] >= 9


def test_the_state_of_another_plan_is_refused():
    state = hyperband(9, 9).get_state()
    with pytest.raises(ValueError, match="trials"):
        hyperband(25, 9).set_state(state)


@pytest.mark.parametrize("kind", [HyperbandOracle, AshaOracle])
@pytest.mark.parametrize(
    "wrong",
    [
        {"max_trials": 0},
        {"factor": 2.5},
        {"factor": 1},
        {"min_epochs": 0},
        {"min_epochs": 11},
    ],
    ids=str,
)
def test_numbers_that_make_no_sense_are_refused(kind, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        kind("val_accuracy", **wrong)
