"""What came of a search, with made-up accuracies."""

import math
from dataclasses import replace

import pytest
from helpers.made_up import made_up_record

from kmlp import ConfigError, RunConfig
from kmlp.model.metrics import ACCURACY, LOSS
from kmlp.studies.learning import DataFacts
from kmlp.training.run import Run
from kmlp_tuning import SearchSpace
from kmlp_tuning.search._checks import at_edge
from kmlp_tuning.search.options import SearchOptions
from kmlp_tuning.search.records import comparison
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import make_settings
from kmlp_tuning.search.tables import search_table
from kmlp_tuning.search.trial import Replication, Trial

pytestmark = pytest.mark.once


def run(config, accuracies, at, metric=ACCURACY):
    """A run with these accuracies; by loss, with losses that equal them."""
    return Run(
        config=config, backend="none", fused=True, parameters=1, at=at, metric=metric,
        history=tuple(
            made_up_record(n, it, None if metric == ACCURACY else it)
            for n, it in enumerate(accuracies, start=1)
        ),
    )  # fmt: skip


def search(
    trials,
    replication=None,
    *,
    algorithm="hyperband",
    objective=None,
    metric=ACCURACY,
    at="best",
    **state,
):
    """Of trials `(bracket, rung, accuracies)`; replication: number -> (epochs, accuracies)."""
    settings = make_settings(
        SearchSpace({"learning_rate": "1e-3:1:log"}),
        RunConfig(),
        SearchOptions(
            max_trials=9,
            algorithm=algorithm,
            objective=objective,
            metric=metric,
            at=at,
            max_epochs=3,
            replicates=2,
        ),
        fused=True,
    )
    configs = [RunConfig(learning_rate=0.1 / n) for n in range(1, len(trials) + 1)]
    found = [
        replace(
            Trial.begun(number, config), bracket=bracket, rung=rung,
            epochs=len(accuracies), run=run(config, accuracies, at, metric),
        )
        for number, (config, (bracket, rung, accuracies)) in enumerate(
            zip(configs, trials, strict=True), start=1
        )
    ]  # fmt: skip
    again = [
        Replication(
            number, epochs, (),
            tuple(
                run(replace(configs[number - 1], seed=seed), it, at, metric)
                for seed, it in enumerate(accuracies, start=1)
            ),
        )
        for number, (epochs, accuracies) in (replication or {}).items()
    ]  # fmt: skip
    return Search(
        name="made-up", settings=settings, backend="none", trials=tuple(found),
        replication=comparison(settings, again, DataFacts(chance_limit=0.1)),
        selected_at_epoch={it.number: it.selected_at_epoch for it in again},
        chance=0.1, importances=None, **{"complete": True, **state},
    )  # fmt: skip


TWO = [(1, 1, [0.8, 0.85, 0.9]), (1, 1, [0.6, 0.7, 0.95])]
AGAIN = {
    1: (1, [[0.5, 0.6, 0.96], [0.7, 0.8, 0.94]]),
    2: (3, [[0.5, 0.6, 0.93], [0.7, 0.8, 0.91]]),
}


def test_the_bias_is_that_of_what_a_trial_was_chosen_for():
    found = search(TWO, AGAIN)
    first, second = found.trials
    assert found.selection_value(first) == 0.8
    assert found.optimism(first).mean == pytest.approx(0.8 - (0.5 + 0.7) / 2)
    assert found.optimism(second).mean == pytest.approx(0.95 - (0.93 + 0.91) / 2)
    assert search(TWO).optimism(first) is None


def test_by_loss_the_best_has_the_lowest_mean_and_the_bias_is_of_its_loss():
    found = search(TWO, AGAIN, metric=LOSS)
    first, second = found.trials
    assert [trial.number for trial in found.ranked()] == [2, 1]
    assert found.best() is first  # 0.6 over other seeds, 0.6 of the second
    assert found.optimism(first).mean == pytest.approx((0.5 + 0.7) / 2 - 0.8)
    assert found.optimism(second).mean == pytest.approx((0.5 + 0.7) / 2 - 0.6)
    assert "validation loss" in [column.header for column in found.tables()[-1].columns]
    assert found.closing[0].startswith("Best: trial 1, test loss 0.6000 (mean of")


def test_the_bias_has_the_interval_of_the_mean_over_the_other_seeds():
    found = search([(1, 1, [0.9])], {1: (1, [[0.5], [0.6], [0.7]])})
    [trial], [level] = found.trials, found.replication.levels
    low, high = found.optimism(trial).interval
    assert (0.9 - high, 0.9 - low) == pytest.approx(level.val_accuracy.interval)
    one = search([(1, 1, [0.9])], {1: (1, [[0.5]])})
    assert one.optimism(one.trials[0]).interval is None
    exported = found.to_dict()["replication"]["levels"][0]["optimism"]
    assert exported == {"mean": pytest.approx(0.3), "interval": [low, high]}


DIPS = [(1, 1, [0.6, 0.9, 0.7]), (1, 1, [0.6, 0.7, 0.8])]
DIPS_AGAIN = {
    1: (3, [[0.5, 0.8, 0.6], [0.7, 0.9, 0.4]]),
    2: (2, [[0.5, 0.6, 0.7], [0.7, 0.6, 0.8]]),
}


@pytest.mark.parametrize(
    ("at", "best", "in_the_search", "optimism"),
    [
        ("best", 1, [0.9, 0.7], [0.9 - 0.85, 0.7 - 0.65]),
        ("last", 2, [0.7, 0.7], [0.7 - 0.5, 0.7 - 0.6]),
    ],
)
def test_trials_are_ranked_and_compared_at_their_best_or_last_epoch(
    at, best, in_the_search, optimism
):
    found = search(DIPS, DIPS_AGAIN, at=at)
    assert (found.at, found.to_dict()["at"]) == (at, at)
    assert search(DIPS, at=at).best().number == best
    assert found.best().number == found.replication.best().value == best
    assert [found.selection_value(it) for it in found.trials] == in_the_search
    assert [found.optimism(it).mean for it in found.trials] == pytest.approx(optimism)


def test_the_epoch_that_ranked_the_trials_cannot_be_changed_afterwards():
    found = search(DIPS, DIPS_AGAIN)
    assert found.viewed(at="best") is found
    with pytest.raises(ConfigError, match="`at` is 'last'"):
        found.viewed(at="last")


def test_the_accuracy_of_the_best_is_the_mean_over_the_other_seeds():
    line, command = search(DIPS, DIPS_AGAIN).closing
    assert "85.00 % (mean of 2 other seeds, at the best of 3 epochs)" in line
    assert command.startswith("kmlp train ")
    assert "--at" not in command
    line, command = search(DIPS, DIPS_AGAIN, at="last").closing
    assert "--at last" in command
    assert "75.00 % (mean of 2 other seeds, after 3 epochs)" in line
    line, _ = search(DIPS).closing
    assert "90.00 % at epoch 2 of 3, the best on the validation images" in line


def test_the_table_says_that_the_mean_of_the_best_was_chosen():
    [_, replicated] = search(DIPS, DIPS_AGAIN).tables()
    assert "trust its test accuracy" in replicated.notes[0]
    [_, alone] = search(DIPS, {1: DIPS_AGAIN[1]}).tables()
    assert "trust its test accuracy" not in alone.notes[0]


def test_the_best_is_the_one_that_other_seeds_confirm():
    assert search(TWO).best().number == 2
    assert search(TWO, AGAIN).best().number == 1  # 0.95 is more than 0.92


def test_by_another_objective_it_is_the_one_with_the_best_score():
    assert search(TWO, AGAIN, objective="accuracy").best().number == 2


def test_what_diverged_is_not_the_best_though_its_other_seeds_did_well():
    trials = [(1, 1, [0.8, 0.85, math.nan]), TWO[1]]
    assert search(trials, AGAIN).best().number == 2


def test_without_a_replication_no_trial_is_concluded_to_be_better():
    found, replicated = search(TWO), search(TWO, AGAIN)
    assert found.conclusion.to_dict().keys() == replicated.conclusion.to_dict().keys()
    assert found.conclusion.to_dict()["outcome"] == "not replicated"
    assert found.conclusion.to_dict()["best"] == 2
    assert found.answer[0] == found.conclusion.text == found.to_dict()["conclusion"]
    assert replicated.to_dict()["conclusion"] == replicated.conclusion.text


RUNGS = [(1, 2, [0.9] * 2), (1, 1, [0.8]), (2, 1, [0.7]), (3, 1, [0.6] * 3)]


@pytest.mark.parametrize(
    ("state", "statuses"),
    [
        ({"complete": True}, ["stopped", "stopped", "stopped", "finished"]),
        ({"complete": False}, ["waiting", "stopped", "waiting", "finished"]),
        (
            {"complete": False, "algorithm": "asha"},
            ["waiting", "waiting", "waiting", "finished"],
        ),
        (
            {"complete": False, "replication": {4: (3, [[0.5] * 3, [0.6] * 3])}},
            ["stopped", "stopped", "stopped", "finished"],
        ),
    ],
    ids=str,
)
def test_a_trial_waits_until_it_cannot_be_promoted_any_more(state, statuses):
    found = search(RUNGS, **state)
    assert [found.status(it) for it in found.trials] == statuses


def test_a_search_without_replication_says_that_few_rows_validate():
    images = search([(0, 0, [0.9])])
    table = replace(images.settings, base=RunConfig(dataset="wine"))
    [notes, few] = [
        " ".join(search_table(found).notes)
        for found in (images, replace(images, settings=table))
    ]
    assert "Only" not in notes
    assert "Only 25 validation" in few


def edges(space, config):
    """The fields at an edge in a search whose only trial has this configuration."""
    settings = make_settings(
        SearchSpace(space),
        RunConfig(),
        SearchOptions(max_trials=1, replicates=0),
        fused=True,
    )
    trial = Trial(1, config, 1, 1, 1, run(config, [0.9], "best"))
    found = Search(
        name="search", settings=settings, backend="none", trials=(trial,), replication=None,
        selected_at_epoch={}, chance=0.1, complete=True, importances=None,
    )  # fmt: skip
    return at_edge(found), " ".join(search_table(found).sentences)


RATES = {
    "optimizer": ["sgd", "adam"],
    "learning_rate": {"sgd": "1e-3:1:log", "adam": [0.1]},
}


@pytest.mark.parametrize(
    ("space", "fields", "expected"),
    [
        ({"learning_rate": "1e-3:1:log"}, {"learning_rate": 0.9}, {"learning_rate": True}),
        (
            {"learning_rate": "1e-3:1:log"},
            {"learning_rate": 1e-3},
            {"learning_rate": False},
        ),
        ({"learning_rate": "1e-3:1:log"}, {"learning_rate": 0.5}, {}),
        ({"width": [8, 16, 32]}, {"width": 32}, {"width": True}),
        ({"width": [8, 16, 32]}, {"width": 16}, {}),
        ({"width": [8, 16]}, {"width": 16}, {}),  # one of two is always at an end
        ({"depth": "0:3"}, {"depth": 0}, {}),  # none is smaller
        ({"dropout": "0:0.5"}, {"dropout": 0.0}, {}),
        ({"dropout": "0:0.5"}, {"dropout": 0.5}, {"dropout": True}),
        ({"activation": ["relu", "tanh", "gelu"]}, {"activation": "gelu"}, {}),
        ({"train_size": [100, 200, 300]}, {"train_size": 300}, {}),
        (RATES, {"learning_rate": 1.0}, {"learning_rate": True}),
        (RATES, {"optimizer": "adam", "learning_rate": 0.1}, {}),
        (
            {"learning_rate": "1e-3:1:log", "momentum": "0:0.9"},
            {"learning_rate": 1.0, "momentum": 0.9},
            {"learning_rate": True, "momentum": True},
        ),
    ],
)
def test_the_best_trial_may_be_at_the_edge_of_what_was_searched(space, fields, expected):
    found, text = edges(space, RunConfig(**fields))
    assert found == expected
    assert ("at the edge of what was searched" in text) == bool(expected)
    assert all(f"{name} " in text for name in expected)


def test_an_edge_is_said_with_the_range_that_was_searched():
    _, text = edges({"learning_rate": "1e-3:1:log"}, RunConfig(learning_rate=0.9))
    assert text == (
        "Trial 1, the best, is at the edge of what was searched: learning_rate 0.9 (searched "
        "from 0.001 to 1.0). A value beyond may be better."
    )


def test_trials_that_diverged_are_counted_under_the_table():
    found = search([(1, 1, [0.5]), (1, 1, [math.nan]), (1, 1, [math.nan])])
    assert found.diverged == 2
    assert search_table(found).sentences[0] == "2 of 3 trials diverged."
    assert not search_table(search([(1, 1, [0.5])])).sentences
