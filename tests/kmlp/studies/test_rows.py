import math
from dataclasses import replace

import pytest
from helpers.made_up import made_up_ablation, made_up_record

from kmlp import RunConfig
from kmlp.studies.rows import one_run
from kmlp.training.run import Run

pytestmark = pytest.mark.once


def test_a_row_names_its_run_and_its_study():
    run = Run(
        config=RunConfig(width=(3, 2), loss="mse", seed=7), backend="jax", fused=False,
        parameters=10, history=(made_up_record(1, 0.5), made_up_record(2, math.nan)),
        key="0123456789abcdef",
    )  # fmt: skip
    first, second = one_run("one", run).rows()
    expected = {
        "study": "one", "kind": "run", "part": None, "config": None, "trial": None, "run": "run-0123456789ab",
        "width": "3x2", "depth": 2, "loss_function": "mse", "seed": 7, "train_size": None,
        "backend": "jax", "fused": False, "settings": None, "parameters": 10, "status": "diverged",
        "epoch": 1, "loss": 0.5, "val_accuracy": 0.5, "seconds": 1.0,
    }  # fmt: skip
    assert {name: first[name] for name in expected} == expected
    assert (second["epoch"], second["loss"], second["test_accuracy"]) == (2, None, None)


def test_the_rows_of_a_regression_have_its_metrics_and_no_accuracy():
    figures = {"rmse": 3.0, "val_rmse": 4.0, "test_rmse": 5.0, "val_r2": 0.25}
    record = replace(
        made_up_record(1, 0.5, metrics=figures), accuracy=math.nan, val_accuracy=math.nan
    )
    run = Run(
        config=RunConfig(), backend="jax", fused=False, parameters=10, history=(record,)
    )
    [row] = one_run("one", run).rows()
    assert {name: row[name] for name in figures} == figures
    empty = ("mae", "accuracy", "val_accuracy", "gap")
    assert [row[name] for name in empty] == [None] * 4
    assert row["val_loss"] == 0.5
    [row] = one_run("one", replace(run, history=(made_up_record(1, 0.5),))).rows()
    assert [row[name] for name in figures] == [None] * 4


def test_the_rows_of_a_classification_have_the_averages_over_its_classes():
    figures = {"val_balanced_accuracy": 0.75, "test_macro_f1": 0.5}
    study = made_up_ablation({1: [0.9]})
    run = study.study_runs().runs[0].run
    record = made_up_record(1, 0.5, metrics=figures)
    [row] = one_run("one", replace(run, history=(record,))).rows()
    assert {name: row[name] for name in figures} == figures
    assert (row["val_macro_f1"], row["rmse"]) == (None, None)
    assert "balanced_accuracy" not in row  # is not recorded during training


def test_where_one_width_is_a_text_all_are():
    rows = made_up_ablation({1: [0.9], (3, 2): [0.8]}).study_runs().rows()
    assert [row["width"] for row in rows] == ["1", "3x2"]
    rows = made_up_ablation({1: [0.9], 3: [0.8]}).study_runs().rows()
    assert [row["width"] for row in rows] == [1, 3]
