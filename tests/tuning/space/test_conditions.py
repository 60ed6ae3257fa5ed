"""Fields whose domain or effect depends on the value of another field."""

import json

import pytest

from kmlp import ConfigError, RunConfig
from kmlp.model.domains import domain_text
from kmlp.model.rates import rates_of
from kmlp_tuning import Choice, Conditional, Range, SearchSpace, default_space
from kmlp_tuning.space.notation import read_space
from kmlp_tuning.space.parsing import parse_space, space_and_base

pytestmark = pytest.mark.once

SGD, ADAM = Range(0.001, 1.0, "log"), Range(0.0001, 0.1, "log")
BY_OPTIMIZER = Conditional("optimizer", {"sgd": SGD, "adam": ADAM})
SPACE = SearchSpace(
    {
        "depth": "0:2",
        "dropout": "0:0.5",
        "optimizer": "sgd,adam",
        "learning_rate": BY_OPTIMIZER,
        "momentum": [0.0, 0.9],
    }
)


@pytest.mark.parametrize(
    "given",
    [
        BY_OPTIMIZER,
        "sgd=1e-3:1:log,adam=1e-4:1e-1:log",
        {"adam": "1e-4:1e-1:log", "sgd": SGD},
        {"optimizer": {"sgd": {"low": 0.001, "high": 1, "sampling": "log"}, "adam": ADAM}},
    ],
    ids=["object", "text", "values", "field"],
)
def test_a_rate_by_optimizer_is_given_in_several_forms(given):
    space = SearchSpace({"optimizer": "sgd,adam", "learning_rate": given})
    assert space.fields["learning_rate"] == BY_OPTIMIZER
    text = domain_text("learning_rate", space.fields["learning_rate"])
    assert SearchSpace({"optimizer": "sgd,adam", "learning_rate": text}) == space


def test_a_file_has_rates_by_optimizer(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(
        'optimizer = ["sgd", "adam"]\nwidth = {1 = "8,16", 2 = [32]}\ndepth = "1,2"\n'
        'learning_rate = {sgd = "1e-3:1:log", adam = "1e-4:1e-1:log"}\n'
    )
    searched = parse_space({}, searched=read_space(path)).searched
    assert searched["learning_rate"] == BY_OPTIMIZER
    assert searched["width"] == Conditional("depth", {1: Choice((8, 16)), 2: Choice((32,))})


def test_values_that_replace_those_of_a_file_keep_their_rates(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(
        'optimizer = ["sgd", "adam", "rmsprop"]\n'
        'learning_rate = {sgd = "1e-3:1:log", adam = "1e-4:1e-1:log", rmsprop = "0.1,0.2"}\n'
    )
    file = read_space(path)
    fixed = parse_space({"optimizer": "adam"}, searched=file)
    assert (fixed.searched, fixed.fixed) == ({"learning_rate": ADAM}, {"optimizer": "adam"})
    fewer = parse_space({"optimizer": ["sgd", "adam"]}, searched=file)
    assert fewer.searched["learning_rate"] == BY_OPTIMIZER
    with pytest.raises(ConfigError, match="no domain for lion"):
        parse_space({"optimizer": "lion"}, searched=file)


def test_a_field_has_no_value_where_it_has_no_effect():
    names = {it.name: dict(it.conditions) for it in SPACE.parameters}
    assert names == {
        "depth": {}, "optimizer": {}, "dropout": {"depth": (1, 2)},
        "learning_rate:sgd": {"optimizer": ("sgd",)},
        "learning_rate:adam": {"optimizer": ("adam",)},
        "momentum": {"optimizer": ("sgd",)},
    }  # fmt: skip
    adam = RunConfig(optimizer="adam", depth=1)
    assert SPACE.has_value("learning_rate", adam) and not SPACE.has_value("momentum", adam)
    assert not SPACE.has_value("dropout", RunConfig(depth=0))
    assert SPACE.domain_in("learning_rate", adam) == ADAM


def test_values_of_keras_tuner_become_fields():
    base = SPACE.fitted(RunConfig(momentum=0.5))
    values = {
        "depth": 0, "optimizer": "adam", "learning_rate:adam": 0.01,
        "learning_rate:sgd": 0.5, "momentum": 0.9, "dropout": 0.3,
    }  # fmt: skip
    expected = RunConfig(depth=0, optimizer="adam", learning_rate=0.01)
    assert SPACE.config(values, base) == expected
    drawn = SPACE.to_hyperparameters().values
    assert drawn == {
        "depth": 0, "optimizer": "sgd", "learning_rate:sgd": 0.001, "momentum": 0.0,
    }  # fmt: skip


def test_a_conditional_space_is_stored_and_restored():
    assert SearchSpace.from_hyperparameters(SPACE.to_hyperparameters()) == SPACE
    stored = json.loads(json.dumps(SPACE.to_dict()))
    assert SearchSpace.restored(stored) == SearchSpace(stored) == SPACE


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"optimizer": "sgd,adam", "learning_rate": "sgd=0.1,1,adam=0.01"}, 3),
        ({"optimizer": "sgd,adam", "momentum": "0,0.5,0.9", "width": "8,16"}, (3 + 1) * 2),
        ({"depth": "0:2", "dropout": "0,0.5", "width": "1=8,16,2=32,0=4"}, None),
        ({"depth": "0:2", "dropout": "0,0.5", "width": "1=8,16,2=32"}, 1 + 2 * 2 + 2 * 1),
        ({"loss": "mse,cross_entropy", "label_smoothing": "0,0.1"}, 3),
    ],
    ids=str,
)
def test_the_size_counts_values_that_have_an_effect(fields, size):
    if size is None:
        with pytest.raises(ConfigError, match="`width` has no effect if `depth` is 0"):
            SearchSpace(fields)
    else:
        assert SearchSpace(fields).size == size


def test_a_grid_has_the_values_of_each_range():
    grid = SPACE.grid()
    rates = grid.fields["learning_rate"].domains
    assert {len(choice.values) for choice in rates.values()} == {10}
    assert (rates["adam"].values[0], rates["adam"].values[-1]) == (0.0001, 0.1)
    assert grid.size == (1 + 2 * 10) * (10 * 2 + 10)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"optimizer": "sgd,adam,lion", "learning_rate": BY_OPTIMIZER}, "lion of `optimizer`"),
        ({"optimizer": "sgd,lion", "learning_rate": BY_OPTIMIZER}, "adam, which `optimizer`"),
        ({"learning_rate": BY_OPTIMIZER}, "`optimizer` is not searched"),
        ({"learning_rate": "sgd=0.1,1,adam=0.1"}, "`optimizer` is not searched"),
        ({"learning_rate": {"a": [1, 2], "b": [1, 2]}}, "no searched field has such values"),
        ({"optimizer": "sgd,adam", "momentum": "sgd=0,0.9,adam=0"}, "no effect .* adam"),
        ({"optimizer": "adam,nadam", "momentum": "0:0.9"}, "no effect .* adam, nadam"),
        ({"optimizer": "sgd,adam", "learning_rate": "0.1,sgd=0.1"}, "one domain for each"),
        ({"optimizer": "sgd,adam", "learning_rate": {"sgd": "1:0", "adam": [1]}}, "learning_rate < inf"),
        ({"optimizer": "sgd,adam", "learning_rate": {}}, "no value"),
        ({"learning_rate": Conditional("optimzer", {})}, '"optimzer".*"optimizer"'),
        ({"depth": "1,2", "batch_size": "1,2", "width": "1=8,2=9"}, "`depth` and of `batch"),
        ({"dropout": "0:0.5", "width": Conditional("dropout", {0: [8]})}, "range of numbers"),
        (
            {"depth": "0,1", "dropout": "0,0.5", "width": {"dropout": {0: [8], 0.5: [16]}}},
            "`width` depends on `dropout`, which itself depends on `depth`",
        ),
        (
            {"depth": "1,2", "optimizer": {1: ["sgd"], 2: ["adam"]}, "learning_rate": BY_OPTIMIZER},
            "`learning_rate` depends on `optimizer`, which itself depends on `depth`",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_conditions_are_refused(fields, problem):
    with pytest.raises(ConfigError, match=problem):
        SearchSpace(fields)


@pytest.mark.parametrize(
    ("fields", "base", "problem"),
    [
        ({"optimizer": "sgd,adam"}, {"momentum": 0.9}, "adam has no `momentum`"),
        (
            {"momentum": "0:0.9"},
            {"optimizer": "adam"},
            "`momentum`.* if `optimizer` is adam",
        ),
        ({"depth": "0,1"}, {"dropout": 0.5}, "`dropout` is 0.5"),
        ({"loss": "mse,cross_entropy"}, {"label_smoothing": 0.1}, "`label_smoothing`"),
        (
            {"optimizer": "sgd,adam", "momentum": "0,0.9", "nesterov": [True, False]},
            {},
            "`nesterov` is True",
        ),
    ],
    ids=str,
)
def test_a_combination_that_is_refused_is_named_before_training(fields, base, problem):
    with pytest.raises(ConfigError, match=problem):
        SearchSpace(fields).fitted(RunConfig(**base))


def test_fields_of_one_optimizer_may_be_fixed_to_values_that_fit():
    space = SearchSpace({"optimizer": "adam,nadam", "width": "8,16"})
    assert space.base({"beta_1": 0.8}).optimizer == "adam"
    both = {"optimizer": "sgd,adam", "momentum": "0.5,0.9", "nesterov": [True, False]}
    SearchSpace(both).fitted(RunConfig())


def test_a_rate_that_is_not_given_follows_the_searched_optimizer():
    space = SearchSpace({"optimizer": "sgd,adam"})
    config = space.config({"optimizer": "adam"}, space.fitted(RunConfig()))
    assert config == RunConfig(optimizer="adam")
    kept = space.fitted(RunConfig(learning_rate=0.05))
    assert space.config({"optimizer": "adam"}, kept).learning_rate == 0.05


def test_the_corners_have_the_ends_of_each_rate():
    corners = SPACE.corners(SPACE.fitted(RunConfig()))
    rates = {(it.optimizer, it.learning_rate) for it in corners}
    assert {("sgd", 0.001), ("sgd", 1.0), ("adam", 0.0001), ("adam", 0.1)} <= rates
    assert {it.depth for it in corners} >= {0, 1, 2}


def optimizers_of(**fields):
    space, base = space_and_base(fields)
    searched = space.fields.get("optimizer", Choice((base.optimizer,)))
    rates = space.fields.get("learning_rate")
    by_optimizer = rates.domains if isinstance(rates, Conditional) else None
    assert by_optimizer is None or [*by_optimizer] == [*searched.values]
    space.fitted(base)
    return searched.values


@pytest.mark.parametrize(
    ("fields", "optimizers"),
    [
        ({}, ("sgd", "adam", "rmsprop")),
        ({"momentum": 0.9}, ("sgd", "rmsprop")),
        ({"momentum": 0.9, "nesterov": True}, ("sgd",)),
        ({"momentum": "0:0.9"}, ("sgd", "adam", "rmsprop")),
        ({"beta_1": "0.8"}, ("adam",)),
        ({"learning_rate": 0.1}, ("sgd",)),
        ({"learning_rate": "1e-4:1e-2:log", "rho": 0.8}, ("rmsprop",)),
        ({"optimizer": "lion"}, ("lion",)),
        ({"optimizer": ["adam", "muon"], "depth": "0:3"}, ("adam", "muon")),
    ],
    ids=str,
)
def test_the_default_space_has_the_optimizers_that_take_the_given_fields(
    fields, optimizers
):
    assert optimizers_of(**fields) == optimizers


def test_the_default_space_keeps_what_a_base_has():
    momentum = RunConfig(momentum=0.9)
    space = default_space(momentum)
    assert space.fields["optimizer"] == Choice(("sgd", "rmsprop"))
    lion = default_space(RunConfig(optimizer="lion"))
    assert lion.fields["learning_rate"] == rates_of("lion")
    assert "optimizer" not in lion.fields


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "adagrad", "lion", "muon"])
def test_a_default_range_has_the_best_rates_that_were_measured(optimizer):
    """On 5,000 images of MNIST after 5 epochs, at batch sizes of 16 and 128."""
    best = {
        "sgd": (0.1, 0.3), "adam": (0.001, 0.003), "rmsprop": (0.003, 0.01),
        "adagrad": (0.1, 0.1), "lion": (0.0001, 0.001), "muon": (0.001, 0.003),
    }[optimizer]  # fmt: skip
    found = rates_of(optimizer)
    assert found.low * 3 <= best[0] <= best[1] <= found.high / 3
    assert found.high / found.low == pytest.approx(1000)
