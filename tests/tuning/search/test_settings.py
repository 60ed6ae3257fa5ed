"""What a search can be asked, and what it cannot: nothing here depends on the backend."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.scored import ScoredExecutor

from kmlp import ConfigError, RunConfig, load_study
from kmlp.engine import RunFinished
from kmlp.errors import StoreError
from kmlp.model.metrics import LOSS
from kmlp.store import Store
from kmlp.store.studies import get_study
from kmlp.studies.runner import default_name
from kmlp_tuning import Range, SearchSpace, tune
from kmlp_tuning.search.options import SearchOptions
from kmlp_tuning.search.records import load_search
from kmlp_tuning.search.settings import make_settings

pytestmark = pytest.mark.once

BASE = RunConfig(train_size=1024, depth=1, width=8, momentum=0.9)
SPACE = {"learning_rate": "1e-2:1:log"}
SHORT = {"max_trials": 5, "max_epochs": 3, "base": BASE, "jobs": 1, "replicates": 0}


def searched(space, **changes):
    """A search whose accuracies are made up: a fifth of the learning rate."""
    executor = ScoredExecutor(lambda config: config.learning_rate / 5)
    options = {name: value for name, value in SHORT.items() if name != "jobs"}
    return tune(space, **options | changes, executor=executor)


@pytest.mark.parametrize("algorithm", ["asha", "bayesian", "grid"])
def test_other_algorithms(algorithm):
    space = {"learning_rate": [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]}
    found = searched(space, max_trials=6, max_epochs=2, algorithm=algorithm)
    assert len({it.config for it in found.trials}) == 6
    assert {it.epochs for it in found.trials} <= {1, 2}
    if algorithm != "asha":
        assert {found.status(it) for it in found.trials} == {"finished"}


def test_an_objective_that_is_to_be_small():
    found = searched(SPACE, objective="val_loss")
    losses = [it.score("val_loss") for it in found.ranked()]
    assert losses == sorted(losses)


def test_a_search_by_loss_ranks_and_compares_by_validation_loss(tmp_path):
    found = searched(SPACE, metric="loss", replicates=1, runs_dir=tmp_path, name="by-loss")
    assert (found.settings.objective, found.settings.direction) == ("val_loss", "min")
    assert found.replication.metric == LOSS
    assert found.replication.margin is None
    exported = found.to_dict()
    assert (exported["metric"], exported["metric_details"]["name"]) == ("val_loss", "loss")
    loaded = load_study("by-loss", tmp_path)
    assert loaded.settings.metric == LOSS
    assert loaded.tables()[0].rows == found.tables()[0].rows
    assert "--metric loss" in loaded.closing[1]
    with pytest.raises(ConfigError, match="val_loss"):
        loaded.viewed(metric="accuracy")


def test_a_study_without_runs(tmp_path):
    def stop(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(SPACE, **SHORT, runs_dir=tmp_path, name="mine", observer=stop)
    with (
        Store(tmp_path, writable=False) as store,
        pytest.raises(StoreError, match="began it"),
    ):
        load_search(store, get_study(store, "mine"))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"algorithm": "hyperbrand"}, '"hyperbrand".*"hyperband"'),
        ({"objective": "val_acuracy"}, '"val_acuracy".*"val_accuracy"'),
        ({"objective": "test_accuracy"}, "must not choose"),
        ({"max_trials": 0}, "1 <= max_trials"),
        ({"max_epochs": 0}, "1 <= max_epochs"),
        ({"max_epochs": 2.5}, "1 <= max_epochs"),
        ({"min_epochs": 4}, "min_epochs <= 3"),
        ({"min_epochs": 0}, "1 <= min_epochs"),
        ({"factor": 1}, "2 <= factor"),
        ({"replicates": -1}, "0 <= replicates"),
        ({"jobs": 0}, "1 <= jobs"),
        ({"algorithm": "grid", "factor": 3}, "`factor`.*grid"),
        ({"space": {}}, "nothing to search"),
        ({"space": {"width": [8, 16]}}, " 2[^0-9]"),
        ({"space": {"loss": ["nll", "mse"]}, "objective": "val_loss"}, "val_loss"),
        ({"space": {"l2": [0, 0.1], "l1": [0, 0.1]}, "objective": "loss"}, "l1, l2"),
        (
            {"space": {"batch_size": [64, 2000]}, "max_trials": 2},
            "`batch_size`.* 2000.* 1024 ",
        ),
        (
            {"space": {"batch_size": "64:900", "train_size": [500, 1000]}},
            "`batch_size`.* 900.* 500 ",
        ),
        ({"space": {"width": "8:1000000", "depth": "1:100"}}, "parameters.*1,073,741,824"),
        ({"space": ["width"]}, "fields"),
        ({"objective": 3}, "Unknown objective"),
        ({"metric": "val_loss"}, 'Unknown metric "val_loss"'),
        ({"space": {"loss": ["nll", "mse"]}, "metric": "loss"}, "nll, mse"),
        (
            {
                "space": {"loss": ["nll", "mse"]},
                "metric": "loss",
                "objective": "val_accuracy",
            },
            "metric loss cannot compare",
        ),
        ({"algorithm": None}, "Unknown algorithm"),
        ({"at": "first"}, '`at` "first".*best'),
    ],
    ids=str,
)
def test_wrong_questions_are_refused(change, problem, tmp_path):
    asked = {"space": SPACE, **SHORT, **change}
    with pytest.raises(ConfigError, match=problem.replace("(", r"\(")):
        tune(asked.pop("space"), **asked, runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("space", "same"),
    [
        ({"activation": ["silu", "swish"]}, "silu and swish"),
        ({"loss": ["mse", "mean_squared_error"]}, "mse and mean_squared_error"),
        ({"output": [None, "linear"]}, "none and linear"),
    ],
    ids=str,
)
def test_two_names_of_the_same_are_refused(space, same):
    with pytest.raises(ConfigError, match=same):
        tune(space, **{**SHORT, "max_trials": 2})


@pytest.mark.parametrize(
    ("space", "base"),
    [
        ({"nesterov": [True, False], "momentum": [0.5, 0.9]}, RunConfig()),
        ({"momentum": "0.5:0.9"}, RunConfig(momentum=0.1, nesterov=True)),
        ({"loss": ["mse", "mae"], "output": ["softmax", "sigmoid"]}, RunConfig()),
        ({"loss": ["mse", "mae"]}, RunConfig(output="softmax", loss="huber")),
    ],
    ids=str,
)
def test_fields_that_fit_each_other_only(space, base):
    base = replace(base, train_size=192, depth=0)
    found = searched(space, base=base, max_trials=2, max_epochs=1)
    assert len(found.ranked()) == 2


def test_a_grid_has_the_ends_and_all_between_them():
    space = {"learning_rate": Range(0.01, 0.1), "depth": [0, 1], "width": [4, 8]}
    found = searched(space, algorithm="grid", max_epochs=1, max_trials=None)
    assert len({it.config for it in found.trials}) == 10 * (1 + 2)
    rates = sorted({it.config.learning_rate for it in found.trials})
    assert rates == pytest.approx(np.linspace(0.01, 0.1, 10))


def test_numbers_of_numpy_are_numbers():
    found = searched(SPACE, max_trials=np.int64(2), max_epochs=np.int32(1))
    assert len(found.trials) == 2


def test_a_search_that_was_cut_waits(tmp_path):
    def stop(event):
        if isinstance(event, RunFinished):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(SPACE, **SHORT, runs_dir=tmp_path, name="mine", observer=stop)
    with Store(tmp_path, writable=False) as store:
        record = get_study(store, "mine")
        found = load_search(store, record)
        assert not found.complete
        assert {found.status(it) for it in found.trials} <= {"waiting", "finished"}
        assert found.missing >= 4


def test_what_the_user_wrote_need_not_be_at_hand_to_show_it():
    values = {"activation": ["relu", "their_module:theirs"], "depth": {"low": 1, "high": 3}}
    values["depth"]["sampling"] = "linear"
    space = SearchSpace.restored(values)
    assert space.fields["activation"].values == ("relu", "their_module:theirs")


@pytest.mark.parametrize(
    ("wrong", "near"), [("widht", "width"), ("max_trails", "max_trials")]
)
def test_a_keyword_that_is_neither_field_nor_option_is_refused(wrong, near):
    with pytest.raises(ConfigError, match=f'"{wrong}".*"{near}"'):
        tune(**{wrong: [1, 2]})


def test_a_space_object_is_taken_too():
    space = SearchSpace(SPACE)
    found = searched(space, max_trials=1, max_epochs=1)
    assert found.settings.space is space


def test_a_name_is_that_of_stores_from_before_there_were_scalings():
    settings = make_settings(
        SearchSpace({"width": [4, 8]}),
        RunConfig(),
        SearchOptions(
            max_trials=2, algorithm="random", at="last", max_epochs=1, replicates=0
        ),
        fused=True,
    )
    identity = {"backend": "jax", "fused": True, **settings.identity()}
    assert default_name("search", identity) == "search-6f846a"
    best = replace(settings, at="best").identity()
    assert best == {**settings.identity(), "at": "best"}
