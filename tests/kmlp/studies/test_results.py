"""Levels compared over seeds, with made-up accuracies."""

import json
import math
import re
from dataclasses import replace

import pytest
from helpers.made_up import made_up_ablation as made_up

from kmlp import ConfigError
from kmlp.model.metrics import LOSS, RMSE
from kmlp.studies._planned import Planned
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
    assert re.search("trial 2 .*better.* trial 1 ", conclude(trials).text)
    assert trials.called("1", "3", "4") == "trials 1, 3 and 4"
    assert study.called("1", "3", "4") == "width=1, 3 and 4"
    assert re.search("width=2 .*better.* width=1 ", conclude(study).text)


def test_the_errors_of_a_level_are_compared_with_those_of_the_reference():
    study = made_up({1: [0.9, 0.8, math.nan, 0.5], 2: [0.95, 0.9, 0.9, math.nan]})
    first, second = study.levels
    assert study.best() is second
    assert study.error_ratio(first) == pytest.approx(0.3 / 0.15)
    assert study.error_ratio(second) is None
    assert study.compared_with(1).error_ratio(second) == pytest.approx(0.15 / 0.3)
    perfect = made_up({1: [0.9, 0.8], 2: [1.0, 1.0]})
    assert perfect.error_ratio(perfect.levels[0]) is None


LOSSES = {1: [0.20, 0.21, 0.20], 2: [0.30, 0.31, 0.32], 3: [0.40, 0.40, 0.42]}


def by_loss(**options):
    """A study whose losses rank its values in the other order than its accuracies."""
    return made_up(CLEAR, losses=LOSSES, **options).measured_by(LOSS)


def test_the_value_with_the_lowest_loss_is_the_best():
    study = by_loss()
    assert (study.best().value, study.figure, study.margin) == (1, "val_loss", None)
    none, second, _ = study.differences()
    assert none is None
    assert second.mean == pytest.approx(0.32 / 3)
    assert second.interval[0] > 0
    assert second.verdict == "worse"
    assert second.spread == pytest.approx(0.011547, rel=1e-4)


def test_a_conclusion_by_loss_names_the_level_with_the_lowest():
    text = conclude(by_loss()).text
    assert "width=1 is better than width=2 and 3" in text
    assert "The metric was chosen" not in text
    planned = replace(by_loss(), planned=Planned(metric="accuracy", margin=0.002))
    assert planned.chosen_after == ("metric",)
    assert "The metric was chosen after the results" in conclude(planned).text


def test_the_ratio_of_errors_by_loss_is_that_of_the_losses():
    study = by_loss()
    assert study.error_ratio(study.levels[2]) == pytest.approx(1.22 / 0.61)
    assert study.near_best == pytest.approx(1.1 * 0.61 / 3)
    negative = made_up(CLEAR, losses={1: [-1.0] * 3, 2: [-2.0] * 3, 3: [-2.0] * 3})
    negative = negative.measured_by(LOSS)
    assert negative.error_ratio(negative.levels[0]) is None
    assert negative.near_best is None


def test_a_level_with_the_same_loss_within_a_margin_is_the_same():
    losses = {1: [0.20, 0.21, 0.22], 2: [0.201, 0.209, 0.2205], 3: [0.9, 0.8, 0.7]}
    study = made_up(CLEAR, losses=losses).viewed(metric="loss", margin=0.01)
    assert [it.verdict for it in study.differences()[1:]] == ["same", "worse"]
    assert "the same within 0.01" in conclude(study).text


def test_a_metric_in_any_unit_has_the_same_verdicts():
    def measured(unit):
        rmse = {1: [2.0, 2.1, 2.2], 2: [2.5, 2.61, 2.7], 3: [2.01, 2.1, 2.18]}
        study = made_up(CLEAR)
        levels = [
            replace(
                level,
                runs=tuple(
                    replace(
                        run,
                        metric=RMSE,
                        history=(
                            replace(run.history[0], metrics={"val_rmse": unit * value}),
                        ),
                    )
                    for run, value in zip(level.runs, rmse[level.value], strict=True)
                ),
            )
            for level in study.levels
        ]
        return replace(study, levels=tuple(levels), margin=None)

    tiny, huge = measured(1e-9), measured(1e9)
    pairs = list(zip(tiny.differences(), huge.differences(), strict=True))
    assert tiny.best().value == huge.best().value == 3
    for one, other in pairs[:2]:
        assert one.verdict == other.verdict
        assert one.p_value == pytest.approx(other.p_value)
        assert other.interval == pytest.approx([1e18 * end for end in one.interval])
    assert tiny.levels[0].val_value.interval is not None


def test_runs_that_stopped_by_accuracy_are_not_compared_by_loss():
    with pytest.raises(ConfigError, match="stopped early by their validation accuracy"):
        replace(made_up(CLEAR), patience=2).measured_by(LOSS)


def test_the_losses_of_different_loss_functions_are_not_compared():
    study = made_up({"nll": [0.9, 0.9], "mse": [0.8, 0.8]}, param="loss")
    with pytest.raises(ConfigError, match="nll and mse"):
        study.measured_by(LOSS)
