"""Metrics as charts draw them, and charts of studies by loss."""

from dataclasses import replace

import pytest
from helpers.made_up import made_up_ablation

from kmlp.charts.accuracy import AccuracyScale
from kmlp.charts.measure import Measure, ValueScale
from kmlp.model.metrics import ACCURACY, LOSS, R2, RMSE

pytestmark = pytest.mark.once


def test_an_accuracy_is_drawn_by_its_error_and_a_loss_as_it_is():
    accuracy, loss = Measure(ACCURACY), Measure(LOSS, "test")
    assert (accuracy.number(0.972), accuracy.text(2.8)) == (2.8, "97.2")
    assert (loss.number(0.0812344), loss.text(0.081234)) == (0.081234, "0.08123")
    assert isinstance(accuracy.scale([2.8]), AccuracyScale)
    assert isinstance(loss.scale([0.08]), ValueScale)


def test_the_title_of_an_axis_has_the_unit_and_says_if_it_is_logarithmic():
    rmse = Measure(RMSE.with_unit("mg/dl"))
    assert rmse.axis_title(rmse.scale([50, 60])) == "validation RMSE, mg/dl"
    wide = rmse.scale([1, 60])
    assert rmse.axis_title(wide) == "validation RMSE, mg/dl (log scale)"
    accuracy = Measure()
    assert accuracy.axis_title(accuracy.scale([2.8]))[0] == "validation accuracy, %"


@pytest.mark.parametrize("metric", [ACCURACY, LOSS, R2])
def test_the_best_value_has_the_least_badness(metric):
    measure = Measure(metric)
    values = [0.2, 0.5, 0.9]
    badness = [measure.badness(measure.number(value)) for value in values]
    assert badness.index(min(badness)) == metric.best_place(values)


@pytest.mark.parametrize("values", [[0.4, 0.5], [0.01, 3.0], [-1.0, 2.0], [0.3], []])
def test_a_scale_shows_all_values_and_labels_some(values):
    scale = ValueScale.of(values, room=0.1)
    assert all(0 < scale.share(value) < 1 for value in values)
    assert 2 <= len(scale.ticks) <= 8
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks)


def titles_in(specification):
    """Every title of an axis or a tooltip in a chart."""
    if isinstance(specification, dict):
        here = specification.get("title")
        yield from [here] if isinstance(here, str) else []
        for value in specification.values():
            yield from titles_in(value)
    elif isinstance(specification, list):
        for value in specification:
            yield from titles_in(value)


@pytest.mark.parametrize("kind", ["values", "curves", "gap", "seconds"])
def test_the_charts_of_a_study_by_loss_draw_losses(kind):
    accuracies = {8: [[0.8, 0.9], [0.81, 0.91]], 16: [[0.85, 0.95], [0.84, 0.96]]}
    study = made_up_ablation(accuracies).measured_by(LOSS)
    specification = study.plot(kind).to_dict()
    titles = {title.removesuffix(" (log scale)") for title in titles_in(specification)}
    assert "validation loss" in titles
    assert not any("accuracy" in title for title in titles)
    assert "accurac" not in specification["description"]
    best = replace(study, levels=study.levels[1:])
    assert "0.04500" in best.plot("values").to_dict()["description"]
