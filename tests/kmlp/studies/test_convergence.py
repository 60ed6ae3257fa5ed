"""Convergence of runs, with made-up accuracies."""

from dataclasses import replace

import pytest
from helpers.made_up import made_up_ablation, made_up_record

from kmlp.studies._convergence import (
    area_under_curve,
    best_epoch,
    epochs_to,
    first_epoch_near_best,
    gap,
    seconds_to,
)  # fmt: skip

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("accuracies", "best", "near", "area"),
    [
        ([0.5], 1, 1, 0.5),
        ([0.9, 0.8], 1, 1, 0.85),
        ([0.1, 0.981, 0.99, 0.985], 3, 2, (0.5405 + 0.9855 + 0.9875) / 3),
        ([0.97, 0.98, 0.99], 3, 3, 0.98),
        ([0.9, 0.95, 0.95], 2, 2, 0.9375),
    ],
)
def test_a_curve(accuracies, best, near, area):
    assert best_epoch(accuracies) == best
    assert first_epoch_near_best(accuracies) == near
    assert area_under_curve(accuracies) == pytest.approx(area)


def learned(*accuracies):
    [run] = made_up_ablation({8: [0.5]}).runs
    history = [
        made_up_record(epoch, accuracy)
        for epoch, accuracy in enumerate(accuracies, start=1)
    ]
    return replace(run, history=tuple(history))


def test_the_epochs_and_seconds_to_a_target():
    run = learned(0.7, 0.9, 0.8, 0.95)
    assert [epochs_to(run, target) for target in (0.5, 0.9, 0.95, 0.96)] == [1, 2, 4, None]
    assert [seconds_to(run, target) for target in (0.5, 0.9, 0.95, 0.96)] == [1, 2, 4, None]


def test_the_gap_is_that_of_the_last_epoch():
    run = learned(0.7, 0.9)
    last = replace(run.history[-1], accuracy=0.97)
    assert gap(replace(run, history=(run.history[0], last))) == pytest.approx(0.07)


def test_means_are_over_the_runs_that_finished_and_reached_it():
    study = made_up_ablation({8: [0.9, float("nan"), 0.7]})
    [value] = study.levels
    assert (value.best_epoch.mean, value.best_epoch.size) == (1, 2)
    assert value.area_under_curve.mean == pytest.approx(0.8)
    assert value.val_curve == pytest.approx((0.8,))
    assert (value.epochs_to(0.8).mean, value.epochs_to(0.8).size) == (1, 1)
    assert value.seconds_to(0.95) is None


def test_a_value_whose_runs_all_diverged_has_no_figures():
    [value] = made_up_ablation({8: [float("nan")]}).levels
    assert value.val_curve == ()
    for estimate in (value.best_epoch, value.epochs_to_near_best, value.gap):
        assert estimate is None
