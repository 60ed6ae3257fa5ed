import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from helpers.made_up import made_up_ablation
from helpers.results import without_seconds

from kmlp import ConfigError, RunConfig, ablate, register_activation, register_loss
from kmlp.model.config import config_fields
from kmlp.store import Store
from kmlp.store.studies import get_study
from kmlp.studies.ablation import ablation_spec, load_ablation, plan
from kmlp.studies.as_json import ablation_to_dict
from kmlp.studies.columns import COLUMNS
from kmlp.studies.conclusion import conclude
from kmlp.studies.runner import default_name
from kmlp.training.run import run_key

pytestmark = pytest.mark.once

BASE = RunConfig(train_size=1024, width=16, depth=1)


@pytest.mark.trains
def test_trains_every_value_with_the_same_seeds():
    study = ablate("depth", [0, 1], base=BASE, seeds=2, epochs=2, jobs=1)
    assert (study.param, study.seeds, study.epochs) == ("depth", (0, 1), 2)
    assert [value.value for value in study.levels] == [0, 1]
    for value in study.levels:
        assert [run.config.seed for run in value.runs] == [0, 1]
        assert {run.epochs for run in value.runs} == {2}
        assert {run.config.depth for run in value.runs} == {value.value}
        assert value.val_accuracy.size == 2
    json.dumps(ablation_to_dict(study), allow_nan=False)


@pytest.mark.trains
def test_a_width_for_every_layer_is_trained_and_read_back(tmp_path):
    base = replace(BASE, depth=2)
    study = ablate(
        "width", [8, (9, 7)], base=base, seeds=1, epochs=1, jobs=1, runs_dir=tmp_path,
        name="w",
    )  # fmt: skip
    assert [value.value for value in study.levels] == [8, (9, 7)]
    assert study.levels[1].parameters == 7_215  # 784-9-7-10
    assert [run.config for run in study.runs] == [
        replace(base, width=width) for width in (8, (9, 7))
    ]
    exported = ablation_to_dict(study)
    assert json.loads(json.dumps(exported)) == exported
    assert exported["levels"][1]["value"] == [9, 7]
    with Store(tmp_path) as store:
        shown = load_ablation(store, get_study(store, "w"))
        assert ablation_to_dict(shown) == exported


def test_the_depth_may_be_the_param_where_the_width_states_it(tmp_path):
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


def test_seeds_as_a_number_count_from_the_base_s():
    rows = plan("width", [8, 9], base=RunConfig(seed=5), seeds=3)
    assert [[config.seed for config in row] for row in rows] == [[5, 6, 7]] * 2


@pytest.mark.parametrize(
    ("param", "values", "change", "message"),
    [
        ("widht", [32], {}, 'did you mean "width"'),
        ("seed", [1, 2], {}, "The seed is not a parameter"),
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
def test_what_cannot_be_trained_is_refused_before_training(param, values, change, message):
    events = []
    with pytest.raises(ConfigError) as caught:
        ablate(param, values, observer=events.append, **change)
    assert message in str(caught.value)
    assert events == []


def test_problems_of_all_values_come_at_once():
    with pytest.raises(ConfigError) as caught:
        ablate("width", [0, -1, "x"], seeds=0, epochs=0, jobs=1)
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize(
    ("param", "values", "seeds"),
    [
        ("learning_rate", np.logspace(-3, -1, 3), np.int64(2)),
        ("width", range(8, 10), np.array([3, 4])),
        ("width", (width for width in (8, 9)), (3, 4)),
    ],
)
def test_numpy_and_iterators_are_taken_as_they_are(param, values, seeds):
    rows = plan(param, values, base=BASE, seeds=seeds)
    assert {len(row) for row in rows} == {2}
    assert {type(config.seed) for row in rows for config in row} == {int}


def lopsided(x):
    return x[:, :1]


def numpy_only(x):
    return np.tanh(np.asarray(x))


def broken(y_true, y_pred):
    raise RuntimeError("no idea")


@pytest.mark.parametrize(
    ("param", "name", "message"),
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
def test_own_functions_are_tried_before_training(param, name, message):
    register_activation("lopsided", lopsided)
    register_activation("numpy_only", numpy_only)
    register_loss("broken", broken)
    events = []
    base = replace(BASE, loss="mse")  # which works on any output
    with pytest.raises(ConfigError, match=message):
        ablate(param, [getattr(base, param), name], base=base, observer=events.append)
    assert events == []


def test_export_has_the_documented_keys():
    exported = ablation_to_dict(
        made_up_ablation(
            {1: [0.90, 0.95, 0.92], 2: [0.91, 0.93, 0.94], 3: [math.nan, 0.9, 0.9]}
        )
    )
    assert list(exported) == [
        "name", "param", "metric", "base", "epochs", "seeds", "backend", "fused", "settings",
        "baseline", "target_accuracy", "levels", "best", "best_index", "conclusion", "evidence",
    ]  # fmt: skip
    assert (exported["metric"], exported["best"]) == ("val_accuracy", 2)
    assert exported["best_index"] == 1
    assert set(exported["base"]) == set(config_fields()) - {"width"}
    value = exported["levels"][2]
    assert list(value) == [
        "value", "parameters", "mean", "interval", "test_accuracy", "difference",
        "diverged", "failed", "did_not_learn", "best_epoch", "epochs_to_near_best",
        "area_under_curve", "gap", "seconds_per_epoch", "runs",
    ]  # fmt: skip
    first = exported["levels"][0]["difference"]
    assert list(first) == ["mean", "interval", "p_value", "significant"]
    targeted = ablation_to_dict(made_up_ablation({1: [0.90, 0.95]}), target=0.92)
    assert targeted["levels"][0]["reached_target"] == 1
    assert targeted["levels"][0]["epochs_to_target"] == {"mean": 1, "interval": None}
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
    study = made_up_ablation({1: [0.9, 0.8], 2: [math.nan, 0.7]})
    frame = study.to_frame()
    assert list(frame.columns) == list(COLUMNS)
    assert "step_losses" not in frame
    assert frame["width"].tolist() == [1, 1, 2, 2]
    assert frame["status"].tolist() == ["finished", "finished", "diverged", "finished"]
    assert frame["val_accuracy"][3] == 0.7
    assert [run.config.seed for run in study.runs] == [0, 1, 0, 1]


def test_a_table_has_the_widths_of_the_layers_as_text():
    """So that they can be selected: pandas takes a tuple for several values."""
    study = made_up_ablation({1: [0.9], (3, 2): [0.8]})
    frame = study.to_frame()
    assert frame["width"].tolist() == ["1", "3x2"]
    assert frame[frame["width"] == "3x2"]["val_accuracy"].tolist() == [0.8]
    assert "width=1 has the highest" in conclude(study).text


def test_without_pandas_there_is_a_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        made_up_ablation({1: [0.9]}).to_frame()


def test_keys_and_names_are_those_of_stores_from_before_there_were_scalings():
    assert run_key(RunConfig(width=8), "mnist", "jax", fused=True) == (
        "4e24750128b682e29dbff0c60347d543ff261b5e8146637896d140920bf0820e"
    )
    asked = ablation_spec("width", [8], base=RunConfig())
    identity = {"backend": "jax", "fused": True, **asked.identity}
    assert default_name("width", identity) == "width-3f5fa5"
    symmetric = RunConfig(scaling="symmetric")
    assert ablation_spec("width", [8], base=symmetric).identity != asked.identity
    assert run_key(symmetric, "mnist", "jax", fused=True) != run_key(
        RunConfig(), "mnist", "jax", fused=True
    )
