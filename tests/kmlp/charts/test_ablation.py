"""The charts of an ablation, with made-up runs; that they are good is for eyes to see."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.charts import drawn
from helpers.made_up import made_up_ablation, made_up_record

from kmlp import ConfigError
from kmlp.charts._step_losses import thinned
from kmlp.charts.ablation import CHARTS, learning_curves, seconds, steps, values
from kmlp.charts.style import save, to_specification
from kmlp.training.run import Run

pytestmark = pytest.mark.once

NAN = math.nan
STUDY = {8: [0.80, 0.85], 64: [0.95, 0.97], 512: [NAN, 0.99]}


def trained(study, epochs=3):
    """The same with more epochs, whose accuracy rises to that which was given."""

    def longer(run: Run) -> Run:
        last = run.history[0].val_accuracy
        history = [
            made_up_record(it, last - 0.1 * (epochs - it)) for it in range(1, epochs)
        ]
        return replace(run, history=(*history, made_up_record(epochs, last)))

    rows = [replace(it, runs=tuple(map(longer, it.runs))) for it in study.levels]
    return replace(study, epochs=epochs, levels=tuple(rows))


@pytest.mark.parametrize("kind", sorted(CHARTS.keys() - {"rate", "boundary", "tuning"}))
@pytest.mark.parametrize(
    "study",
    [
        pytest.param(trained(made_up_ablation(STUDY)), id="numbers"),
        pytest.param(
            trained(
                made_up_ablation(
                    {"relu": [0.9, 0.91], "gelu": [0.92, 0.9]}, param="activation"
                )
            ),
            id="names",
        ),
        pytest.param(made_up_ablation({0: [0.9], 1: [0.91]}, param="depth"), id="one_seed"),
        pytest.param(made_up_ablation({8: [0.9, 0.91]}), id="one_value"),
        pytest.param(made_up_ablation({8: [NAN, NAN], 9: [NAN, NAN]}), id="all_diverged"),
        pytest.param(made_up_ablation({8: [1.0, 1.0], 9: [0.0, 0.0]}), id="the_limits"),
        pytest.param(made_up_ablation({8: [1.0, 0.8], 9: [0.9, 0.8]}), id="few_examples"),
    ],
)
def test_every_chart_of_every_study_can_be_drawn(kind, study, capfd):
    specification, svg = drawn(CHARTS[kind](study))
    assert "<svg" in svg
    assert not re.search(r"NaN|undefined|Infinity", svg)
    assert specification["description"]
    assert capfd.readouterr() == ("", "")


def rows_of(chart):
    """All rows of data of a chart, by what columns they have."""
    found = to_specification(chart)
    return [row for rows in _values(found) for row in rows]


def _values(found):
    if isinstance(found, dict):
        for key, it in found.items():
            if key == "values" and isinstance(it, list):
                yield [row for row in it if isinstance(row, dict)]
            else:
                yield from _values(it)
        for it in found.get("datasets", {}).values():
            yield it
    elif isinstance(found, list):
        for it in found:
            yield from _values(it)


def test_values_show_every_seed_and_the_interval_of_the_mean():
    rows = rows_of(values(made_up_ablation(STUDY)))
    seeds = {(it["value"], it["seed"]): it["error"] for it in rows if "seed" in it}
    assert seeds[("8", 1)] == pytest.approx(15)
    assert seeds[("512", 0)] is None
    assert len(seeds) == 6
    mean = next(it for it in rows if "seed" not in it and it["value"] == "64")
    assert mean["error"] == pytest.approx(4)
    # t(1, 0.975) = 12.706 times s / sqrt(2) = 1: below 100 % and above what it may be.
    assert (mean["error_low"], mean["error_high"]) == (pytest.approx(16.706), 0)


def test_the_gap_is_drawn_beside_the_accuracy_in_points():
    study = made_up_ablation(STUDY)
    rows = rows_of(CHARTS["gap"](study_with_training(study, 0.98)))
    seeds = {(it["value"], it["seed"]): it["gap"] for it in rows if "gap_text" in it}
    assert seeds[("8", 1)] == pytest.approx(13)
    assert seeds[("512", 0)] is None
    [mean] = [it for it in rows if it.get("value") == "64" and "gap_low" in it]
    assert mean["gap"] == pytest.approx(2)
    assert (mean["gap_low"], mean["gap_high"]) == pytest.approx((-10.706, 14.706), abs=2e-3)
    assert {it["error"] for it in rows if "error_text" in it} >= {20.0, 15.0, None}


def test_the_gap_says_how_the_training_accuracy_is_measured():
    study = made_up_ablation({0.0: [0.9, 0.9], 0.5: [0.9, 0.9]}, param="dropout")
    title = to_specification(CHARTS["gap"](study))["title"]
    assert "before its update, with dropout." in " ".join(title["subtitle"])


def study_with_training(study, accuracy):
    """The same study, in which every run has this training accuracy."""
    levels = [
        replace(
            level,
            runs=tuple(
                replace(run, history=(replace(run.history[0], accuracy=accuracy),))
                for run in level.runs
            ),
        )
        for level in study.levels
    ]
    return replace(study, levels=tuple(levels))


SCHEDULES = {"constant": [[0.9, 0.9]], "cosine:2": [[0.8, 0.9]], "step:1:0.1": [[0.8, NAN]]}


def test_the_rate_of_every_step_is_drawn(tmp_path):
    chart = CHARTS["rate"](made_up_ablation(SCHEDULES, param="schedule"))
    save(chart, tmp_path / "chart.svg")
    lines = {row["value"]: (row["epoch"], row["rate"]) for row in rows_of(chart)}
    assert lines == {
        "constant": ([0, 1, 2], [0.1, 0.1, 0.1]),
        "cosine:2": ([0, 1, 2], [0.1, 0.05, 0.05]),
        "step:1:0.1": ([0, 1, 2], [0.1, 0.01, 0.01]),
    }


def test_rates_that_do_not_vary_are_not_drawn():
    with pytest.raises(ConfigError, match="does not vary"):
        CHARTS["rate"](made_up_ablation(STUDY))


def test_curves_show_the_mean_of_the_runs_that_finished():
    rows = rows_of(learning_curves(trained(made_up_ablation(STUDY))))
    means = {(it["value"], it["epoch"]): it["error"] for it in rows if "seed" not in it}
    assert means[("8", 3)] == pytest.approx(17.5)
    assert means[("512", 3)] == pytest.approx(1)
    runs = {(it["value"], it["seed"], it["epoch"]) for it in rows if "seed" in it}
    assert len(runs) == 3 * 2 * 3


def test_seconds_are_summed_over_the_epochs():
    rows = rows_of(seconds(trained(made_up_ablation(STUDY))))
    assert [it["seconds"] for it in rows if it["value"] == "8"] == [1, 2, 3]


def test_an_axis_is_logarithmic_where_its_values_are():
    def scale(study):
        return json.dumps(to_specification(values(study))["layer"][-1]["encoding"]["x"])

    assert '"type": "log"' in scale(made_up_ablation({8: [0.9], 512: [0.9]}))
    assert '"type": "linear"' in scale(
        made_up_ablation({1: [0.9], 3: [0.9]}, param="depth")
    )
    assert '"type": "linear"' in scale(
        made_up_ablation({0: [0.9], 9: [0.9]}, param="depth")
    )


def with_losses(losses):
    study = made_up_ablation({8: [0.9]})
    [value] = study.levels
    record = replace(value.runs[0].history[0], step_losses=np.array(losses, "float32"))
    run = replace(value.runs[0], history=(record,))
    return replace(study, levels=(replace(value, runs=(run,)),))


def test_steps_are_all_shown_where_they_are_few():
    rows = rows_of(steps(with_losses([2.0, 1.0, 0.5])))
    [shown] = [it for it in rows if it["kind"] == "step"]
    assert (shown["step"], shown["loss"]) == ([1, 2, 3], [2.0, 1.0, 0.5])


def test_values_with_other_numbers_of_steps_have_axes_of_their_own():
    few, many = with_losses([2.0, 1.0]), with_losses([2.0, 1.0, 0.5])
    for study, own in ((few, False), (replace(few, levels=few.levels + many.levels), True)):
        resolve = to_specification(steps(study)).get("resolve", {})
        assert (resolve.get("scale", {}).get("x") == "independent") is own


def test_a_loss_out_of_the_range_is_said_to_be():
    title = to_specification(steps(with_losses([2.0, 1e9, 0.5])))["title"]["subtitle"]
    assert re.search(r"above 20 .*1e\+09", " ".join(title))
    title = to_specification(steps(with_losses([2.0, 3.0, 0.5])))["title"]["subtitle"]
    assert "cut off" not in " ".join(title)


def test_thinning_keeps_the_lowest_and_the_highest_of_each_pixel():
    losses = np.random.default_rng(0).random(10_000).astype("float32")
    (_, places, kept), (_, ends, means) = thinned(losses, 100, window=20)
    assert len(places) == 200
    bins = losses.reshape(100, 100)
    np.testing.assert_array_equal(kept.reshape(100, 2).max(axis=1), bins.max(axis=1))
    np.testing.assert_array_equal(kept.reshape(100, 2).min(axis=1), bins.min(axis=1))
    np.testing.assert_array_equal(losses[places - 1], kept.astype("float32"))
    assert (ends[0], ends[-1]) == (500, 10_000)
    assert means[-1] == pytest.approx(losses[-500:].mean())


def test_the_running_mean_recovers_from_a_loss_that_was_huge():
    losses = np.full(1000, 0.5, "float32")
    losses[0] = 1e20
    (_, _, _), (_, _, means) = thinned(losses, 100, window=20)
    assert means[-1] == pytest.approx(0.5)


@pytest.mark.parametrize("suffix", [".html", ".png", ".svg", ".pdf"])
def test_a_chart_is_saved_as_what_its_name_ends_with(suffix, tmp_path):
    path = tmp_path / f"chart{suffix}"
    save(values(made_up_ablation(STUDY)), path)
    starts = {
        ".html": b"<!DOCTYPE html>",
        ".png": b"\x89PNG",
        ".svg": b"<svg",
        ".pdf": b"%PDF",
    }
    content = path.read_bytes()
    assert content.lstrip().startswith(starts[suffix])
    if suffix == ".html":
        assert b"<script src" not in content


def test_values_with_different_validation_images_are_drawn_by_test_accuracy():
    study = made_up_ablation(
        {0.1: [0.90, 0.91], 0.2: [0.95, 0.96]}, param="validation_fraction"
    )

    def with_test_accuracy(run: Run) -> Run:
        return replace(run, history=(replace(run.history[0], test_accuracy=0.7),))

    rows = [
        replace(level, runs=tuple(map(with_test_accuracy, level.runs)))
        for level in study.levels
    ]
    found = to_specification(values(replace(study, levels=tuple(rows))))
    assert "test accuracy, %" in json.dumps(found["layer"])
    assert "validation accuracy, %" not in json.dumps(found["layer"])
    errors = {row["error"] for data in found["datasets"].values() for row in data}
    assert errors == {30.0}
    assert "Mean test accuracies" in found["description"]
    assert "=0.1: 70.00 %" in found["description"]
