"""Convergence of runs, with made-up accuracies."""

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.made_up import made_up_ablation, made_up_record

from kmlp.model.metrics import ACCURACY
from kmlp.studies._convergence import (
    area_under_curve,
    epochs_to,
    kaplan_meier_median,
    seconds_to,
)  # fmt: skip
from kmlp.studies.tables.ablation import convergence_table

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("accuracies", "best", "area"),
    [
        ([0.5], 1, 0.5),
        ([0.9, 0.8], 1, 0.85),
        ([0.1, 0.981, 0.99, 0.985], 3, (0.5405 + 0.9855 + 0.9875) / 3),
        ([0.97, 0.98, 0.99], 3, 0.98),
        ([0.9, 0.95, 0.95], 2, 0.9375),
    ],
)
def test_a_curve(accuracies, best, area):
    assert ACCURACY.best_place(accuracies) == best - 1
    assert area_under_curve(accuracies) == pytest.approx(area)


def learned(*accuracies):
    [run] = made_up_ablation({8: [0.5]}).runs
    history = [
        made_up_record(epoch, accuracy)
        for epoch, accuracy in enumerate(accuracies, start=1)
    ]
    return replace(run, history=tuple(history))


def studied(curves):
    """An ablation with a curve of accuracies for each seed, by value."""
    study = made_up_ablation({value: [0.5] * len(runs) for value, runs in curves.items()})
    levels = [
        replace(
            level,
            runs=tuple(
                replace(learned(*accuracies), config=run.config)
                for run, accuracies in zip(level.runs, runs, strict=True)
            ),
        )
        for level, runs in zip(study.levels, curves.values(), strict=True)
    ]
    return replace(study, levels=tuple(levels))


def test_the_epochs_and_seconds_to_a_target():
    run = learned(0.7, 0.9, 0.8, 0.95)
    assert [epochs_to(run, target) for target in (0.5, 0.9, 0.95, 0.96)] == [1, 2, 4, None]
    assert [seconds_to(run, target) for target in (0.5, 0.9, 0.95, 0.96)] == [1, 2, 4, None]


def test_an_accuracy_in_float32_reaches_the_target_that_it_rounds():
    run = learned(float(np.float32(0.9)))
    assert run.val_accuracy < 0.9
    assert epochs_to(run, 0.9) == 1


def test_means_are_over_the_runs_that_finished():
    study = made_up_ablation({8: [0.9, float("nan"), 0.7]})
    [value] = study.levels
    assert (value.best_epoch.mean, value.best_epoch.size) == (1, 2)
    assert value.area_under_curve.mean == pytest.approx(0.8)
    assert value.val_curve == pytest.approx((0.8,))


def test_a_value_whose_runs_all_diverged_has_no_figures():
    [value] = made_up_ablation({8: [float("nan")]}).levels
    assert value.val_curve == ()
    for estimate in (value.best_epoch, value.gap):
        assert estimate is None


def test_every_level_is_measured_against_the_best_one():
    """A worse level does not reach its own best sooner: the target is a common one."""
    study = studied(
        {8: [(0.5, 0.7), (0.6, 0.7)], 16: [(0.7, 0.9, 0.8), (0.75, 0.94, 0.93)]}
    )
    assert study.near_best == pytest.approx(1 - 1.1 * 0.08)
    slow, best = (level.epochs_to(study.near_best) for level in study.levels)
    assert (slow.median, slow.limit, slow.reached, slow.runs) == (None, 2, 0, 2)
    assert (best.median, best.reached, best.runs) == (2, 1, 2)
    assert study.levels[1].epochs_to(0.94).median == 2
    assert study.levels[1].seconds_to(0.94).median == 2.0


def test_a_run_that_diverged_never_reaches_a_target():
    study = studied({8: [(0.9, 0.95), (0.9, math.nan), (0.9, math.nan)]})
    [level] = study.levels
    time = level.epochs_to(0.9)
    assert (time.median, time.limit, time.reached, time.runs) == (None, 2, 1, 3)


def test_a_run_that_failed_counts_until_it_failed():
    """It is not known when it would have reached the target."""
    study = studied({8: [(0.5, 0.95), (0.5, 0.95), (0.5,), (0.5,), (0.5,)]})
    [level] = study.levels
    assert level.epochs_to(0.9).median == 2
    failed = [replace(run, failure="no room") for run in level.runs[2:]]
    level = replace(level, runs=(*level.runs[:2], *failed))
    time = level.epochs_to(0.9)
    assert (time.median, time.reached, time.runs) == (2, 2, 5)
    lost = [learned(0.5, math.nan)] * 3
    assert replace(level, runs=(*level.runs[:2], *lost)).epochs_to(0.9).median is None


def test_the_median_is_that_of_survival_analysis():
    """Remission in weeks, 6-MP (Freireich et al. 1963): R's survfit gives 23."""
    times = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    limits = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    assert kaplan_meier_median(times, limits) == 23
    assert kaplan_meier_median([], [3]) is None
    assert kaplan_meier_median([3, 1, 2], []) == 2
    assert kaplan_meier_median([1, 4], [9, 9]) == 4


def test_the_table_counts_the_runs_that_do_not_reach_the_target():
    study = studied(
        {8: [(0.5, 0.7), (0.5, 0.9)], 16: [(0.9, 0.9), (0.5, 0.9)], 32: [(math.nan,)] * 2}
    )
    slow, best, lost = convergence_table(study, 0.9).rows
    assert slow.cells[2] == "2 (1 of 2)"
    assert best.cells[2] == "1"
    assert lost.cells[2] == "-"
    assert slow.cells[5:7] == ("2 (1 of 2)", "2.0 (1 of 2)")
    assert convergence_table(study, 0.95).rows[1].cells[5:7] == (
        "> 2 (0 of 2)",
        "> 2.0 (0 of 2)",
    )
    [near, _, _] = convergence_table(study, 0.9).notes
    assert "at most 11.00 %" in near
