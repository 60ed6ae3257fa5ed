import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from made_up import made_up_record

from kmlp import ConfigError, RunConfig, ablate, register_activation, register_loss
from kmlp.ablation import Ablation, ValueResult, load_ablation, plan
from kmlp.config import config_fields
from kmlp.evidence import conclusion
from kmlp.export import ablation_rows, ablation_to_dict
from kmlp.run import Run
from kmlp.store import Store
from kmlp.store.studies import get_study

BASE = RunConfig(train_size=1000, width=16, depth=1)


def made_up(accuracies, *, seeds=None, axis="width", base=BASE):
    """An ablation whose runs' validation accuracies are given: value -> one a seed.

    nan stands for a diverged run.
    """
    first = next(iter(accuracies.values()))
    seeds = seeds or tuple(range(len(first)))
    values = []
    for value, column in accuracies.items():
        runs = []
        for seed, accuracy in zip(seeds, column, strict=True):
            run = Run(
                fused=True,
                config=RunConfig(width=value, seed=seed),
                backend="none",
                parameters=10,
                history=(made_up_record(1, accuracy),),
            )
            runs.append(run)
        values.append(
            ValueResult(value=value, parameters=10, runs=tuple(runs), chance_limit=0.115)
        )
    return Ablation(
        name="made-up",
        axis=axis,
        base=base,
        epochs=1,
        seeds=seeds,
        backend="none",
        fused=True,
        values=tuple(values),
    )


CLEAR = {1: [0.90, 0.901, 0.902], 2: [0.95, 0.951, 0.9521], 3: [0.97, 0.971, 0.9719]}
CLOSE = {1: [0.90, 0.95, 0.92], 2: [0.91, 0.93, 0.94]}
PARTLY = {1: [0.80, 0.801, 0.8021], 2: [0.90, 0.93, 0.95], 3: [0.95, 0.951, 0.952]}


def test_trains_every_value_with_the_same_seeds():
    study = ablate("depth", [0, 1], base=BASE, seeds=2, epochs=2, jobs=1)
    assert (study.axis, study.seeds, study.epochs) == ("depth", (0, 1), 2)
    assert [value.value for value in study.values] == [0, 1]
    for value in study.values:
        assert [run.config.seed for run in value.runs] == [0, 1]
        assert {run.epochs for run in value.runs} == {2}
        assert {run.config.depth for run in value.runs} == {value.value}
        assert value.val_accuracy.size == 2
    json.dumps(ablation_to_dict(study), allow_nan=False)


def test_a_width_for_every_layer_is_trained_and_read_back(tmp_path):
    base = replace(BASE, depth=2)
    study = ablate(
        "width", [8, (9, 7)], base=base, seeds=1, epochs=1, jobs=1, runs_dir=tmp_path,
        name="w",
    )  # fmt: skip
    assert [value.value for value in study.values] == [8, (9, 7)]
    assert study.values[1].parameters == 7_215  # 784-9-7-10
    assert [run.config for run in study.runs] == [
        replace(base, width=width) for width in (8, (9, 7))
    ]
    exported = ablation_to_dict(study)
    assert json.loads(json.dumps(exported)) == exported
    assert exported["values"][1]["value"] == [9, 7]
    with Store(tmp_path) as store:
        shown = load_ablation(store, get_study(store, "w"))
        assert ablation_to_dict(shown) == exported


def test_the_depth_may_be_the_axis_where_the_width_states_it(tmp_path):
    """The base that is kept has no depth of its own then."""
    base = replace(BASE, width=(9, 7), depth=2)
    ablate("depth", [2], base=base, seeds=1, epochs=1, jobs=1, runs_dir=tmp_path, name="d")
    with Store(tmp_path) as store:
        assert load_ablation(store, get_study(store, "d")).base == base


def test_a_repeat_is_the_same_but_for_the_time():
    one, other = (
        ablation_to_dict(ablate("depth", [0], base=BASE, seeds=[7], epochs=1, jobs=1))
        for _ in range(2)
    )
    assert without_seconds(one) == without_seconds(other)


def without_seconds(item):
    if isinstance(item, dict):
        return {
            k: without_seconds(v) for k, v in item.items() if not k.startswith("seconds")
        }
    return [without_seconds(it) for it in item] if isinstance(item, list) else item


def test_seeds_as_a_number_count_from_the_base_s():
    rows = plan("width", [8, 9], base=RunConfig(seed=5), seeds=3)
    assert [[config.seed for config in row] for row in rows] == [[5, 6, 7]] * 2


@pytest.mark.parametrize(
    ("axis", "values", "change", "message"),
    [
        ("widht", [32], {}, 'did you mean "width"'),
        ("seed", [1, 2], {}, "The seed is not an axis"),
        ("width", [], {}, "The values of `width` are [], but must be a list"),
        ("width", 32, {}, "The values of `width` are 32, but must be a list"),
        ("width", "32", {}, "The values of `width` are '32', but must be a list"),
        ("width", [32], {"seeds": 2.0}, "`seeds` is 2.0, but must be an integer"),
        ("width", [32], {"epochs": 1.5}, "`epochs` is 1.5, but must be an integer"),
        ("width", [0], {}, "`width` is 0"),
        ("width", [32, 32], {}, "The value 32 of `width` is given 2 times"),
        ("width", [32, (32, 32)], {}, "The value 32 of `width` is given 2 times"),
        ("width", [32, (9, 8, 7)], {}, "(9, 8, 7), for 3 hidden layers, but `depth` is 2"),
        ("width", [(9, 8), 0, ()], {}, "`width` is (), but must be"),
        (
            "depth",
            [2, 3],
            {"base": RunConfig(width=(9, 8))},
            "(9, 8), for 2 hidden layers, but `depth` is 3. Give a `depth` of 2, or one",
        ),
        ("depth", [1, None], {}, "`depth` is None, but must be an integer"),
        ("momentum", [0, 0.0], {}, "The value 0.0 of `momentum` is given 2 times"),
        ("width", ["32"], {}, "must be an integer"),
        (
            "width",
            [32],
            {"seeds": 0},
            "`seeds` is 0, but must be an integer, `1 <= seeds <= 10000`",
        ),
        ("width", [32], {"seeds": True}, "`seeds` is True"),
        ("width", [32], {"seeds": 10**9}, "`seeds` is 1000000000"),
        (
            "width",
            [32, 64],
            {"base": RunConfig(depth=0)},
            "`width` does nothing where `depth`",
        ),
        ("width", [32], {"seeds": []}, "at least one"),
        ("width", [32], {"seeds": [1, 1]}, "none twice"),
        ("width", [32], {"seeds": [-1]}, "`seed >= 0`"),
        ("width", [32], {"epochs": 0}, "`1 <= epochs <= 1000000`"),
        ("batch_size", [32, 60_000], {}, "at most the 50000 training images"),
        ("nesterov", [False, True], {}, "does nothing"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_training(axis, values, change, message):
    events = []
    with pytest.raises(ConfigError) as caught:
        ablate(axis, values, observer=events.append, **change)
    assert message in str(caught.value)
    assert events == []


def test_problems_of_all_values_come_at_once():
    with pytest.raises(ConfigError) as caught:
        ablate("width", [0, -1, "x"], seeds=0, epochs=0, jobs=1)
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize(
    ("axis", "values", "seeds"),
    [
        ("learning_rate", np.logspace(-3, -1, 3), np.int64(2)),
        ("width", range(8, 10), np.array([3, 4])),
        ("width", (width for width in (8, 9)), (3, 4)),
    ],
)
def test_numpy_and_iterators_are_taken_as_they_are(axis, values, seeds):
    rows = plan(axis, values, base=BASE, seeds=seeds)
    assert {len(row) for row in rows} == {2}
    assert {type(config.seed) for row in rows for config in row} == {int}


def lopsided(x):
    return x[:, :1]


def numpy_only(x):
    return np.tanh(np.asarray(x))


def broken(y_true, y_pred):
    raise RuntimeError("no idea")


@pytest.mark.parametrize(
    ("axis", "name", "message"),
    [
        (
            "activation",
            "math:sin",
            'The activation "math:sin" fails on two examples with .*Error: ',
        ),
        ("activation", "lopsided", r"gives shape \(2, 1\), but must give \(2, 4\)"),
        ("activation", "numpy_only", 'activation "numpy_only".* fails on two examples'),
        ("output", "lopsided", r'The output "lopsided" gives shape \(2, 1\)'),
        (
            "loss",
            "broken",
            'The loss "broken" fails on two examples with RuntimeError: no idea',
        ),
    ],
)
def test_own_functions_are_tried_before_training(axis, name, message):
    register_activation("lopsided", lopsided)
    register_activation("numpy_only", numpy_only)
    register_loss("broken", broken)
    events = []
    base = replace(BASE, loss="mse")  # which works on any output
    with pytest.raises(ConfigError, match=message):
        ablate(axis, [getattr(base, axis), name], base=base, observer=events.append)
    assert events == []


def test_best_has_the_highest_mean():
    study = made_up(CLEAR)
    assert study.best().value == 3
    assert study.difference(study.best()) is None
    difference = study.difference(study.values[0])
    assert math.isclose(difference.mean, -0.07, abs_tol=1e-4)


def test_differences_are_paired_by_seed():
    """Seeds vary by 5 points, but every seed sees the same difference."""
    study = made_up({1: [0.80, 0.85, 0.9001], 2: [0.81, 0.86, 0.91]})
    assert study.worse(study.values[0])


def test_a_value_with_a_diverged_run_ranks_behind_all_without():
    study = made_up({1: [0.99, math.nan, 0.99], 2: [0.5, 0.5, 0.51]})
    assert study.best().value == 2
    first = study.values[0]
    assert (first.diverged, len(first.finished), first.val_accuracy.size) == (1, 2, 2)
    assert study.difference(first).size == 2


def test_all_diverged():
    study = made_up({1: [math.nan] * 2, 2: [math.nan] * 2})
    assert study.best() is None
    assert study.values[0].val_accuracy is None
    assert study.difference(study.values[0]) is None
    assert conclusion(study) == "Every run diverged: there is nothing to compare."
    exported = ablation_to_dict(study)
    json.dumps(exported, allow_nan=False)
    assert exported["best"] is None
    assert exported["values"][0]["runs"][0]["history"]["loss"] == [None]


def test_did_not_learn_is_not_above_chance():
    value = made_up({1: [0.1124, 0.1149, 0.117]}).values[0]
    assert value.did_not_learn == 2


@pytest.mark.parametrize(
    ("accuracies", "text"),
    [
        (
            CLEAR,
            "width=3 is better than width=1 and 2 after 1 epoch: the differences exceed "
            "what 3 seeds vary by.",
        ),
        (
            CLOSE,
            "width=2 has the highest mean after 1 epoch, but 3 seeds do not separate it from "
            "width=1: no value is shown to be better. More seeds may tell.",
        ),
        (
            PARTLY,
            "width=3 is better than width=1 after 1 epoch; 3 seeds do not separate it from "
            "width=2, so no single best value is shown. More seeds may tell.",
        ),
        (
            {1: [0.9], 2: [0.5]},
            "width=1 has the highest validation accuracy after 1 epoch, but one seed cannot "
            "tell a difference from chance: use at least 3 seeds.",
        ),
        ({4: [0.9, 0.91]}, "Only width=4 was trained: there is nothing to compare."),
        (
            {1: [0.9, 0.91], 2: [math.nan] * 2},
            "Only width=1 has no diverged runs, so there is nothing to compare. "
            "width=2 (2 of 2 runs) diverged.",
        ),
        (
            {1: [0.1, 0.1], 2: [0.1, 0.11]},
            "No run learned, so there is nothing to compare. width=1 (2 of 2 runs) and "
            "2 (2 of 2 runs) did not learn.",
        ),
        (  # a diverged run ranks its value last, however good the others are
            {1: [0.99, math.nan, 0.9901], 2: [0.5, 0.5, 0.5001], 3: [0.4, 0.4, 0.41]},
            "width=2 is better than width=3 after 1 epoch: the differences exceed what 3 "
            "seeds vary by. width=1 (1 of 3 runs) diverged.",
        ),
        (  # one seed is left that finished with both
            {1: [0.9, math.nan], 2: [0.8, math.nan]},
            "width=1 has the highest validation accuracy after 1 epoch, but one seed cannot "
            "tell a difference from chance: use at least 3 seeds. width=1 (1 of 2 runs) and "
            "2 (1 of 2 runs) diverged.",
        ),
        (  # and none here
            {1: [0.9, math.nan], 2: [math.nan, 0.8]},
            "width=1 has the highest validation accuracy after 1 epoch, but one seed cannot "
            "tell a difference from chance: use at least 3 seeds. width=1 (1 of 2 runs) and "
            "2 (1 of 2 runs) diverged.",
        ),
        (
            {1: [0.90, 0.901, 0.902], 2: [0.1, 0.1, 0.1]},
            "width=1 is better than width=2 after 1 epoch: the differences exceed what 3 "
            "seeds vary by. width=2 (3 of 3 runs) did not learn.",
        ),
    ],
)
def test_the_conclusion_says_what_the_evidence_shows_and_what_not(accuracies, text):
    assert conclusion(made_up(accuracies)) == text


def test_export_has_the_documented_keys():
    exported = ablation_to_dict(made_up({**CLOSE, 3: [math.nan, 0.9, 0.9]}))
    assert list(exported) == [
        "name", "axis", "metric", "base", "epochs", "seeds", "backend", "fused", "values",
        "best", "best_index", "conclusion",
    ]  # fmt: skip
    assert (exported["metric"], exported["best"]) == ("val_accuracy", 2)
    assert exported["best_index"] == 1
    assert set(exported["base"]) == set(config_fields()) - {"width"}
    value = exported["values"][2]
    assert list(value) == [
        "value", "parameters", "mean", "interval", "test_accuracy", "difference", "worse",
        "diverged", "failed", "did_not_learn", "epochs_to_near_best", "seconds_per_epoch", "runs",
    ]  # fmt: skip
    assert math.isclose(value["mean"], 0.9)
    assert len(value["interval"]) == 2
    run = value["runs"][0]
    assert list(run) == [
        "seed", "status", "failure", "epochs", "val_accuracy", "test_accuracy", "test_loss", "history",
        "seconds",
    ]  # fmt: skip
    assert (run["status"], run["val_accuracy"]) == ("diverged", None)
    assert set(run["history"]) == {
        "loss", "accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy", "seconds",
    }  # fmt: skip


def test_the_runs_as_a_pandas_table():
    study = made_up({1: [0.9, 0.8], 2: [math.nan, 0.7]})
    frame = study.to_frame()
    assert list(frame.columns[:4]) == ["width", "seed", "status", "epoch"]
    assert "step_losses" not in frame
    assert frame["width"].tolist() == [1, 1, 2, 2]
    assert frame["status"].tolist() == ["finished", "finished", "diverged", "finished"]
    assert frame["val_accuracy"][3] == 0.7
    assert [run.config.seed for run in study.runs] == [0, 1, 0, 1]


def test_a_table_has_the_widths_of_the_layers_as_text():
    """So that they can be selected: pandas takes a tuple for several values."""
    study = made_up({1: [0.9], (3, 2): [0.8]})
    frame = study.to_frame()
    assert frame["width"].tolist() == [1, "3x2"]
    assert frame[frame["width"] == "3x2"]["val_accuracy"].tolist() == [0.8]
    assert [row["width"] for row in ablation_rows(study)] == [1, "3x2"]
    assert "width=1 has the highest" in conclusion(study)


def test_without_pandas_there_is_a_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        made_up({1: [0.9]}).to_frame()


def failed(run):
    return replace(run, history=(), failure="out of luck")


def test_failed_runs_are_counted_apart_and_stay_out_of_the_means():
    study = made_up({1: [0.90, 0.91], 2: [0.95, 0.96]})
    worse = replace(
        study.values[1], runs=(failed(study.values[1].runs[0]), study.values[1].runs[1])
    )
    study = replace(study, values=(study.values[0], worse))
    assert (worse.failed, worse.diverged, worse.val_accuracy.mean) == (1, 0, 0.96)
    assert study.best().value == 1
    assert "width=2 (1 of 2 runs) failed." in conclusion(study)
    exported = ablation_to_dict(study)["values"][1]
    assert (exported["failed"], exported["runs"][0]["failure"]) == (1, "out of luck")
    assert exported["runs"][0]["val_accuracy"] is None


def test_if_all_failed_there_is_nothing_to_compare():
    study = made_up({1: [0.9]})
    value = replace(study.values[0], runs=(failed(study.values[0].runs[0]),))
    study = replace(study, values=(value,))
    assert study.best() is None
    assert value.seconds_per_epoch is None
    assert conclusion(study) == "Every run diverged or failed: there is nothing to compare."
    json.dumps(ablation_to_dict(study), allow_nan=False)
