import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from helpers.made_up import made_up_ablation
from helpers.results import without_seconds

from kmlp import ConfigError, RunConfig, ablate, register_activation, register_loss
from kmlp.store import Store
from kmlp.store.studies import get_study
from kmlp.studies.ablate import ablation_spec
from kmlp.studies.ablation import load_ablation
from kmlp.studies.as_json import ablation_to_dict
from kmlp.studies.columns import COLUMNS
from kmlp.studies.level_conclusion import conclude
from kmlp.studies.runner import default_name
from kmlp.training.identity import run_key

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


@pytest.mark.trains
def test_the_depth_may_be_the_param_where_the_width_states_it(tmp_path):
    """The base in the store then has no depth of its own."""
    base = replace(BASE, width=(9, 7), depth=2)
    ablate("depth", [2], base=base, seeds=1, epochs=1, jobs=1, runs_dir=tmp_path, name="d")
    with Store(tmp_path) as store:
        assert load_ablation(store, get_study(store, "d")).base == base


@pytest.mark.trains
def test_a_repeat_is_the_same_but_for_the_time():
    one, other = (
        ablate("depth", [0], base=BASE, seeds=[7], epochs=1, jobs=1).to_dict()
        for _ in range(2)
    )
    assert without_seconds(one) == without_seconds(other)


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
    assert "width=1 " in conclude(study).text


def test_without_pandas_there_is_a_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="install pandas"):
        made_up_ablation({1: [0.9]}).to_frame()


def test_keys_and_names_are_those_of_stores_from_before_there_were_scalings_or_splits():
    assert run_key(RunConfig(width=8), "mnist", "jax", fused=True) == (
        "4e24750128b682e29dbff0c60347d543ff261b5e8146637896d140920bf0820e"
    )
    spec = ablation_spec("width", [8], base=RunConfig())
    identity = {"backend": "jax", "fused": True, **spec.identity}
    assert default_name("width", identity) == "width-3f5fa5"
    for other in (RunConfig(scaling="symmetric"), RunConfig(resplit=True)):
        assert ablation_spec("width", [8], base=other).identity != spec.identity
        assert run_key(other, "mnist", "jax", fused=True) != run_key(
            RunConfig(), "mnist", "jax", fused=True
        )
