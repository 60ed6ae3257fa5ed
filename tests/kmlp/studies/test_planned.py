"""Choices that are kept once a study was shown, with made-up accuracies."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.scored import ScoredExecutor

from kmlp import ConfigError, RunConfig, ablate, load_study
from kmlp.model.metrics import ACCURACY, LOSS
from kmlp.studies._planned import Planned

pytestmark = pytest.mark.once

BASE = RunConfig(train_size=1000, depth=1)


def accuracy(config):
    spread = np.random.default_rng(1000 * config.width + config.seed).normal(0, 0.001)
    return 0.95 + spread - 0.02 * (config.width == 8)


def asked(folder, values=(8, 16, 32), *, most=None, **options):
    return ablate(
        "width", list(values), base=BASE, epochs=1, runs_dir=folder,
        executor=ScoredExecutor(accuracy, **({} if most is None else {"most": most})),
        **{"seeds": 3, **options},
    )  # fmt: skip


def problems(study):
    found = [caveat.problem for caveat in study.conclusion.caveats]
    return [problem for problem in found if problem != "edge of the values"]


@pytest.mark.parametrize(
    ("choice", "first", "other"), [("margin", 0.01, 0.02), ("at", "last", "best")]
)
def test_a_choice_that_changes_after_a_look_is_said_to_have_changed(
    tmp_path, choice, first, other
):
    study = asked(tmp_path, **{choice: first})
    assert problems(study) == [] and getattr(study, choice) == first
    assert getattr(asked(tmp_path), choice) == first
    name = {"margin": "margin", "at": "epoch"}[choice]
    caveat = f"{name} chosen after the results"
    for later in (asked(tmp_path, **{choice: other}), study.viewed(**{choice: other})):
        assert getattr(later, choice) == other and problems(later) == [caveat]
        assert f"The {name}" in later.conclusion.text
    stored = load_study(study.name, tmp_path)
    assert getattr(stored, choice) == first and problems(stored) == []
    assert problems(stored.viewed(**{choice: first})) == []


def test_a_patience_is_another_study_of_the_same_runs(tmp_path):
    whole = asked(tmp_path)
    executor = ScoredExecutor(accuracy)
    options = {
        "base": BASE, "seeds": 3, "epochs": 4, "patience": 1, "runs_dir": tmp_path,
        "executor": executor,
    }  # fmt: skip
    study = ablate("width", [8, 16, 32], **options)
    assert study.name != whole.name
    assert {run.epochs for run in study.runs} == {2}
    assert len(executor.trained) == 9
    assert "up to 4 epochs (patience 1)" in study.headline
    assert problems(study) == []
    with pytest.raises(ConfigError, match="patience"):
        study.judged_at("last")
    stored = load_study(study.name, tmp_path)
    assert stored.to_dict() == study.to_dict() and stored.to_dict()["patience"] == 1
    assert (stored.asked, stored.missing) == (9, 0)
    with pytest.raises(ConfigError, match="taken by another study"):
        ablate("width", [8, 16, 32], name=whole.name, **options)


def test_runs_that_did_not_reach_their_patience_are_named(tmp_path):
    study = ablate(
        "width", [8], base=BASE, seeds=2, epochs=3, patience=2, runs_dir=tmp_path,
        executor=ScoredExecutor(accuracy),
    )  # fmt: skip
    assert "patience not reached" not in problems(study)
    shorter = replace(
        study,
        levels=tuple(
            replace(level, runs=tuple(run.truncated(2) for run in level.runs))
            for level in study.levels
        ),
    )
    [caveat] = [
        it for it in shorter.conclusion.caveats if it.levels and "pat" in it.problem
    ]
    assert [count for _, count in caveat.levels] == [2]
    assert "2 of 2 runs did not reach patience 2" in shorter.conclusion.text


def test_choices_change_freely_before_a_study_is_shown(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        asked(tmp_path, most=4, margin=0.01, at="last", baseline=8)
    study = asked(tmp_path, margin=0.02, baseline=16)
    assert (study.margin, study.at, study.reference.value) == (0.02, "best", 16)
    assert problems(study) == []


def test_a_baseline_that_is_not_trained_any_more_is_named(tmp_path):
    name = asked(tmp_path, baseline=16).name
    later = asked(tmp_path, [8, 32, 64])
    assert later.name == name
    assert "baseline without runs" in problems(later)
    assert "width=16, the baseline that was chosen before" in later.conclusion.text
    assert "baseline without runs" not in problems(later.viewed(baseline=32))
    again = asked(tmp_path)
    assert again.reference.value == 16 and problems(again) == []


ADDED, LEFT_OUT = "values added after a look", "values left out after a look"


@pytest.mark.parametrize(
    ("seeds", "values", "said"),
    [
        ("auto:6", [8, 16, 32, 64], [ADDED]),
        ("auto:6", [8, 16], [LEFT_OUT]),
        ("auto:6", [64, 128], []),
        (3, [8, 16, 32, 64], []),
        (3, [8, 64], [LEFT_OUT]),
        (3, [64, 128], []),
    ],
)
def test_values_that_change_after_a_look_are_said_to_have_changed(
    tmp_path, seeds, values, said
):
    first = asked(tmp_path, seeds=seeds)
    assert problems(first) == []
    later = asked(tmp_path, values, seeds=seeds)
    stored = load_study(first.name, tmp_path)
    assert later.name == first.name
    assert problems(later) == problems(stored) == said


def test_other_seeds_after_a_look_are_said_to_be_added(tmp_path):
    asked(tmp_path)
    assert problems(asked(tmp_path, seeds=[7, 8, 9])) == ["seeds added after a look"]
    assert problems(asked(tmp_path, seeds=[0, 2])) == []


def test_values_that_have_none_in_common_are_another_question():
    planned = Planned(values=("8", "16"))
    assert planned.changes_of_values(["8", "32"]) == (True, True)
    assert planned.changes_of_values(["32"]) == (False, False)
    assert Planned().changes_of_values(["32"]) == (False, False)


def test_a_metric_is_kept_with_its_margin(tmp_path):
    first = asked(tmp_path, metric="loss", margin=0.05, name="by-loss")
    assert (first.metric, first.margin, first.chosen_after) == (LOSS, 0.05, ())
    for study in (load_study("by-loss", tmp_path), asked(tmp_path, name="by-loss")):
        assert (study.metric, study.margin, study.chosen_after) == (LOSS, 0.05, ())


def test_a_metric_that_is_chosen_after_a_look_is_said_to_be(tmp_path):
    assert asked(tmp_path, name="widths").metric == ACCURACY
    study = asked(tmp_path, metric="loss", name="widths")
    assert (study.metric, study.margin) == (LOSS, None)
    assert problems(study) == ["metric chosen after the results"]
    assert asked(tmp_path, name="widths").metric == ACCURACY
