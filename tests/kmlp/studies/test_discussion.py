"""The limits that reports state, and the facts that several kinds share."""

import math

import pytest
from helpers.made_up import made_up_ablation as made_up

from kmlp.studies.discussion import comparison_limits, runs_by_name, training_setup

pytestmark = pytest.mark.once


def test_levels_that_the_seeds_do_not_separate_are_named():
    close = made_up({8: [0.90, 0.91, 0.92], 16: [0.905, 0.911, 0.93]})
    apart = made_up({8: [0.80, 0.81, 0.82], 16: [0.90, 0.911, 0.921]})
    named = [limit for limit in comparison_limits(close) if "width=8" in limit]
    assert len(named) == 1 and "width=16" in named[0]
    assert not [limit for limit in comparison_limits(apart) if "width" in limit]


def test_values_without_a_finished_run_are_not_called_unseparated():
    lost = made_up({8: [0.90, 0.91], 16: [math.nan, math.nan]})
    assert not [limit for limit in comparison_limits(lost) if "width" in limit]
    without = lost.compared_with(16)
    assert not [limit for limit in comparison_limits(without) if "width" in limit]


def test_fewer_than_five_seeds_are_a_limit():
    columns = {8: [0.80, 0.81, 0.82, 0.8, 0.81], 16: [0.90, 0.911, 0.921, 0.9, 0.914]}
    few, enough = (
        comparison_limits(
            made_up({value: column[:seeds] for value, column in columns.items()})
        )
        for seeds in (4, 5)
    )
    assert len(few) == len(enough) + 1 and any("only roughly" in limit for limit in few)


def test_runs_have_the_names_of_their_levels():
    names = [name for name, _ in runs_by_name(made_up({8: [0.8, 0.9], 16: [0.7, 0.8]}))]
    assert names == ["width=8", "width=8", "width=16", "width=16"]


def test_the_settings_follow_the_way_of_training():
    fused = training_setup("jax", fused=True, settings={"jax_enable_x64": "True"})
    plain = training_setup("jax", fused=False, settings={})
    assert fused[0] == plain[0] == ("backend", "jax")
    assert fused[1] != plain[1] and fused[2] == ("jax_enable_x64", "True")
