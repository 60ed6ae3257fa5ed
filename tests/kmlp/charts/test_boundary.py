"""Decision boundaries show where a model predicts which class."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from helpers.made_up import made_up_ablation
from PIL import Image, ImageColor

from kmlp import ConfigError, DataError, RunConfig, ablate
from kmlp.charts._boundary import boundary
from kmlp.charts.style import COLOURS, to_specification
from kmlp.model.run_data import dataset_of, split_for

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def study():
    base = RunConfig(dataset="moons:200", depth=1, learning_rate=0.5, batch_size=20)
    return ablate("width", [2, 16], base=base, seeds=1, epochs=10, jobs=1)


def panels_of(study):
    """The layers of each panel, and the rows of the data of each layer."""
    drawn = to_specification(boundary(study, study.headline))
    named = drawn.get("datasets", {})
    for panel in drawn["concat"]:
        layers = panel["layer"]
        yield [(it, it["data"].get("values") or named[it["data"]["name"]]) for it in layers]


@pytest.mark.trains
def test_a_place_has_the_colour_of_the_class_that_the_model_predicts(study):
    for panel, level in zip(panels_of(study), study.levels, strict=True):
        (_, [picture]), (points, _) = panel
        encoded = picture["picture"].partition(",")[2]
        pixels = np.array(Image.open(io.BytesIO(base64.b64decode(encoded))), float)
        [run] = level.runs
        rows = split_for(run.config, dataset_of(run.config)).train.x
        scores = run.model().predict(rows, verbose=0)
        sure = np.abs(scores[:, 0] - scores[:, 1]) > 1
        assert sure.sum() > 20
        places = [
            (rows[sure, n] - low) / (high - low)
            for n, key in enumerate("xy")
            for low, high in [points["encoding"][key]["scale"]["domain"]]
        ]
        size = len(pixels)
        column = (places[0] * size).astype(int)
        row = ((1 - places[1]) * size).astype(int)
        seen = pixels[row, column]
        colours = np.array([ImageColor.getrgb(it) for it in COLOURS[:2]], float)
        nearest = np.linalg.norm(seen[:, None] - colours, axis=-1).argmin(1)
        np.testing.assert_array_equal(nearest, scores[sure].argmax(1))


@pytest.mark.trains
def test_points_are_training_rows_with_their_classes(study):
    _, (_, drawn) = next(panels_of(study))
    dataset = dataset_of(study.base)
    assert len(drawn) == len(dataset.train)
    assert {it["class"] for it in drawn} == set(dataset.class_names)
    assert "width=2" in boundary(study, study.headline).description


@pytest.mark.parametrize(
    ("dataset", "problem"), [("iris", "iris has 4 columns"), ("mnist", "mnist has images")]
)
def test_another_dataset_than_two_columns_is_refused(monkeypatch, dataset, problem):
    study = made_up_ablation({8: [0.9]})
    [level] = study.levels
    run = replace(level.runs[0], config=RunConfig(dataset=dataset, width=8))
    monkeypatch.setattr("kmlp.charts._boundary._with_model", lambda level: run)
    with pytest.raises(ConfigError, match=rf"{problem}.*moons, circles or spirals"):
        boundary(study, study.headline)


def test_without_a_stored_model_nothing_is_drawn():
    study = made_up_ablation({8: [0.9]})
    with pytest.raises(ConfigError, match="No run of the study has a stored model"):
        boundary(study, study.headline)


def test_a_report_without_the_dataset_leaves_the_chart_out(monkeypatch):
    """It catches `ConfigError` only."""

    def gone(config):
        raise DataError(f"{config.dataset} was removed.")

    study = made_up_ablation({8: [0.9]})
    run = replace(study.levels[0].runs[0], config=RunConfig(dataset="moons", width=8))
    monkeypatch.setattr("kmlp.charts._boundary._with_model", lambda level: run)
    monkeypatch.setattr("kmlp.charts._boundary.dataset_of", gone)
    with pytest.raises(ConfigError, match="moons was removed"):
        boundary(study, study.headline)
