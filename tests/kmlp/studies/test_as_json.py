"""Studies as plain values, as `--json` prints them."""

import math
from dataclasses import replace

import pytest
from helpers.made_up import made_up_ablation, made_up_record

from kmlp import RunConfig
from kmlp.model.hyperparameters import config_fields
from kmlp.studies.as_json import ablation_to_dict
from kmlp.studies.single_run import RunStudy
from kmlp.training.run import Run

pytestmark = pytest.mark.once


def test_export_has_the_documented_keys():
    exported = ablation_to_dict(
        made_up_ablation(
            {1: [0.90, 0.95, 0.92], 2: [0.91, 0.93, 0.94], 3: [math.nan, 0.9, 0.92]}
        )
    )
    assert list(exported) == [
        "name", "param", "metric", "metric_details", "at", "base", "epochs", "patience", "seeds", "most_seeds", "looks", "backend",
        "fused", "settings", "baseline", "target_accuracy", "levels", "best", "best_index", "retuned", "conclusion",
        "evidence",
    ]  # fmt: skip
    assert (exported["metric"], exported["best"]) == ("val_accuracy", 2)
    assert exported["best_index"] == 1
    assert set(exported["base"]) == set(config_fields()) - {"width"}
    value = exported["levels"][2]
    assert list(value) == [
        "value", "parameters", "mean", "interval", "test_accuracy", "last_val_accuracy", "difference",
        "error_ratio", "diverged", "failed", "did_not_learn", "best_epoch", "epochs_to_near_best",
        "area_under_curve", "gap", "seconds_per_epoch", "runs", "derived",
    ]  # fmt: skip
    first = exported["levels"][0]["difference"]
    assert list(first) == ["mean", "interval", "p_value", "verdict"]
    targeted = ablation_to_dict(replace(made_up_ablation({1: [0.90, 0.95]}), target=0.92))
    assert targeted["levels"][0]["epochs_to_target"] == {
        "target": 0.92, "median": 1, "reached": 1, "runs": 2,
    }  # fmt: skip
    assert math.isclose(value["mean"], 0.91)
    assert len(value["interval"]) == 2
    run = value["runs"][0]
    assert list(run) == [
        "seed", "status", "failure", "epochs", "at_epoch", "accuracy", "val_accuracy", "test_accuracy", "test_loss",
        "gap", "history", "seconds",
    ]  # fmt: skip
    assert (run["status"], run["val_accuracy"]) == ("diverged", None)
    assert set(run["history"]) == {
        "loss", "accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy", "mean_learning_rate", "seconds",
    }  # fmt: skip


def test_every_study_has_its_conclusion_as_a_text_and_as_data():
    run = Run(
        config=RunConfig(), backend="none", fused=True, parameters=1,
        history=(made_up_record(1, 0.5), made_up_record(2, math.nan)),
    )  # fmt: skip
    for study in (
        RunStudy(name="one", run=run),
        made_up_ablation({1: [0.90, 0.95], 2: [0.8, 0.81]}),
    ):
        exported = study.to_dict()
        assert exported["conclusion"] == study.conclusion.text in study.answer
        assert exported["evidence"] == study.conclusion.to_dict()


def test_the_conclusion_of_a_run_is_its_outcome():
    epochs = (made_up_record(1, 0.5), made_up_record(2, 0.75))
    run = Run(config=RunConfig(), backend="none", fused=True, parameters=1, history=epochs)
    lost = replace(run, history=(epochs[0], made_up_record(2, math.nan)))
    failed = replace(run, failure="no room")
    conclusions = [RunStudy(name="a", run=each).conclusion for each in (run, lost, failed)]
    assert [conclusion.to_dict()["outcome"] for conclusion in conclusions] == [
        "finished", "diverged", "failed",
    ]  # fmt: skip
    assert "75.00 %" in conclusions[0].text and "epoch 2" in conclusions[1].text
    assert "no room" in conclusions[2].text
