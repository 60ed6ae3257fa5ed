"""Searches with made-up scores, through the engine: nothing is trained."""

import hashlib
import math
import random

import pytest
from helpers.made_up import made_up_record

from kmlp import RunConfig, engine
from kmlp.engine import TaskFailed, TaskResult
from kmlp.store import Store
from kmlp.training.identity import RunIdentity
from kmlp.training.run import Run
from kmlp_tuning import SearchSpace
from kmlp_tuning.search._planner import SearchPlanner
from kmlp_tuning.search.options import SearchOptions
from kmlp_tuning.search.settings import make_settings
from kmlp_tuning.search.trial import rank, score_of

pytestmark = pytest.mark.once

SPACE = SearchSpace({"learning_rate": "1e-3:1:log", "width": [8, 16, 32], "depth": [0, 1]})


class Executor:
    """An epoch a task; who is done first is chance."""

    def __init__(
        self, capacity=1, *, order=0, diverges=(), fails=(), dips=(), losses=False
    ):
        self.losses = losses  # True: equal to the accuracies
        self.capacity = capacity
        self.going = []
        self.done = []
        self.diverges = diverges
        self.fails = fails
        self.dips = dips
        self.lot = random.Random(order)

    def free(self):
        return self.capacity - len(self.going)

    def submit(self, task, dataset):
        self.going.append(task)

    def result(self, timeout=None):
        task = self.going.pop(self.lot.randrange(len(self.going)))
        config, epoch = task.config, task.epochs + 1
        if config.learning_rate in self.fails:
            return TaskFailed(task, "It always does.", final=True)
        self.done.append((config, epoch))
        diverged = config.learning_rate in self.diverges
        accuracy = config.learning_rate * (1 - 2.0**-epoch)
        if (config.learning_rate, epoch) in self.dips:
            accuracy = 0.0
        accuracy = math.nan if diverged else accuracy
        record = made_up_record(epoch, accuracy, accuracy if self.losses else None)
        return TaskResult(task, (record,), {} if diverged else {record.epoch: b"a model"})


BY_OPTIMIZER = SearchSpace(
    {
        "optimizer": "sgd,adam",
        "learning_rate": "sgd=1e-2:1:log,adam=1e-4:1e-2:log",
        "momentum": [0.0, 0.9],
        "width": [8, 16],
    }
)


def settings(*, space=SPACE, **changes):
    asked = {
        "max_trials": 17, "algorithm": "hyperband", "objective": "val_accuracy",
        "max_epochs": 9, "min_epochs": None, "factor": None, "replicates": 0,
    }  # fmt: skip
    return make_settings(
        space, RunConfig(), SearchOptions(**{**asked, **changes}), fused=True
    )


def identify(config):
    key = hashlib.sha256(repr(config).encode()).hexdigest()
    return RunIdentity(key, config, "none", True, 1)


def search(asked, executor, *, store=None, events=None, fresh=False):
    planner = SearchPlanner(
        asked, work=lambda config: config.width, check=lambda configs: None
    )
    with Store(None) if store is None else store as used:
        engine.execute(
            planner, store=used, executor=executor, identify=identify, load=lambda config: None,
            fresh=fresh,
            observer=None if events is None else events.append,
        )  # fmt: skip
    return planner


def told(planner):
    return [
        (it.number, it.config, it.bracket, it.rung, it.epochs, it.run.status)
        for it in planner.trials
    ]


@pytest.mark.parametrize(
    ("algorithm", "max_trials", "capacity", "order"),
    [
        ("hyperband", 17, 2, 1),
        ("hyperband", 17, 3, 2),
        ("hyperband", 40, 50, 3),
        ("random", 17, 3, 2),
        ("bayesian", 13, 3, 2),
    ],
)
def test_the_number_of_workers_and_their_speed_make_no_difference(
    algorithm, max_trials, capacity, order
):
    asked = settings(algorithm=algorithm, max_trials=max_trials)
    alone = search(asked, Executor())
    together = search(asked, Executor(capacity, order=order))
    assert told(together) == told(alone)
    assert len(alone.trials) == max_trials


def test_promoted_configurations_are_advanced_and_nothing_is_trained_twice():
    executor = Executor()
    planner = search(settings(), executor)
    assert len(executor.done) == len(set(executor.done))
    assert len(executor.done) == sum(it.epochs for it in planner.trials)
    assert sum(it.epochs for it in planner.trials) == 21 + 21 + 27  # of the plan


def test_the_trials_are_ranked_and_those_that_went_wrong_come_last():
    rates = [it.config.learning_rate for it in search(settings(), Executor()).trials]
    best, second, third = sorted(rates)[-3:]
    planner = search(settings(), Executor(diverges={best}, fails={second}))
    ranked = rank(planner.trials, "val_accuracy")
    assert ranked[0].config.learning_rate == third
    assert len(ranked) == 15
    status = {it.config.learning_rate: it.run.status for it in planner.trials}
    assert (status[best], status[second], status[third]) == (
        "diverged", "failed", "finished",
    )  # fmt: skip
    # One of each of the two brackets that halve, and of the third what did not go wrong.
    finished = [it for it in ranked if it.run.epochs == 9]
    wrong = [it for it in planner.trials if it not in ranked]
    assert len(finished) == 1 + 1 + 3 - sum(it.bracket == 3 for it in wrong)


@pytest.mark.parametrize("algorithm", ["hyperband", "bayesian"])
def test_a_search_by_loss_promotes_and_chooses_the_lowest(algorithm):
    asked = settings(algorithm=algorithm, objective=None, metric="loss", replicates=1)
    planner = search(asked, Executor(losses=True))
    trained = [it for it in planner.trials if it.run.epochs == 9]
    first = [it for it in planner.trials if it.bracket == 1]
    lowest = min(first, key=lambda trial: trial.config.learning_rate)
    assert lowest in trained
    rates = {it.number: it.config.learning_rate for it in planner.trials}
    ranked = rank(planner.trials, "val_loss")
    assert ranked[0].run.val_value == min(it.run.val_value for it in planner.trials)
    chosen = [rates[it.number] for it in planner.replications]
    assert chosen == [rates[it.number] for it in ranked[:3]]


@pytest.mark.parametrize("algorithm", ["hyperband", "asha"])
@pytest.mark.parametrize(("at", "is_promoted"), [("best", True), ("last", False)])
def test_a_trial_that_dips_where_its_rung_ends_is_promoted_by_its_best_epoch(
    algorithm, at, is_promoted
):
    asked = settings(algorithm=algorithm, at=at, min_epochs=2)
    first = [it for it in search(asked, Executor()).trials if it.bracket == 1]
    best = max(it.config.learning_rate for it in first)
    dips = {(best, rung.epochs) for bracket in asked.plan() for rung in bracket.rungs}
    planner = search(asked, Executor(dips=dips))
    [trial] = [it for it in planner.trials if it.config.learning_rate == best]
    assert (trial.epochs == 9) is is_promoted


@pytest.mark.parametrize("algorithm", ["random", "grid"])
@pytest.mark.parametrize(("at", "is_first"), [("best", True), ("last", False)])
def test_a_trial_that_dips_in_the_end_is_ranked_by_its_best_epoch(algorithm, at, is_first):
    asked = settings(algorithm=algorithm, at=at, replicates=1)
    best = rank(search(asked, Executor()).trials, "val_accuracy")[0].config
    planner = search(asked, Executor(dips={(best.learning_rate, 9)}))
    chosen = planner.trials[planner.replications[0].number - 1].config
    assert (chosen.learning_rate == best.learning_rate) is is_first


@pytest.mark.parametrize(
    ("objective", "at", "score"),
    [
        ("val_accuracy", "best", 0.9),
        ("val_accuracy", "last", 0.7),
        ("val_loss", "best", 0.1),
        ("val_loss", "last", 0.3),
    ],
)
def test_a_score_is_that_of_the_best_epoch_so_far_or_of_the_last(objective, at, score):
    history = tuple(made_up_record(n, it) for n, it in ((1, 0.5), (2, 0.9), (3, 0.7)))
    run = Run(
        config=RunConfig(), backend="none", fused=True, parameters=1, history=history
    ).judged_at(at)
    assert score_of(run, objective) == pytest.approx(score)
    assert score_of(run.truncated(1), objective) == 0.5


def test_where_everything_diverges_the_search_ends():
    rates = {it.config.learning_rate for it in search(settings(), Executor()).trials}
    planner = search(settings(replicates=2), Executor(diverges=rates))
    assert {it.run.status for it in planner.trials} == {"diverged"}
    assert rank(planner.trials, "val_accuracy") == []
    assert planner.replications == ()


def test_without_hidden_layers_width_is_not_chosen():
    planner = search(settings(max_trials=60), Executor())
    linear = [it.config.width for it in planner.trials if it.config.depth == 0]
    assert set(linear) == {RunConfig().width}
    assert {it.config.width for it in planner.trials if it.config.depth} == {8, 16, 32}
    assert len({it.config for it in planner.trials}) == 60


def test_the_best_three_are_trained_again_with_other_seeds():
    executor = Executor(2)
    before = rank(search(settings(), Executor()).trials, "val_accuracy")[:3]
    planner = search(settings(replicates=4), executor)
    assert [it.number for it in planner.replications] == [it.number for it in before]
    # Those that were stopped early are trained to the end, too.
    assert {planner.trials[it.number - 1].run.epochs for it in before} == {9}
    assert min(it.epochs for it in before) < 9
    for replication in planner.replications:
        assert [run.config.seed for run in replication.runs] == [1, 2, 3, 4]
        assert {run.epochs for run in replication.runs} == {9}
    assert {config.seed for config, _ in executor.done} == {0, 1, 2, 3, 4}


def test_a_search_goes_on_where_it_was_cut(tmp_path):
    whole = search(settings(replicates=2), Executor(2))

    class CutError(Exception):
        pass

    class Cutting(Executor):
        left = 7

        def result(self, timeout=None):
            self.left -= 1
            if self.left < 0:
                raise CutError
            return super().result(timeout)

    seen = []
    for _ in range(40):
        executor = Cutting(2, order=len(seen))
        try:
            planner = search(settings(replicates=2), executor, store=Store(tmp_path))
            break
        except CutError:
            pass
        finally:
            seen += executor.done
    assert told(planner) == told(whole)
    assert len(seen) == len(set(seen))


def test_more_trials_go_on_from_those_that_there_are(tmp_path):
    first, more = Executor(), Executor()
    few = search(settings(), first, store=Store(tmp_path))
    many = search(settings(max_trials=34), more, store=Store(tmp_path))
    assert told(many)[:17] == told(few)
    assert not set(first.done) & set(more.done)


def test_fresh_trains_each_epoch_once_again(tmp_path):
    search(settings(), Executor(), store=Store(tmp_path))
    again = Executor()
    planner = search(settings(), again, store=Store(tmp_path), fresh=True)
    assert len(again.done) == len(set(again.done))
    assert len(again.done) == sum(it.epochs for it in planner.trials)


def test_brackets_run_side_by_side():
    """So that workers have something to do while a rung is not complete."""
    planner = SearchPlanner(settings(), work=lambda config: 1, check=lambda configs: None)
    drawn = [planner.ask() for _ in range(18)]
    assert {it.bracket for it in drawn[:17]} == {1, 2, 3}
    assert drawn[17] is None and not planner.done


def test_a_long_promotion_begins_before_short_trials():
    """As soon as its rung is complete, though others could have begun before it."""
    planner = SearchPlanner(
        settings(max_trials=34),
        work=lambda config: config.width,
        check=lambda configs: None,
    )
    number = len([it for it in planner.trials if it.bracket == 1])
    begun = []
    while number:
        begun.append(planner.ask())
        number -= begun[-1].bracket == 1
    for it in begun:
        if it.bracket == 1:
            record = made_up_record(1, it.config.width / 1000)
            run = Run(
                config=it.config,
                backend="none",
                fused=True,
                parameters=1,
                history=(record,),
            )
            planner.tell(it, run)
    left = list(iter(planner.ask, None))
    promoted = [it for it in left if it.rung == 2]
    assert promoted
    assert left[-1] not in promoted
    lengths = [it.config.width * (8 if it in promoted else 9) for it in left]
    assert lengths == sorted(lengths, reverse=True)


def test_asha_promotes_before_it_begins_with_others():
    executor = Executor()
    planner = search(settings(algorithm="asha", max_trials=9), executor)
    assert len(planner.trials) == 9
    epochs = [epoch for _, epoch in executor.done]
    assert epochs[:5] == [1, 1, 1, 2, 3]  # of three, one goes on at once
    assert len(executor.done) == len(set(executor.done))


def test_the_longest_begin_first():
    executor = Executor()
    search(settings(algorithm="random"), executor)
    order = [config.width for config, epoch in executor.done if epoch == 1]
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize("algorithm", ["hyperband", "asha", "bayesian"])
def test_a_rate_is_drawn_from_the_range_of_its_optimizer(algorithm):
    asked = settings(space=BY_OPTIMIZER, algorithm=algorithm, max_trials=14)
    configs = [it.config for it in search(asked, Executor()).trials]
    assert len(set(configs)) == 14
    by_optimizer = {
        name: [it for it in configs if it.optimizer == name] for name in ("sgd", "adam")
    }
    assert all(0.01 <= it.learning_rate <= 1 for it in by_optimizer["sgd"])
    assert all(0.0001 <= it.learning_rate <= 0.01 for it in by_optimizer["adam"])
    assert {it.momentum for it in by_optimizer["sgd"]} == {0.0, 0.9}
    assert {it.momentum for it in by_optimizer["adam"]} == {0.0}


def test_a_grid_has_every_configuration_of_a_conditional_space_once():
    space = SearchSpace(
        {
            "depth": [0, 1, 2],
            "dropout": [0.0, 0.5],
            "optimizer": "adam,sgd",
            "learning_rate": "sgd=0.1,1,adam=0.001,0.002,0.003",
            "momentum": [0.0, 0.9],
        }
    )
    asked = settings(space=space, algorithm="grid", max_trials=None)
    configs = {it.config for it in search(asked, Executor()).trials}
    assert len(configs) == space.size == (1 + 2 * 2) * (2 * 2 + 3)
