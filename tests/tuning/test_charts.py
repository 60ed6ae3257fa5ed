"""The charts of made-up searches."""

import json
import math
import random
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from helpers import charts
from helpers.made_up import made_up_record

from kmlp import ConfigError, RunConfig
from kmlp.charts.accuracy import AccuracyScale
from kmlp.charts.style import save
from kmlp.model.domains import Range
from kmlp.statistics import Estimate
from kmlp.studies.learning import DataFacts
from kmlp.training.run import Run
from kmlp_tuning import SearchSpace
from kmlp_tuning.charts import CHARTS, fields, importance, learning_curves, replication
from kmlp_tuning.charts._parallel import line_rows, parallel_coordinates
from kmlp_tuning.charts._replication import replication_rows
from kmlp_tuning.charts._rows import jitter, range_ticks, trial_rows
from kmlp_tuning.search.importance import Importance, Importances
from kmlp_tuning.search.options import SearchOptions
from kmlp_tuning.search.records import comparison
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import make_settings
from kmlp_tuning.search.trial import Replication, Trial

pytestmark = pytest.mark.once

NAN = math.nan
SPACE = {
    "depth": "0,1,2",
    "width": "16:512:log",
    "activation": "relu,tanh",
    "learning_rate": "1e-3:1:log",
}
CONFIGS = [
    RunConfig(depth=1, width=16, activation="relu", learning_rate=0.1),
    RunConfig(depth=0, learning_rate=0.01),
    RunConfig(depth=2, width=512, activation="tanh", learning_rate=1.0),
    RunConfig(depth=2, width=64, activation="tanh", learning_rate=0.001),
    RunConfig(depth=1, width=64, activation="tanh", learning_rate=0.3),
]
CURVES = [[0.8, 0.9, 0.96], [0.7], [0.6, NAN], [0.5], [0.85, 0.9, 0.95]]
AGAIN = {1: (3, [[0.8, 0.9, 0.92], [0.8, 0.9, 0.94]]), 5: (2, [[0.8, 0.88, 0.93], [NAN]])}
FOUND = Importances(
    fields=(
        Importance("learning_rate", Estimate(0.05, (0.02, 0.08), 9)),
        Importance("depth", Estimate(-0.001, (-0.01, 0.008), 9)),
    ),
    epochs=1,
    trials=9,
    skill=0.25,
)


def run(config, accuracies, **more):
    return Run(
        config=config, backend="none", fused=True, parameters=1,
        history=tuple(made_up_record(n, it) for n, it in enumerate(accuracies, start=1)),
        **more,
    )  # fmt: skip


def search(
    curves=CURVES,
    *,
    configs=CONFIGS,
    space=SPACE,
    again=None,
    failed=(),
    max_epochs=3,
    **state,
):
    """Of the curves of trials: None: not begun; again: number -> (epochs, curves)."""
    settings = make_settings(
        SearchSpace(space),
        RunConfig(),
        SearchOptions(max_trials=2, max_epochs=max_epochs, replicates=2),
        fused=True,
    )
    trials = [
        replace(
            Trial.begun(number, config), epochs=len(curve or [0]),
            run=None if curve is None else run(config, curve, failure="why" if number in failed else None),
        )
        for number, (config, curve) in enumerate(zip(configs, curves, strict=False), start=1)
    ]  # fmt: skip
    others = [
        Replication(
            number, epochs, (),
            tuple(run(replace(configs[number - 1], seed=n), it) for n, it in enumerate(lot, start=1)),
        )
        for number, (epochs, lot) in (again or {}).items()
    ]  # fmt: skip
    return Search(
        name="made-up", settings=settings, backend="none", trials=tuple(trials),
        replication=comparison(settings, others, DataFacts(chance_limit=0.1)),
        selected_at_epoch={it.number: it.selected_at_epoch for it in others},
        chance=0.1, **{"complete": True, "importances": None, **state},
    )  # fmt: skip


def drawn(chart):
    """A chart as SVG, with a specification that is small and has its text alternative."""
    specification, svg = charts.drawn(chart)
    assert len(json.dumps(specification)) < 1_000_000
    assert len(specification["description"]) > 50
    return svg


def many(count, epochs):
    lot = random.Random(0)
    configs = [
        RunConfig(
            depth=lot.choice([0, 1, 2]), width=round(2 ** lot.uniform(4, 9)),
            activation=lot.choice(["relu", "tanh"]), learning_rate=10 ** lot.uniform(-3, 0),
        )
        for _ in range(count)
    ]  # fmt: skip
    lengths = [lot.choice([1, 3, 9, 27, epochs]) for _ in configs]
    curves = [
        [1 - lot.uniform(0.9, 1.1) * (0.04 / (it.learning_rate + 0.05)) / n**0.3 for n in range(1, length)]
        + [lot.choice([0.3, 0.8, 0.9, NAN])]
        for it, length in zip(configs, lengths, strict=True)
    ]  # fmt: skip
    return search(curves, configs=configs, max_epochs=epochs)


CASES = {
    "all sorts": search(again=AGAIN),
    "one trial": search([[0.9]], again={1: (1, [[0.8]])}),
    "all diverged": search([[0.9, NAN], *[[NAN]] * 4], again={1: (1, [[NAN]])}),
    "only failures": search([[0.9], []], failed=[1, 2], again={1: (1, [[0.9]])}),
    "some wait": search([[0.9], None, [0.8, 0.85]], complete=False, again={1: (1, [[0.8]])}),
    "perfect": search([[1.0], [1.0]], again={1: (1, [[1.0], [1.0]])}),
    "one field, one epoch": search([[0.9], [0.8]], space={"learning_rate": "1e-3:1"}, max_epochs=1, again={1: (1, [[0.9]])}),
}  # fmt: skip


@pytest.mark.parametrize("kind", [it for it in CHARTS if it != "importance"])
@pytest.mark.parametrize("case", CASES)
def test_every_chart_can_be_drawn(case, kind, capfd):
    picture = drawn(CHARTS[kind](CASES[case]))
    assert "mnist, hyperband, " in picture
    assert "NaN" not in picture
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["curves", "parallel", "fields"])
def test_many_trials_are_a_small_file(kind):
    drawn(CHARTS[kind](many(300, 81)))


@pytest.mark.parametrize("end", ["html", "svg"])
def test_a_chart_is_saved_without_a_warning(end, tmp_path):
    path = tmp_path / f"chart.{end}"
    save(learning_curves(CASES["all sorts"]), path)
    assert path.stat().st_size > 1000


def rows_by_trial(search):
    return {row["trial"]: row for row in trial_rows(search)}


def test_the_rows_of_trials():
    rows = rows_by_trial(search())
    assert rows[1] == {
        "trial": 1, "kind": "best", "depth": "1", "width": "16", "activation": "relu",
        "learning_rate": "0.1", "epochs": 3, "errors": [20, 10, 4], "error": 4, "lost": None,
    }  # fmt: skip
    assert (rows[2]["kind"], rows[2]["width"], rows[2]["activation"]) == (
        "stopped",
        "none",
        "none",
    )
    third = rows[3]
    assert (third["kind"], third["epochs"], third["lost"]) == ("diverged", 1, 2)
    assert (third["errors"], third["error"]) == ([40], None)
    assert rows[5]["kind"] == "finished"


def test_the_best_is_drawn_last_and_over_the_others():
    assert [row["trial"] for row in trial_rows(search())] == [3, 4, 2, 5, 1]
    assert trial_rows(search(again=AGAIN))[-1]["trial"] == search(again=AGAIN).best().number


def test_what_waits_or_failed_is_counted_in_the_subtitle():
    found = search([[0.9], None, [0.8, NAN], []], failed=[4], complete=False)
    rows = rows_by_trial(found)
    assert {number: row["kind"] for number, row in rows.items()} == {
        1: "best",
        3: "diverged",
        4: "failed",
    }
    subtitle = " ".join(learning_curves(found).to_dict()["title"]["subtitle"])
    assert re.search("1 trial diverged, 1 trial failed .*, 1 trial ", subtitle)


def test_a_failed_trial_keeps_the_epochs_that_it_had():
    row = rows_by_trial(search([[0.9, 0.8]], failed=[1]))[1]
    assert (row["errors"], row["error"], row["lost"]) == ([10, 20], None, None)


def test_crosses_are_where_trials_diverged():
    found = learning_curves(search([[0.9], [NAN], [NAN], [0.5, NAN]])).to_dict()
    crosses = [it for it in found["datasets"].values() if "diverged" in it[0]]
    assert crosses == [
        [
            {"epoch": 1, "diverged": 2, "trials": "2, 3"},
            {"epoch": 2, "diverged": 1, "trials": "4"},
        ]
    ]


def test_where_parallel_lines_are():
    found = search()
    scale = AccuracyScale(4, 30)
    rows = {it["trial"]: it for it in line_rows(found, trial_rows(found), scale)}
    assert list(rows)[-1] == 1
    depth, width, activation, rate, accuracy = rows[1]["at"]
    assert depth == pytest.approx(0.5, abs=0.03)
    assert (width, rate, accuracy) == (0, pytest.approx(2 / 3, abs=1e-4), 1)
    assert activation == pytest.approx(0, abs=0.03)
    assert rows[2]["at"][1] < -0.05 > rows[2]["at"][2]  # it has no hidden layer
    assert rows[2]["at"][4] == 0
    assert rows[3]["at"][1:4:2] == [1, 1]
    assert rows[3]["at"][4] == -0.1  # it diverged
    assert (rows[1]["accuracy_text"], rows[3]["accuracy_text"]) == ("96.00", "none")


def test_the_text_alternatives_have_the_main_numbers():
    found = search(again=AGAIN, importances=FOUND)
    for kind in ("curves", "parallel", "fields"):
        text = CHARTS[kind](found).to_dict()["description"]
        assert "5 trials" in text
        assert re.search("50 .*96.%", text)
        assert "trial 1: 96.00\u00a0% at epoch 3 of 3" in text
    assert "shuffled" in drawn(importance(found))
    text = importance(found).to_dict()["description"]
    assert "learning_rate 5.00 (2.00 to 8.00), depth -0.10 (-1.00 to 0.80)" in text
    assert "error is 25 % below" in text
    text = replication(found).to_dict()["description"]
    assert "+3.00 ± 12.71 (trial 1), +2.00 (trial 5) points" in text


def test_replication_compares_like_with_like():
    found = search(again=AGAIN)
    rows = replication_rows(found, found.replication)
    told = [(it["name"], it["kind"], it["seed"], it["accuracy"]) for it in rows]
    seed, mean = "another seed", "mean of these, 95 % interval"
    assert told == [
        ("trial 1, 3 epochs", "in the search", "0", 96),
        ("trial 1, 3 epochs", seed, "1", 92),
        ("trial 1, 3 epochs", seed, "2", 94),
        ("trial 1, 3 epochs", mean, "all of these", pytest.approx(93)),
        ("trial 5, 2 epochs", "in the search", "0", 90),
        ("trial 5, 2 epochs", seed, "1", 88),
        ("trial 5, 2 epochs", seed, "2", None),
        ("trial 5, 3 epochs", seed, "1", 93),
        ("trial 5, 3 epochs", seed, "2", None),
    ]
    # Student's t of two seeds: 93 +- 12.706 * sqrt(2) / sqrt(2), cut off at 100 %.
    assert (rows[3]["low"], rows[3]["high"]) == (pytest.approx(80.294, abs=1e-3), 100)


def test_without_importances_or_other_seeds_there_is_no_such_chart():
    with pytest.raises(ConfigError, match=r"made-up.* 5 .* 8"):
        importance(search())
    with pytest.raises(ConfigError, match="other seeds"):
        replication(search())


def test_the_axis_is_as_the_field_is_searched():
    panels = fields(search()).to_dict()["concat"]
    scales = [panel["layer"][0]["encoding"]["x"]["scale"] for panel in panels]
    assert scales[0]["domain"] == ["0", "1", "2"]
    assert (scales[1]["type"], scales[1]["domain"]) == ("log", [16, 512])
    assert scales[2]["domain"] == ["none", "relu", "tanh"]
    [linear] = fields(CASES["one field, one epoch"]).to_dict()["concat"]
    assert linear["layer"][0]["encoding"]["x"]["scale"]["type"] == "linear"


BY_OPTIMIZER = {
    "optimizer": "sgd,adam",
    "learning_rate": "sgd=1e-2:1:log,adam=0.001,0.01",
    "momentum": "0:0.9",
    "batch_size": "sgd=16,32,adam=64",
}
OPTIMIZER_CONFIGS = [
    RunConfig(learning_rate=0.1, momentum=0.45, batch_size=16),
    RunConfig(optimizer="adam", learning_rate=0.01, batch_size=64),
]


def test_a_rate_has_a_panel_for_each_optimizer():
    found = search([[0.9], [0.8]], configs=OPTIMIZER_CONFIGS, space=BY_OPTIMIZER)
    drawn(fields(found))
    specification = fields(found).to_dict()
    points = [panel["layer"][0]["encoding"]["x"] for panel in specification["concat"]]
    titles = [point["axis"]["title"] for point in points]
    assert titles == [
        "optimizer", "learning_rate, optimizer sgd", "learning_rate, optimizer adam",
        "momentum", "batch_size, optimizer sgd", "batch_size, optimizer adam",
    ]  # fmt: skip
    assert points[1]["scale"]["domain"] == [0.01, 1]
    [data] = [it for it in specification["datasets"].values() if "trial" in it[0]]
    values = {
        row["trial"]: [row[f"value_{place}"] for place in range(1, 4)] for row in data
    }
    assert values == {1: [0.1, None, 0.45], 2: [None, "0.01", None]}


def test_parallel_axes_have_the_values_of_all_optimizers():
    found = search([[0.9], [0.8]], configs=OPTIMIZER_CONFIGS, space=BY_OPTIMIZER)
    drawn(parallel_coordinates(found))
    rows = line_rows(found, trial_rows(found), AccuracyScale(4, 30))
    at = {row["trial"]: row["at"] for row in rows}
    assert (at[1][1], at[2][1]) == (
        pytest.approx(2 / 3, abs=1e-4),
        pytest.approx(1 / 3, abs=1e-4),
    )
    assert at[1][2] == 0.5
    assert at[2][2] < -0.05  # adam has no momentum
    texts = rows_by_trial(found)
    assert (texts[1]["momentum"], texts[2]["momentum"]) == ("0.45", "none")


def test_widths_of_several_layers_are_texts():
    space = {"width": [32, (300, 100)]}
    configs = [RunConfig(width=(300, 100)), RunConfig(width=32)]
    found = search([[0.9], [0.8]], configs=configs, space=space)
    assert rows_by_trial(found)[1]["width"] == "300x100"
    assert "300x100" in drawn(parallel_coordinates(found))
    assert "300x100" in drawn(fields(found))


@pytest.mark.parametrize("chart", [learning_curves, parallel_coordinates, fields])
def test_where_there_is_no_best_none_is_told_of(chart):
    subtitle = " ".join(chart(CASES["all diverged"]).to_dict()["title"]["subtitle"])
    assert "5 trials diverged" in subtitle
    assert re.search("diverged or failed", subtitle)
    assert "It is" not in subtitle


def test_trials_of_equal_length_need_no_warning():
    equal = search([[0.9] * 3, [0.8] * 3])
    assert "Thin lines" not in " ".join(
        parallel_coordinates(equal).to_dict()["title"]["subtitle"]
    ).replace("thickest", "")
    [*lines] = parallel_coordinates(search()).to_dict()["title"]["subtitle"]
    assert "Thin lines: fewer epochs." in " ".join(lines)


@pytest.mark.parametrize(
    ("domain", "ticks"),
    [
        (Range(1e-3, 1.0, "log"), [0.001, 0.01, 0.1, 1]),
        (Range(16, 512, "log"), [20, 50, 100, 200, 500]),
        (Range(0.11, 0.12, "log"), [0.11, 0.12]),
        (Range(1e-9, 1e3, "log"), [1e-9, 1e-6, 1e-3, 1, 1e3]),
        (Range(0, 3), [0, 1, 2, 3]),
        (Range(0.0, 0.95), [0, 0.2, 0.4, 0.6, 0.8]),
        (Range(1000, 60000), [10000, 20000, 30000, 40000, 50000, 60000]),
    ],
    ids=str,
)
def test_the_ticks_of_a_range(domain, ticks):
    assert range_ticks(domain) == pytest.approx(ticks)


def test_jitter_is_even_and_the_same_each_time():
    shifts = sorted(map(jitter, range(1, 101)))
    gaps = [b - a for a, b in pairwise(shifts)]
    assert -0.5 <= shifts[0] < shifts[-1] <= 0.5
    assert max(gaps) < 0.02
