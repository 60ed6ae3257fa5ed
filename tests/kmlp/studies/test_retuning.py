"""Fields that are tuned anew for each value, with made-up accuracies."""

import json
import math
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from helpers.scored import ScoredExecutor
from helpers.stores import seal_all

from kmlp import (
    ConfigError,
    RunConfig,
    ablate,
    compare,
    delete_study,
    list_runs,
    list_studies,
    load_study,
)
from kmlp.charts.style import to_specification
from kmlp.errors import StoreError
from kmlp.model.domains import Range
from kmlp.studies._retuning import (
    FIRST_SEED,
    Retuning,
    most_work,
    read_retuning,
    rungs,
    settings_to_try,
    widened,
)
from kmlp.studies.ablation_plan import plan
from kmlp.studies.kinds import summarize
from kmlp.studies.plans import plan_rows

pytestmark = pytest.mark.once

BASE = RunConfig(train_size=1000, depth=1)
BEST_RATE = {8: 0.01, 64: 0.1, 512: 1.0}
"""The best learning rate of each batch size: at 0.1, only that of 64 is right."""
TOP = {8: 0.97, 64: 0.95, 512: 0.93}


def accuracy(config):
    """The larger the distance of the rate from the best one, the lower the accuracy.

    Beyond thirty times the best one, a run diverges.
    """
    distance = math.log10(config.learning_rate / BEST_RATE[config.batch_size])
    if distance > 1.5:
        return math.nan
    seeds = 1000 * config.batch_size + config.seed
    spread = np.random.default_rng(seeds).normal(0, 0.0005)
    return TOP[config.batch_size] - 0.04 * min(abs(distance), 2) + spread


def retuned(folder, values=(8, 64, 512), *, score=accuracy, most=10**6, **options):
    executor = ScoredExecutor(score, most=most)
    study = ablate(
        "batch_size", list(values), base=BASE, runs_dir=folder, executor=executor,
        **{"seeds": 5, "epochs": 9, "retune": "learning_rate", **options},
    )  # fmt: skip
    return study, executor


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a study, its executor and its folder, which tests only read."""
    folder = tmp_path_factory.mktemp("runs")
    return *retuned(folder), folder


SMALL = {"values": (8, 64), "seeds": 2, "epochs": 3, "retune_trials": 4}


def rates(study):
    return [level.runs[0].config.learning_rate for level in study.levels]


def test_the_retuned_answer_reverses_the_fixed_one(whole):
    """At one rate, the batch size that the rate suits looks best."""
    study, executor, _ = whole
    fixed = study.fixed
    assert (fixed.best().value, study.best().value) == (64, 8)
    for answer in (fixed, study):
        assert len(answer.levels_with("worse")) == 2
        assert [run.config.seed for run in answer.levels[0].runs] == [0, 1, 2, 3, 4]
    assert set(rates(fixed)) == {0.1}
    for rate, best in zip(rates(study), BEST_RATE.values(), strict=True):
        assert abs(math.log10(rate / best)) < 0.4
    assert fixed.conclusion.text.startswith(
        "At learning_rate=0.1 (not retuned), batch_size=64 "
    )
    assert study.conclusion.text.startswith(
        "With learning_rate retuned for each value, batch_size=8 is better than "
    )
    retuned_answer, without = study.answer
    assert retuned_answer == study.conclusion.text
    assert without == f"Without retuning: {fixed.conclusion.finding}"
    assert compare(fixed, study).differing == {"retuned": ("nothing", "learning_rate")}
    tuning_seeds = {run.config.seed for tuning in study.tunings for run in tuning.runs}
    assert tuning_seeds == {FIRST_SEED, FIRST_SEED + 1}
    assert len({config.seed for config in executor.trained} - tuning_seeds) == 5


def test_both_answers_stand_side_by_side(whole):
    study, _, _ = whole
    result, both = study.tables()
    assert "learning_rate" in [column.header for column in result.columns]
    headers = [column.header for column in both.columns]
    assert headers == [
        "batch_size", "fixed learning_rate", "fixed accuracy %", "fixed verdict",
        "retuned learning_rate", "retuned accuracy %", "retuned verdict",
        "tuning runs diverged",
    ]  # fmt: skip
    verdicts = [(row.cells[3], row.cells[6]) for row in both.rows]
    assert verdicts == [("worse", "best"), ("best", "worse"), ("worse", "worse")]
    diverged = [tuning.diverged for tuning in study.tunings]
    assert diverged[0] > 0 == diverged[2]
    assert both.rows[0].cells[-1] == f"{diverged[0]} of {len(study.tunings[0].runs)}"
    assert [text.split(":")[0] for text in both.sentences] == ["Fixed", "Retuned"]


def test_a_study_is_stored_extended_and_shown_as_it_was(tmp_path):
    study, executor = retuned(tmp_path, **SMALL)
    stored = load_study(study.name, tmp_path)
    assert stored.to_dict() == study.to_dict()
    assert (stored.asked, stored.missing) == (
        len(set(executor.trained)), 0
    )  # fmt: skip
    json.dumps(study.to_dict(), allow_nan=False)
    again, nothing = retuned(tmp_path, **SMALL)
    assert (again.to_dict(), nothing.trained) == (study.to_dict(), [])
    more, added = retuned(tmp_path, **{**SMALL, "seeds": 3})
    assert more.name == study.name
    # The chosen setting of 64 is its own one.
    assert len(added.trained) == 3 and {config.seed for config in added.trained} == {2}
    assert [tuning.chosen.fields for tuning in more.tunings] == [
        tuning.chosen.fields for tuning in study.tunings
    ]
    assert "seeds added after a look" in {it.problem for it in more.conclusion.caveats}
    fewer, added = retuned(tmp_path, **{**SMALL, "values": [64]})
    assert (fewer.name, added.trained) == (study.name, [])


def test_a_list_of_studies_names_what_is_retuned_and_the_best_run_of_the_study(whole):
    study, _, folder = whole
    [summary] = list_studies(folder)
    assert "learning_rate retuned" in summarize(summary.record)
    runs = (*study.runs, *study.fixed.runs)
    assert summary.best_val_accuracy == max(run.val_accuracy for run in runs)


def test_other_ranges_numbers_of_settings_and_seeds_are_other_studies(tmp_path):
    names = {
        retuned(tmp_path, [64], epochs=1, seeds=1, **{"retune_trials": 2, **options})[
            0
        ].name
        for options in (
            {},
            {"retune": "learning_rate=0.01:1:log"},
            {"retune_trials": 3},
            {"at": "last"},
            {"retune": None, "retune_trials": 12},
        )
    }
    assert len(names) == 5


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return retuned(tmp_path_factory.mktemp("runs"), **SMALL)


@pytest.mark.parametrize("part", [0.05, 0.3, 0.5, 0.7, 0.9])
def test_an_interrupted_study_goes_on_where_it_stopped(tmp_path, small, part):
    expected, executor = small
    most = round(part * len(executor.trained))
    with pytest.raises(KeyboardInterrupt):
        retuned(tmp_path, most=most, **SMALL)
    study, rest = retuned(tmp_path, **SMALL)
    assert study.to_dict()["levels"] == expected.to_dict()["levels"]
    assert study.to_dict()["retuned"] == expected.to_dict()["retuned"]
    assert len(rest.trained) == len(executor.trained) - most


def test_what_was_trained_before_the_tuning_is_finished_is_shown_as_fixed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        retuned(tmp_path, most=9, **SMALL)
    [summary] = list_studies(tmp_path)
    study = load_study(summary.name, tmp_path)
    assert study.tunings == () and study.missing
    assert "(not retuned)" in study.conclusion.text


def test_a_study_with_tuning_runs_alone_has_nothing_to_show_yet(tmp_path):
    def order(config):
        """The fixed runs are the last to finish: the others are returned first."""
        if config.seed < FIRST_SEED:
            raise KeyboardInterrupt
        return accuracy(config)

    executor = ScoredExecutor(order, size=30)
    with pytest.raises(KeyboardInterrupt):
        ablate("batch_size", [8, 64], base=BASE, seeds=2, epochs=3, retune="learning_rate",
               runs_dir=tmp_path, executor=executor)  # fmt: skip
    assert executor.trained
    [summary] = list_studies(tmp_path)
    with pytest.raises(StoreError, match="is finished yet"):
        load_study(summary.name, tmp_path)


def test_the_epochs_of_the_tuning_are_those_of_its_rungs(whole):
    study, _, _ = whole
    for tuning in study.tunings:
        if tuning.widened:
            continue
        epochs = sorted(setting.epochs for setting in tuning.settings)
        assert epochs == [1] * 8 + [3] * 2 + [9] * 2
        assert tuning.chosen.epochs == 9
        assert len(tuning.chosen.runs) == 2
        assert tuning.complete


def test_a_range_is_widened_once_at_the_edge_where_the_best_setting_is(tmp_path):
    narrow = {"learning_rate": Range(0.02, 0.2, "log")}
    study, _ = retuned(tmp_path, retune=narrow, seeds=2, epochs=3)
    low, middle, high = study.tunings
    assert [it.widened for it in study.tunings] == [
        ("learning_rate",),
        (),
        ("learning_rate",),
    ]
    assert low.ranges["learning_rate"].low == pytest.approx(0.00632, rel=0.01)
    assert low.ranges["learning_rate"].high == 0.2
    assert high.ranges["learning_rate"].high == pytest.approx(0.632, rel=0.01)
    assert len(low.settings) == 18 and len(middle.settings) == 12
    assert (low.at_edge, high.at_edge) == ({}, {"learning_rate": True})
    assert abs(math.log10(low.chosen.fields["learning_rate"] / 0.01)) < 0.2
    [caveat] = [it for it in study.conclusion.caveats if it.problem == "retuned to an edge"]
    assert [level.value for level, _ in caveat.levels] == [512]
    assert "batch_size=512 has its learning_rate at the edge" in study.conclusion.text
    row = study.tables()[1].rows[2].cells
    assert row[4].endswith(", edge")
    assert (
        "widened for 8 (learning_rate) and 512 (learning_rate)"
        in study.tables()[1].notes[0]
    )


def test_a_value_whose_tuning_runs_all_diverge_is_left_out_and_shown(tmp_path):
    def score(config):
        return math.nan if config.batch_size == 8 else accuracy(config)

    study, _ = retuned(tmp_path, [8, 64], score=score, seeds=2, epochs=1)
    assert [level.value for level in study.levels] == [64]
    lost = study.tunings[0]
    assert (lost.chosen, lost.widened) == (None, ("learning_rate",))
    assert lost.diverged == len(lost.runs) == 36
    row = study.tables()[1].rows[0].cells
    assert row[4:7] == ("-", "-", "-") and row[-1] == "36 of 36"
    assert study.to_dict()["retuned"]["levels"][0]["chosen"] is None
    assert load_study(study.name, tmp_path).to_dict() == study.to_dict()

    assert "batch_size=8 is left out: every tuning run diverged or failed" in (
        study.conclusion.text
    )
    shown = study.viewed(baseline=8)  # the fixed answer has it
    assert (shown.baseline, shown.fixed.baseline.value) == (None, 8)


def test_a_study_whose_tuning_runs_are_all_lost_says_so(tmp_path):
    study, _ = retuned(tmp_path, [8, 64], score=only_fixed, seeds=2, epochs=1)
    assert (study.tunings, study.retuned) == ((), ())
    assert "so that nothing is retuned" in study.limits[-1]
    assert load_study(study.name, tmp_path).limits == study.limits


def only_fixed(config):
    return math.nan if config.seed >= FIRST_SEED else accuracy(config)


@pytest.mark.parametrize("trials", [2, 3])
def test_few_settings_are_trained_to_the_end(tmp_path, trials):
    study, _ = retuned(tmp_path, [8], seeds=2, retune_trials=trials)
    assert study.tunings[0].chosen.epochs == 9
    assert study.retuned == ("learning_rate",)


@pytest.mark.parametrize(
    "given",
    ["momentum", "momentum=0.99:0.999", "dropout=0.1:0.101", "momentum=0.9:0.9999"],
)
def test_a_range_of_few_numbers_has_fewer_settings(tmp_path, given):
    study, _ = retuned(
        tmp_path, [8, 64], retune=given, seeds=1, epochs=1,
        score=lambda config: 0.8 + 0.1 * config.momentum + 0.1 * config.dropout,
    )  # fmt: skip
    for tuning in study.tunings:
        fields = [tuple(setting.fields.values()) for setting in tuning.settings]
        assert len(set(fields)) == len(fields)
        assert all(number < 1 for [number] in fields)


def test_settings_stay_in_their_range_and_below_1():
    ranges = {"beta_2": Range(0.99, 0.9999), "learning_rate": Range(1e-4, 1e-2, "log")}
    for setting in settings_to_try(ranges, 50, seed=0):
        assert all(
            ranges[it].low <= number <= ranges[it].high for it, number in setting.items()
        )
    whole = settings_to_try({"batch_size": Range(1, 4)}, 12, seed=0)
    assert sorted(it["batch_size"] for it in whole) == [1, 2, 3, 4]


def test_a_field_that_is_off_is_one_of_the_settings(tmp_path):
    study, _ = retuned(
        tmp_path, [8, 64], retune="clipnorm=0.1:10:log", seeds=2, epochs=1,
        score=lambda config: 0.9 - 0.1 * (config.clipnorm is not None),
    )  # fmt: skip
    assert [tuning.chosen.fields for tuning in study.tunings] == [{"clipnorm": None}] * 2
    assert study.tables()[1].rows[0].cells[4] == "none"
    json.dumps(study.to_dict(), allow_nan=False)
    to_specification(study.plot("tuning"))


def test_values_of_several_numbers_are_shown_again(tmp_path):
    study = ablate(
        "width", [(32, 16), 64], base=RunConfig(train_size=1000), seeds=2, epochs=1,
        retune="learning_rate=0.1:1:log", retune_trials=3, runs_dir=tmp_path,
        executor=ScoredExecutor(lambda config: 0.9 - 0.1 * config.learning_rate),
    )  # fmt: skip
    stored = load_study(study.name, tmp_path)
    assert stored.conclusion.text == study.conclusion.text
    assert [row.cells for row in stored.tables()[1].rows] == [
        row.cells for row in study.tables()[1].rows
    ]


def test_the_order_of_the_fields_does_not_matter(tmp_path):
    options = {"seeds": 1, "epochs": 1, "retune_trials": 3}
    one, _ = retuned(tmp_path, [8, 64], retune="momentum,learning_rate", **options)
    other, again = retuned(tmp_path, [8, 64], retune="learning_rate,momentum", **options)
    assert (one.name, again.trained) == (other.name, [])


def test_an_own_number_outside_of_the_range_is_where_it_goes_on(tmp_path):
    study, _ = retuned(
        tmp_path, [512], retune="learning_rate=1e-4:1e-2:log", seeds=1, epochs=1
    )
    [tuning] = study.tunings
    assert tuning.widened == ("learning_rate",)
    assert tuning.ranges["learning_rate"].high > 1
    assert tuning.chosen.fields["learning_rate"] > 0.1


def test_what_is_not_retuned_is_said_beside_what_is(tmp_path):
    study, _ = retuned(tmp_path, [8, 64], retune="momentum=0:0.9", seeds=3, epochs=1)
    assert study.conclusion.text.startswith(
        "At learning_rate=0.1 (not retuned) and with momentum retuned for each value, "
    )


def test_every_optimizer_has_a_range_of_its_own(tmp_path):
    study = ablate(
        "optimizer", ["sgd", "adam"], base=BASE, seeds=2, epochs=1, retune="learning_rate",
        retune_trials=3, runs_dir=tmp_path, executor=ScoredExecutor(lambda config: 0.9),
    )  # fmt: skip
    sgd, adam = (tuning.ranges["learning_rate"] for tuning in study.tunings)
    assert (sgd.low, sgd.high) == (1e-3, 1.0) and (adam.low, adam.high) == (1e-4, 1e-1)
    assert study.tunings[1].settings[0].fields == {"learning_rate": 0.001}


def test_the_more_general_optimizer_that_loses_is_said_to_be_under_tuned(tmp_path):
    scores = {"sgd": 0.95, "adam": 0.9, "adagrad": 0.9}

    def score(config):
        spread = np.random.default_rng([config.seed, len(config.optimizer)])
        return scores[config.optimizer] + 0.001 * spread.random()

    study = ablate(
        "optimizer", list(scores), base=BASE, seeds=3, epochs=1, runs_dir=tmp_path,
        executor=ScoredExecutor(score),
    )  # fmt: skip
    [caveat] = [it for it in study.conclusion.caveats if it.problem == "under-tuned"]
    assert [level.value for level, _ in caveat.levels] == ["adam"]
    assert "optimizer=adam loses to an optimizer that is a special case" in (
        study.conclusion.text
    )


def test_several_fields_are_tuned_at_once(tmp_path):
    study, _ = retuned(
        tmp_path,
        [8, 64],
        retune={"learning_rate": None, "momentum": "0:0.9"},
        epochs=1,
        seeds=2,
    )
    assert study.retuned == ("learning_rate", "momentum")
    assert all(set(it.chosen.fields) == set(study.retuned) for it in study.tunings)
    assert "With learning_rate and momentum retuned" in study.conclusion.text
    headers = [column.header for column in study.tables()[1].columns]
    assert "retuned momentum" in headers
    assert len(to_specification(study.plot("tuning"))["hconcat"]) == 2


def test_folds_are_tuned_on_all_folds_of_other_seeds(tmp_path):
    study = ablate(
        "batch_size", [8, 64], base=RunConfig(dataset="wine", folds=3), seeds=2, epochs=1,
        retune="learning_rate", retune_trials=2, runs_dir=tmp_path,
        executor=ScoredExecutor(accuracy),
    )  # fmt: skip
    seeds = {run.config.seed for tuning in study.tunings for run in tuning.runs}
    assert seeds == set(range(3 * FIRST_SEED, 3 * FIRST_SEED + 6))


def test_the_chart_has_a_line_for_each_value(whole):
    study, _, _ = whole
    [panel] = to_specification(study.plot("tuning"))["hconcat"]
    marks = [layer["mark"]["type"] for layer in panel["layer"]]
    assert marks == ["line", "point", "point", "point", "point"]
    assert panel["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"
    with pytest.raises(ConfigError, match="No field of this ablation was retuned"):
        study.fixed.plot("tuning")


def test_rows_have_the_part_of_every_run(whole):
    study, _, _ = whole
    parts = [run.part for run in study.study_runs().runs]
    assert parts.count("retuned") == parts.count("fixed") == 15
    assert parts.count("tuning") == sum(len(it.runs) for it in study.tunings)
    assert study.study_runs().varied == ("batch_size", "learning_rate")


def test_a_retuned_study_is_viewed_in_both_answers(whole):
    study, _, _ = whole
    shown = study.viewed(at="last", baseline=64, margin=0.01)
    assert (shown.at, shown.fixed.at) == ("last", "last")
    assert shown.fixed.baseline.value == shown.baseline.value == 64


def test_the_runs_of_a_deleted_study_go_with_it(tmp_path):
    study, _ = retuned(tmp_path, **{**SMALL, "epochs": 1})
    assert list_runs(tmp_path)
    delete_study(study.name, tmp_path)
    assert list_runs(tmp_path) == []


def test_the_plan_has_the_most_runs_and_epochs(whole):
    _, _, folder = whole
    rows = plan_rows(
        "batch_size",
        plan("batch_size", [8, 64, 512], base=BASE, epochs=9),
        read_retuning("learning_rate", param="batch_size"),
    )
    runs, epochs = most_work(9, 12)
    assert rows[0]["runs"] == 2 * 5 + runs
    assert rows[0]["epochs"] == 2 * 5 * 9 + epochs
    trained = sum(run.epochs for run in list_runs(folder))
    assert trained <= sum(row["epochs"] for row in rows)


@pytest.mark.parametrize(
    ("epochs", "trials", "expected"),
    [
        (10, 12, [(2, 12), (4, 4), (10, 2)]),
        (9, 9, [(1, 9), (3, 3), (9, 2)]),
        (2, 12, [(1, 12), (2, 4)]),
        (1, 12, [(1, 12)]),
        (10, 2, [(2, 2), (4, 2), (10, 2)]),
    ],
)
def test_the_rungs(epochs, trials, expected):
    assert rungs(epochs, trials) == expected


def test_settings_are_spread_over_the_range_and_the_same_for_the_same_seed():
    ranges = {"learning_rate": Range(1e-3, 1.0, "log"), "momentum": Range(0.0, 0.9)}
    drawn = settings_to_try(ranges, 40, seed=0)
    assert (
        drawn == settings_to_try(ranges, 40, seed=0) != settings_to_try(ranges, 40, seed=1)
    )
    below = sum(it["learning_rate"] < 10**-1.5 for it in drawn)
    assert 18 <= below <= 22
    outside = settings_to_try(
        {"learning_rate": Range(1e-3, 10.0, "log")}, 9, seed=0,
        but={"learning_rate": Range(1e-3, 1.0, "log")},
    )  # fmt: skip
    assert all(1 < it["learning_rate"] <= 10 for it in outside)
    whole = settings_to_try({"batch_size": Range(8, 64, "log")}, 5, seed=0)
    assert all(type(it["batch_size"]) is int for it in whole)


@pytest.mark.parametrize(
    ("name", "given", "larger", "expected"),
    [
        ("learning_rate", Range(0.01, 1.0, "log"), True, (0.01, 10.0)),
        ("learning_rate", Range(0.01, 1.0, "log"), False, (0.001, 1.0)),
        ("momentum", Range(0.0, 0.9), True, (0.0, 0.95)),
        ("momentum", Range(0.0, 0.9), False, (0.0, 0.9)),
        ("dropout", Range(0.2, 0.4), False, (0.1, 0.4)),
        ("batch_size", Range(8, 32, "log"), True, (8, 32)),
    ],
)
def test_a_range_goes_on_by_half_of_its_length(name, given, larger, expected):
    wider = widened(name, given, larger=larger)
    assert (wider.low, wider.high) == pytest.approx(expected)


@pytest.mark.parametrize(
    "given",
    [
        "learning_rate=1e-3:3:log,momentum",
        {"learning_rate": Range(1e-3, 3.0, "log"), "momentum": None},
        {"learning_rate": "1e-3:3:log", "momentum": None},
        {"learning_rate": {"low": 1e-3, "high": 3, "sampling": "log"}, "momentum": None},
    ],
)
def test_the_ways_to_name_the_fields(given):
    retuning = read_retuning(given, param="width")
    assert retuning.fields == {"learning_rate": Range(1e-3, 3.0, "log"), "momentum": None}
    assert Retuning.restored(json.loads(json.dumps(retuning.to_dict()))) == retuning
    assert read_retuning(["momentum"], param="width").fields == {"momentum": None}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"retune": "learning_rat"}, "learning_rate"),
        ({"retune": "width"}, "field to retune"),
        ({"retune": "train_size=10:20"}, "field to retune"),
        ({"retune": "batch_size=1:9"}, "is the parameter that varies"),
        ({"retune": "learning_rate,learning_rate"}, "given 2 times"),
        ({"retune": "learning_rate=0.1"}, "in a range"),
        ({"retune": "learning_rate=1:0.1"}, "low < high"),
        ({"retune": "learning_rate=0:1:log"}, "low > 0|0 < learning_rate"),
        ({"retune": "gaussian_noise"}, "no default range"),
        ({"retune": "momentum=0:1"}, "momentum"),
        ({"retune": ""}, "field to retune"),
        ({"retune": []}, "no field"),
        ({"retune_trials": 1}, "retune_trials"),
        ({"retune": "seed=0:10"}, "field to retune"),
        ({"retune": None, "retune_trials": 6}, "without `retune` nothing is tuned"),
        ({"seeds": "auto"}, "looks are corrected for one comparison"),
        ({"seeds": [FIRST_SEED]}, "one of those on which fields are retuned"),
        (
            {"values": [1], "retune": "batch_size=1:3", "param": "epochs"},
            "read from the same",
        ),
    ],
)
def test_what_cannot_be_retuned_is_refused_before_anything_is_trained(
    tmp_path, options, said
):
    given = {
        "param": "batch_size", "values": [8, 64], "retune": "learning_rate", **options
    }  # fmt: skip
    executor = ScoredExecutor(accuracy)
    with pytest.raises(ConfigError, match=said):
        ablate(given.pop("param"), given.pop("values"), base=BASE, runs_dir=tmp_path,
               executor=executor, **given)  # fmt: skip
    assert executor.trained == [] and not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("part", "key", "damage"),
    [
        ("identity", "retune", 3),
        ("identity", "retune", {}),
        ("retune", "fields", {}),
        ("retune", "fields", {"learning_rat": None}),
        ("retune", "fields", {"learning_rate": [1.0, 0.1, "log"]}),
        ("retune", "fields", {"learning_rate": [0.0, 0.1, "log"]}),
        ("retune", "fields", {"learning_rate": [0.1, 1.0, "cubic"]}),
        ("retune", "fields", {"learning_rate": [0.1, 1.0]}),
        ("retune", "trials", 0),
        ("retune", "seed", -1),
        ("retune", "at", "first"),
        ("retune", "metric", "beauty"),
        ("progress", "levels", 0),
        ("progress", "levels", 1),
        ("progress", "levels", 99),
        ("progress", "levels", None),
        ("progress", "configs", [{}]),
        ("progress", "configs", None),
        ("progress", "epochs", [1]),
        ("progress", "chance_limits", [0.1]),
    ],
)
def test_a_damaged_retuning_is_named(tmp_path, part, key, damage):
    study, _ = retuned(tmp_path, [64, 8], epochs=1, seeds=1, retune_trials=2)
    with closing(sqlite3.connect(tmp_path / "kmlp.sqlite")) as connection, connection:
        [[text]] = connection.execute("SELECT spec FROM studies").fetchall()
        spec = json.loads(text)
        owner = spec["identity"]["retune"] if part == "retune" else spec[part]
        owner[key] = damage
        connection.execute("UPDATE studies SET spec = ?", (json.dumps(spec),))
        seal_all(connection)
    with pytest.raises(StoreError, match="is damaged: its"):
        load_study(study.name, tmp_path)
