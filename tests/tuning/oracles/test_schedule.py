import itertools

import pytest

from kmlp_tuning.oracles.schedule import (
    hyperband,
    plan_hyperband,
    successive_halving_epochs,
    total_epochs,
)

pytestmark = pytest.mark.once


def rungs(brackets):
    return [[(rung.configurations, rung.epochs) for rung in it.rungs] for it in brackets]


def test_81_epochs_as_in_table_1_of_li_et_al():
    """The paper's table has its resources R/eta^i, and these numbers of configurations."""
    assert rungs(hyperband(81)) == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


def test_epochs_that_are_no_power_are_rounded():
    assert rungs(hyperband(10)) == [[(9, 1), (3, 3), (1, 10)], [(5, 3), (1, 10)], [(3, 10)]]


@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        ({"max_epochs": 9, "min_epochs": 3}, [[3, 9], [9]]),
        ({"max_epochs": 8, "factor": 2, "min_epochs": 2}, [[2, 4, 8], [4, 8], [8]]),
        ({"max_epochs": 1}, [[1]]),
        ({"max_epochs": 2}, [[2]]),
    ],
)
def test_epochs_of_the_rungs(options, epochs):
    assert [[rung.epochs for rung in it.rungs] for it in hyperband(**options)] == epochs


@pytest.mark.parametrize("max_epochs", [1, 3, 10, 27, 81])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_plan_has_exactly_as_many_configurations_as_were_asked_for(max_epochs, factor):
    for max_trials in range(1, 120):
        plan = plan_hyperband(max_trials, max_epochs, factor=factor)
        assert sum(bracket.configurations for bracket in plan) == max_trials
        for bracket in plan:
            counts, epochs = zip(*rungs([bracket])[0], strict=True)
            assert epochs[-1] == max_epochs
            assert sorted(set(epochs)) == list(epochs)
            for before, after in itertools.pairwise(counts):
                assert after == max(1, before // factor)


def test_a_whole_sweep_is_repeated_and_the_rest_is_shared_out():
    sweep = hyperband(10)
    assert plan_hyperband(17, 10) == sweep
    assert plan_hyperband(34, 10) == sweep * 2
    # 8 of 17 configurations: 9, 5 and 3 parts are 4.24, 2.35 and 1.41.
    assert rungs(plan_hyperband(25, 10))[3:] == [
        [(4, 1), (1, 3), (1, 10)], [(2, 3), (1, 10)], [(2, 10)],
    ]  # fmt: skip


def test_a_promoted_configuration_goes_on_from_where_it_is():
    [first, *_] = hyperband(9)
    assert rungs([first]) == [[(9, 1), (3, 3), (1, 9)]]
    assert first.epochs == 9 * 1 + 3 * 2 + 1 * 6
    assert total_epochs(hyperband(9)) == 21 + (5 * 3 + 1 * 6) + 3 * 9


@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        ({"max_epochs": 10, "min_epochs": 3, "factor": 2}, [3, 6, 10]),
        ({"max_epochs": 27}, [1, 3, 9, 27]),
        ({"max_epochs": 1}, [1]),
    ],
)
def test_the_rungs_of_asha(options, epochs):
    assert successive_halving_epochs(**options) == epochs
