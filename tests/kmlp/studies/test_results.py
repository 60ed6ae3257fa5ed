"""Levels compared over seeds, with made-up accuracies."""

import json
import math
import re
from dataclasses import replace

import pytest
from helpers.made_up import made_up_ablation as made_up

from kmlp import ConfigError
from kmlp.studies.as_json import ablation_to_dict
from kmlp.studies.level_conclusion import conclude
from kmlp.studies.results import StudyResult

pytestmark = pytest.mark.once

CLEAR = {1: [0.90, 0.901, 0.902], 2: [0.95, 0.951, 0.9521], 3: [0.97, 0.971, 0.9719]}


def test_best_has_the_highest_mean():
    study = made_up(CLEAR)
    assert study.best().value == 3
    first, _, none = study.differences()
    assert none is None
    assert math.isclose(first.mean, -0.07, abs_tol=1e-4)


def test_differences_are_paired_by_seed():
    """Seeds vary by 5 points, but every seed sees the same difference."""
    study = made_up({1: [0.80, 0.85, 0.9001], 2: [0.81, 0.86, 0.91]})
    difference, _ = study.differences()
    assert difference.significant
    assert difference.mean < 0


def test_a_value_that_diverges_more_often_ranks_behind():
    nan = math.nan
    study = made_up({1: [0.99, nan, 0.99], 2: [0.5, 0.5, 0.51]})
    first, _ = study.levels
    assert study.best() is first
    assert (first.diverged, len(first.finished), first.val_accuracy.size) == (1, 2, 2)
    assert study.differences()[1].size == 2
    often = made_up({1: [0.99, nan, nan, nan, nan], 2: [0.5, 0.5, 0.51, 0.5, 0.5]})
    assert (often.best().value, len(often.contenders)) == (2, 1)


def test_all_diverged():
    study = made_up({1: [math.nan] * 2, 2: [math.nan] * 2})
    assert study.best() is None
    assert study.levels[0].val_accuracy is None
    assert study.differences() == (None, None)
    assert conclude(study).text == "Every run diverged: there is nothing to compare."
    exported = ablation_to_dict(study)
    json.dumps(exported, allow_nan=False)
    assert exported["best"] is None
    assert exported["levels"][0]["runs"][0]["history"]["loss"] == [None]


def test_did_not_learn_is_not_above_chance():
    value = made_up({1: [0.1124, 0.1149, 0.117]}).levels[0]
    assert value.did_not_learn == 2


def test_with_a_baseline_fewer_differences_are_looked_at():
    close = {1: [0.90, 0.901, 0.902], 2: [0.97, 0.951, 0.9521], 3: [0.97, 0.95, 0.9719]}
    study = made_up(close)
    assert (study.comparisons, study.compared_with(3).comparisons) == (3, 2)
    best, alone = study.differences(), study.compared_with(3).differences()
    assert best[0].mean == alone[0].mean
    assert best[0].p_value > alone[0].p_value


def test_a_baseline_must_be_one_of_the_values():
    with pytest.raises(ConfigError, match=r"baseline.* 64,.*: 1, 2, 3"):
        made_up(CLEAR).compared_with(64)


def failed(run):
    return replace(run, history=(), failure="out of luck")


def test_failed_runs_are_counted_apart_and_stay_out_of_the_means():
    study = made_up({1: [0.90, 0.91], 2: [0.95, 0.96]})
    worse = replace(
        study.levels[1], runs=(failed(study.levels[1].runs[0]), study.levels[1].runs[1])
    )
    study = replace(study, levels=(study.levels[0], worse))
    assert (worse.failed, worse.diverged, worse.val_accuracy.mean) == (1, 0, 0.96)
    assert study.best().value == 2
    assert "width=2 (1 of 2 runs) failed." in conclude(study).text
    exported = ablation_to_dict(study)["levels"][1]
    assert (exported["failed"], exported["runs"][0]["failure"]) == (1, "out of luck")
    assert exported["runs"][0]["val_accuracy"] is None


def test_if_all_failed_there_is_nothing_to_compare():
    study = made_up({1: [0.9]})
    value = replace(study.levels[0], runs=(failed(study.levels[0].runs[0]),))
    study = replace(study, levels=(value,))
    assert study.best() is None
    assert value.seconds_per_epoch is None
    assert (
        conclude(study).text == "Every run diverged or failed: there is nothing to compare."
    )
    json.dumps(ablation_to_dict(study), allow_nan=False)


def test_trials_are_called_by_their_numbers():
    """A search compares its best trials, which are not values of a field."""
    study = made_up({1: [0.90, 0.901, 0.902], 2: [0.95, 0.951, 0.9521]})
    trials = StudyResult(param="trial", epochs=1, seeds=study.seeds, levels=study.levels)
    assert re.match("Trial 2 .*better.* trial 1 ", conclude(trials).text)
    assert trials.called("1", "3", "4") == "trials 1, 3 and 4"
    assert study.called("1", "3", "4") == "width=1, 3 and 4"
    assert re.match("width=2 .*better.* width=1 ", conclude(study).text)


def test_the_errors_of_a_level_are_compared_with_those_of_the_reference():
    study = made_up({1: [0.9, 0.8, math.nan, 0.5], 2: [0.95, 0.9, 0.9, math.nan]})
    first, second = study.levels
    assert study.best() is second
    assert study.error_ratio(first) == pytest.approx(0.3 / 0.15)
    assert study.error_ratio(second) is None
    assert study.compared_with(1).error_ratio(second) == pytest.approx(0.15 / 0.3)
    perfect = made_up({1: [0.9, 0.8], 2: [1.0, 1.0]})
    assert perfect.error_ratio(perfect.levels[0]) is None
