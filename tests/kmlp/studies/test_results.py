"""Values compared over seeds, and what the evidence shows, with made-up accuracies."""

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
CLOSE = {1: [0.90, 0.95, 0.92], 2: [0.91, 0.93, 0.94]}
PARTLY = {1: [0.80, 0.801, 0.8021], 2: [0.90, 0.93, 0.95], 3: [0.95, 0.951, 0.952]}


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


def test_a_value_with_a_diverged_run_ranks_behind_all_without():
    study = made_up({1: [0.99, math.nan, 0.99], 2: [0.5, 0.5, 0.51]})
    assert study.best().value == 2
    first = study.levels[0]
    assert (first.diverged, len(first.finished), first.val_accuracy.size) == (1, 2, 2)
    assert study.differences()[0].size == 2


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


@pytest.mark.parametrize(
    ("accuracies", "text"),
    [
        (
            CLEAR,
            "width=3 is better than width=1 and 2 after 1 epoch: the differences are "
            "significant with 3 seeds.",
        ),
        (
            CLOSE,
            "width=2 has the highest mean after 1 epoch, but 3 seeds do not separate it from "
            "width=1: no value is shown to be better. If the difference from width=1 is "
            "as large as it looks, 0.33 points, about 309 seeds would show it.",
        ),
        (
            PARTLY,
            "width=3 is better than width=1 after 1 epoch; 3 seeds do not separate it from "
            "width=2, so no single best value is shown. If the difference from width=2 is as "
            "large as it looks, 2.43 points, about 14 seeds would show it.",
        ),
        (
            {1: [0.90, 0.91, 0.92], 2: [0.91, 0.92, 0.90]},
            "width=1 has the highest mean after 1 epoch, but 3 seeds do not separate it from "
            "width=2: no value is shown to be better. More seeds are "
            "unlikely to show a difference.",
        ),
        (
            {1: [0.9], 2: [0.5]},
            "width=1 has the highest validation accuracy after 1 epoch, but one seed "
            "cannot show whether this is chance: use at least 3 seeds.",
        ),
        ({4: [0.9, 0.91]}, "Only width=4 was trained: there is nothing to compare."),
        (
            {1: [0.9, 0.91], 2: [math.nan] * 2},
            "Only width=1 has no diverged runs, so there is nothing to compare. "
            "width=2 (2 of 2 runs) diverged.",
        ),
        (
            {1: [0.1, 0.1], 2: [0.1, 0.11]},
            "No run learned, so there is nothing to compare. width=1 (2 of 2 runs) and "
            "2 (2 of 2 runs) did not learn.",
        ),
        (  # a diverged run ranks its value last, however good the others are
            {1: [0.99, math.nan, 0.9901], 2: [0.5, 0.5, 0.5001], 3: [0.4, 0.4, 0.41]},
            "width=2 is better than width=3 after 1 epoch: the differences are "
            "significant with 3 seeds. width=1 (1 of 3 runs) diverged.",
        ),
        (  # one seed is left that finished with both
            {1: [0.9, math.nan], 2: [0.8, math.nan]},
            "width=1 has the highest validation accuracy after 1 epoch, but one seed "
            "cannot show whether this is chance: use at least 3 seeds. width=1 (1 of 2 runs) and "
            "2 (1 of 2 runs) diverged.",
        ),
        (  # and none here
            {1: [0.9, math.nan], 2: [math.nan, 0.8]},
            "width=1 has the highest validation accuracy after 1 epoch, but one seed "
            "cannot show whether this is chance: use at least 3 seeds. width=1 (1 of 2 runs) and "
            "2 (1 of 2 runs) diverged.",
        ),
        (
            {1: [0.90, 0.901, 0.902], 2: [0.1, 0.1, 0.1]},
            "width=1 is better than width=2 after 1 epoch: the differences are "
            "significant with 3 seeds. width=2 (3 of 3 runs) did not learn.",
        ),
    ],
)
def test_the_conclusion_says_what_the_evidence_shows_and_what_not(accuracies, text):
    assert conclude(made_up(accuracies)).text == text


@pytest.mark.parametrize(
    ("accuracies", "baseline", "text"),
    [
        (
            CLEAR,
            2,
            "width=3 is better and width=1 is worse than width=2 after 1 epoch: the differences are "
            "significant with 3 seeds.",
        ),
        (
            CLOSE,
            2,
            "No value is shown to differ from width=2 after 1 epoch; 3 seeds do not separate "
            "width=2 from width=1. If the difference from width=1 is as large as it looks, 0.33 "
            "points, about 309 seeds would show it.",
        ),
        (
            CLEAR,
            1,
            "width=2 and 3 are better than width=1 after 1 epoch: the differences are "
            "significant with 3 seeds.",
        ),
        (
            {1: [0.9, 0.91], 2: [math.nan] * 2},
            2,
            "Every run of width=2, the baseline, diverged. width=2 (2 of 2 runs) diverged.",
        ),
        (
            {1: [0.9, 0.91], 2: [math.nan] * 2},
            1,
            "Only width=1 has no diverged runs, so there is nothing to compare. width=2 (2 of "
            "2 runs) diverged.",
        ),
        (  # a baseline is compared although it is no contender
            {1: [0.9, 0.93, 0.92], 2: [0.8, 0.81, math.nan], 3: [0.7, 0.69, 0.71]},
            2,
            "No value is shown to differ from width=2 after 1 epoch; 2 seeds do not separate "
            "width=2 from width=1 and 3. If the difference from width=1 is as large as it looks, "
            "11.00 points, about 3 seeds would show it. width=2 (1 of 3 runs) diverged.",
        ),
        (  # so is a value with a run that diverged
            {1: [0.9, 0.91, 0.9201], 2: [0.8, 0.81, math.nan], 3: [0.7, 0.69, 0.71]},
            1,
            "width=3 is worse than width=1 after 1 epoch; 2 seeds do not separate "
            "width=1 from "
            "width=2. The differences are equal for all seeds, "
            "so their spread is unknown: use more seeds. width=2 "
            "(1 of 3 runs) diverged.",
        ),
        (
            {1: [0.9, 0.91], 2: [0.8, 0.81]},
            2,
            "No value is shown to differ from width=2 after 1 epoch; 2 seeds do not separate "
            "width=2 from width=1. The differences are equal for all seeds, "
            "so their spread is unknown: use more seeds.",
        ),
    ],
)
def test_the_conclusion_on_a_baseline(accuracies, baseline, text):
    assert conclude(made_up(accuracies).compared_with(baseline)).text == text


def test_with_a_baseline_fewer_differences_are_looked_at():
    study = made_up(CLEAR)
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
    assert study.best().value == 1
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
    """A search compares its best trials, which are no values of a field."""
    study = made_up({1: [0.90, 0.901, 0.902], 2: [0.95, 0.951, 0.9521]})
    trials = StudyResult(param="trial", epochs=1, seeds=study.seeds, levels=study.levels)
    assert re.match("Trial 2 .*better.* trial 1 ", conclude(trials).text)
    assert trials.called("1", "3", "4") == "trials 1, 3 and 4"
    assert study.called("1", "3", "4") == "width=1, 3 and 4"
    assert re.match("width=2 .*better.* width=1 ", conclude(study).text)
