"""Importances of trials with made-up accuracies."""

import json
import random
from dataclasses import replace

import pytest
from helpers.made_up import made_up_record

from kmlp import RunConfig
from kmlp.training.run import Run
from kmlp_tuning import SearchSpace
from kmlp_tuning.search.importance import MIN_TRIALS, Importances, estimate_importances
from kmlp_tuning.search.trial import Trial

pytestmark = pytest.mark.once

SPACE = SearchSpace(
    {"learning_rate": "1e-3:1:log", "activation": "relu,tanh", "depth": "1,2,3"}
)


def trial(number, config, accuracies):
    run = Run(
        config=config, backend="none", fused=True, parameters=1,
        history=tuple(made_up_record(n, it) for n, it in enumerate(accuracies, start=1)),
    )  # fmt: skip
    return replace(Trial.begun(number, config), epochs=len(accuracies), run=run)


def trials(count, accuracy):
    lot = random.Random(0)
    configs = [
        RunConfig(
            learning_rate=10 ** -lot.uniform(0, 3),
            activation=lot.choice(["relu", "tanh"]),
            depth=lot.choice([1, 2, 3]),
        )
        for _ in range(count)
    ]
    return [trial(n, it, [accuracy(it)]) for n, it in enumerate(configs, start=1)]


def test_the_field_that_matters_comes_first():
    found = estimate_importances(
        trials(40, lambda it: 0.9 if it.activation == "tanh" else 0.7), SPACE, chance=0.1
    )
    first, second, third = found.fields
    assert first.field == "activation"
    assert first.drop.mean == pytest.approx(
        0.1, abs=0.03
    )  # shuffled, half of them are wrong
    assert first.drop.interval[0] > 0.05
    assert abs(second.drop.mean) < 0.01 > abs(third.drop.mean)
    assert found.skill > 0.8


def test_where_nothing_matters_nothing_is_explained():
    lot = random.Random(1)
    found = estimate_importances(
        trials(30, lambda it: lot.uniform(0.5, 0.9)), SPACE, chance=0.1
    )
    assert found.skill < 0.1


def test_accuracies_are_compared_after_epochs_that_all_have():
    few = trials(10, lambda it: 0.5)
    more = [
        trial(11, RunConfig(learning_rate=0.5), [0.5, 0.9]),
        trial(12, RunConfig(learning_rate=0.4), [0.5, 0.9]),
    ]
    found = estimate_importances([*few, *more], SPACE, chance=0.1)
    assert (found.epochs, found.trials) == (1, 12)
    assert {it.drop.mean for it in found.fields} == {0.0}


def test_they_say_after_how_many_epochs_and_at_which_of_them():
    curves = [
        trial(n, RunConfig(learning_rate=0.01 * n), [0.5, 0.01 * n, 0.4])
        for n in range(1, 13)
    ]
    found = estimate_importances(curves, SPACE, chance=0.1, repeats=1)
    assert found.title == "Importance after 3 epochs"
    assert "at the best of the first 3 epochs" in found.meaning
    assert {it.drop.mean for it in found.fields} == {0.0}  # the first is the best of all
    last = [replace(it, run=it.run.judged_at("last")) for it in curves]
    found = estimate_importances(last, SPACE, chance=0.1, repeats=1)
    assert "accuracy after 3 epochs" in found.meaning


def test_one_that_diverged_counts_with_chance():
    nan = float("nan")
    found = estimate_importances(
        trials(30, lambda it: nan if it.depth == 3 else 0.9), SPACE, chance=0.1
    )
    assert found.fields[0].field == "depth"
    assert found.fields[0].drop.mean > 0.1


def test_few_trials_say_nothing():
    assert (
        estimate_importances(trials(MIN_TRIALS - 1, lambda it: 0.5), SPACE, chance=0.1)
        is None
    )
    nan = float("nan")
    assert estimate_importances(trials(20, lambda it: nan), SPACE, chance=0.1) is None


def test_the_same_twice():
    def found():
        return estimate_importances(
            trials(20, lambda it: it.learning_rate), SPACE, chance=0.1, repeats=3
        )

    assert found() == found()


@pytest.mark.parametrize("accuracy", [lambda it: it.learning_rate, lambda it: 0.5])
def test_they_can_be_kept_as_json(accuracy):
    """Where all accuracies are equal, no interval is known."""
    found = estimate_importances(trials(12, accuracy), SPACE, chance=0.1, repeats=2)
    assert Importances.restored(json.loads(json.dumps(found.to_dict()))) == found


def optimizer_trials(accuracy):
    lot = random.Random(0)
    configs = []
    for number in range(60):
        exponent = lot.uniform(-1, 0)
        if number % 2:
            rate = {"optimizer": "adam", "learning_rate": 10 ** (exponent - 3)}
        else:
            rate = {"learning_rate": 10**exponent, "momentum": lot.choice([0.0, 0.9])}
        configs.append(RunConfig(**rate))
    return [trial(n, it, [accuracy(it)]) for n, it in enumerate(configs, start=1)]


BY_OPTIMIZER = SearchSpace(
    {
        "optimizer": "sgd,adam",
        "learning_rate": "sgd=0.1:1:log,adam=1e-4:1e-3:log",
        "momentum": [0.0, 0.9],
    }
)


def test_a_rate_that_only_tells_the_optimizer_is_not_important():
    found = estimate_importances(
        optimizer_trials(lambda it: 0.9 if it.optimizer == "adam" else 0.7),
        BY_OPTIMIZER,
        chance=0.1,
    )
    drops = {it.field: it.drop.mean for it in found.fields}
    assert drops["optimizer"] == pytest.approx(0.1, abs=0.03)
    assert abs(drops["learning_rate"]) < 0.01
    assert "learning_rate is shuffled among configurations with the same optimizer" in (
        found.meaning
    )


def test_a_conditional_field_counts_in_the_trials_that_have_it():
    trials = optimizer_trials(lambda it: 0.9 if it.momentum else 0.7)
    found = estimate_importances(trials, BY_OPTIMIZER, chance=0.1)
    [momentum] = [it for it in found.fields if it.field == "momentum"]
    assert momentum.drop.size == 30
    assert momentum.drop.mean == pytest.approx(0.1, abs=0.03)
    adam = [it for it in trials if it.config.optimizer == "adam"]
    only_adam = estimate_importances(adam, BY_OPTIMIZER, chance=0.1, repeats=1)
    assert {it.field for it in only_adam.fields} == {"optimizer", "learning_rate"}


def test_a_rate_matters_by_its_place_in_the_range_of_its_optimizer():
    found = estimate_importances(
        optimizer_trials(
            lambda it: (
                0.9 if it.learning_rate > (0.3 if it.optimizer == "sgd" else 3e-4) else 0.7
            )
        ),
        BY_OPTIMIZER,
        chance=0.1,
    )
    assert found.fields[0].field == "learning_rate"
    assert found.fields[0].drop.mean > 0.06
    assert Importances.restored(json.loads(json.dumps(found.to_dict()))) == found
