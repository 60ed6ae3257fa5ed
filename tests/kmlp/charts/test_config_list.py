"""The charts of configuration lists, drawn from made-up runs."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.charts import drawn
from helpers.made_up import made_up_record

from kmlp import ConfigError, RunConfig
from kmlp.charts.config_list import CHARTS, learning_curves, steps
from kmlp.charts.config_list._curves import config_rows
from kmlp.charts.config_list._steps import step_rows
from kmlp.charts.style import to_specification
from kmlp.studies.config_list import ConfigList
from kmlp.studies.level_result import LevelResult
from kmlp.training.run import Run

pytestmark = pytest.mark.once

NAN = math.nan
BASE = RunConfig(train_size=1000)
CURVES = {
    1: [[0.5, 0.8, 0.9]],
    2: [[0.7, 0.96], [0.7, 0.94]],
    3: [[0.6, 0.5, NAN]],
    4: [[0.1, 0.11]],
    6: [[0.9, 0.8], [NAN]],
}


def run(config, accuracies, *, failure=None):
    return Run(
        config=config, backend="none", fused=True, parameters=1, failure=failure,
        history=tuple(made_up_record(n, it) for n, it in enumerate(accuracies, start=1)),
    )  # fmt: skip


def configs(curves=CURVES, *, failure=None):
    """A list of configurations with these validation accuracies by epoch, by number."""
    values = tuple(
        LevelResult(
            value=number, parameters=1, chance_limit=0.115,
            runs=tuple(
                run(replace(BASE, width=number, seed=seed), it, failure=failure)
                for seed, it in enumerate(seeds)
            ),
        )
        for number, seeds in curves.items()
    )  # fmt: skip
    epochs = tuple(max(1, *map(len, seeds), 0) for seeds in curves.values())
    return ConfigList(
        name="made-up", param="configuration", base=BASE, varied=("width",) if len(curves) > 1 else (),
        epochs=max(epochs), epochs_by_level=epochs, seeds=(0, 1), backend="none", fused=True,
        levels=values,
    )  # fmt: skip


CASES = {
    "all sorts": configs(),
    "one": configs({1: [[0.5, 0.9]]}),
    "one epoch": configs({1: [[0.9]], 2: [[0.8]]}),
    "all diverged": configs({1: [[NAN]], 2: [[0.9, NAN], [NAN]]}),
    "all diverged at once": configs({1: [[NAN]]}),
    "failed": configs({1: [[0.9, 0.8]], 2: [[0.7]]}, failure="why"),
    "perfect": configs({1: [[1.0, 1.0]], 2: [[0.0, 0.0]]}),
    "long": configs({1: [[0.9] * 30]}),
}


@pytest.mark.parametrize("kind", sorted(CHARTS.keys() - {"rate", "boundary"}))
@pytest.mark.parametrize("case", CASES)
def test_every_chart_can_be_drawn(kind, case, capfd):
    specification, svg = drawn(CHARTS[kind](CASES[case]))
    assert "mnist, " in svg
    assert not re.search(r"NaN|undefined|Infinity", svg)
    assert specification["description"]
    assert capfd.readouterr() == ("", "")


def data_of(found, part):
    """The rows of a part of a chart."""
    return found["datasets"][part["data"]["name"]]


def test_a_line_is_the_mean_over_the_seeds_that_finished():
    rows = {row["configuration"]: row for row in config_rows(configs())}
    assert {number: row["errors"] for number, row in rows.items()} == {
        1: [50, 20, 10], 2: [30, 5], 3: [40, 50], 4: [90, 89], 6: [10, 20],
    }  # fmt: skip
    assert [rows[it]["seeds"] for it in rows] == [0, 1, 1, 1, 2]
    assert rows[3]["lost"] == 3


def test_the_best_is_drawn_last_and_what_came_to_nothing_first():
    assert [(row["configuration"], row["kind"]) for row in config_rows(configs())] == [
        (3, "diverged"), (4, "did not learn"), (6, "finished"), (1, "finished"), (2, "best"),
    ]  # fmt: skip
    failed = configs({1: [[0.9, 0.8]], 2: []}, failure="why")
    failed = replace(failed, levels=failed.levels[:1])
    assert [(row["kind"], row["epochs"]) for row in config_rows(failed)] == [("failed", 2)]


def test_the_pointer_shows_the_configuration_and_crosses_their_configurations():
    found = to_specification(learning_curves(configs()))
    tooltips = [
        [it["field"] for it in layer["encoding"]["tooltip"]]
        for layer in found["layer"]
        if "tooltip" in layer["encoding"]
    ]
    assert ["configuration", "width", "seeds", "kind", "epoch", "accuracy_text"] in tooltips
    [lost] = [
        data_of(found, layer)
        for layer in found["layer"]
        if "data" in layer and layer["mark"].get("type") == "point"
    ]
    assert lost == [
        {"epoch": 1, "diverged": 1, "configurations": "6"}, {"epoch": 3, "diverged": 1, "configurations": "3"},
    ]  # fmt: skip
    subtitle = " ".join(found["title"]["subtitle"]).replace("\u00a0", " ")
    assert re.search("1 configuration diverged; 1 .* learn", subtitle)
    assert re.search(
        r"configuration 2 \(width 2\): .*95.00.%.*95.00.% .*2 epochs.*2 seeds", subtitle
    )


def with_losses(study, number, losses):
    """The study with these losses of the steps of a configuration's first run."""

    def changed(value):
        if value.value != number:
            return value
        history = tuple(
            replace(record, step_losses=np.array(it, "float32"))
            for record, it in zip(value.runs[0].history, losses, strict=True)
        )
        first = replace(value.runs[0], history=history)
        return replace(value, runs=(first, *value.runs[1:]))

    return replace(study, levels=tuple(map(changed, study.levels)))


def test_steps_are_those_of_the_best_configuration_over_all_its_epochs():
    found = to_specification(
        steps(with_losses(configs(), 2, [[2.0, 1.0, 0.5], [0.25, 0.5]]))
    )
    assert "configuration 2" in found["title"]["text"]
    assert "seed 0, width\u00a02" in found["title"]["subtitle"]
    assert data_of(found, found) == [
        {"epoch": 1, "kind": "mean", "step": [1, 2, 3, 4], "loss": [2.0, 1.0, 0.5, 0.25]},
        {"epoch": 2, "kind": "mean", "step": [4, 5], "loss": [0.25, 0.5]},
    ]  # fmt: skip


def test_many_steps_are_thinned_without_a_gap_between_epochs():
    losses = np.random.default_rng(0).random((3, 5000)).astype("float32")
    study = with_losses(configs({1: [[0.5, 0.6, 0.7]]}), 1, losses)
    rows = step_rows(study.levels[0].runs[0])
    assert [(row["epoch"], row["kind"]) for row in rows] == [
        (epoch, kind) for kind in ("step", "mean") for epoch in (1, 2, 3)
    ]
    for first, second in ((rows[0], rows[1]), (rows[1], rows[2]), (rows[4], rows[5])):
        assert first["step"][-1] == second["step"][0]
        assert first["loss"][-1] == second["loss"][0]
    places = [it for row in rows[:3] for it in row["step"]]
    assert len(places) < 1200
    assert min(row["loss"][-1] for row in rows[3:]) > 0.4
    shown = [it for row in rows[:3] for it in row["loss"]]
    assert (max(shown), min(shown)) == pytest.approx((losses.max(), losses.min()), rel=1e-4)


def test_the_axis_of_losses_has_zero_only_if_they_come_near():
    def domain(losses):
        found = to_specification(steps(with_losses(configs({1: [[0.5]]}), 1, [losses])))
        return found["layer"][0]["encoding"]["y"]["scale"]["domain"]

    assert domain([2.0, 1.0]) == [0.95, 2.0]
    assert domain([2.0, 0.01]) == [0.0, 2.0]


def test_of_no_epoch_there_are_no_steps():
    study = configs({1: [[]]}, failure="why")
    with pytest.raises(ConfigError, match=r'"made-up".*epoch'):
        steps(study)
    assert to_specification(learning_curves(study))["description"]
