import json
import os

import keras_tuner
import pytest

from kmlp import ConfigError, RunConfig
from kmlp_tuning import Choice, Range, SearchSpace, default_space
from kmlp_tuning.space.notation import domain_of, read_space
from kmlp_tuning.space.parsing import parse_space, space_and_base

pytestmark = pytest.mark.once

MIXED = {
    "depth": "0:3",
    "width": [32, (64, 64, 32)],
    "learning_rate": "1e-4:1e-1:log",
    "momentum": Range(0, 0.99),
    "batch_size": Range(1, 128, "log"),
    "activation": "relu,tanh",
    "train_size": "1000,all",
    "nesterov": [False, True],
    "output": "none,softmax",
}


def test_texts_lists_and_objects_come_to_the_same():
    assert SearchSpace({"width": "8,16"}).fields == SearchSpace({"width": [8, 16]}).fields
    assert SearchSpace({"width": [8, 16]}).fields == {"width": Choice((8, 16))}
    assert SearchSpace({"depth": "1:3"}).fields == {"depth": Range(1, 3)}
    assert SearchSpace({"momentum": "0:0.5"}).fields == {"momentum": Range(0.0, 0.5)}


def test_from_a_space_to_hyperparameters_and_back():
    space = SearchSpace(MIXED)
    again = SearchSpace.from_hyperparameters(space.to_hyperparameters())
    assert again == space
    assert SearchSpace.restored(json.loads(json.dumps(space.to_dict()))) == space


def test_a_default_of_every_field_is_a_configuration():
    space = SearchSpace({name: it for name, it in MIXED.items() if name != "width"})
    hp = space.to_hyperparameters()
    config = space.config(hp.values, RunConfig())
    assert config.depth == 0
    assert config.activation == RunConfig().activation  # not active: no hidden layer
    assert (config.train_size, config.nesterov, config.output) == (1000, False, None)


def test_values_of_keras_tuner_are_values_of_ours():
    space = SearchSpace({"width": "32,64x32", "train_size": "1000,all"})
    hp = space.to_hyperparameters()
    hp.values = {"width": "64x32", "train_size": "all"}
    config = space.config(hp.values, RunConfig())
    assert (config.width, config.train_size) == ((64, 32), None)


def test_steps_of_keras_tuner_are_refused():
    hp = keras_tuner.HyperParameters()
    hp.Int("width", 32, 512, step=32)
    with pytest.raises(ConfigError, match="without steps"):
        SearchSpace.from_hyperparameters(hp)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"width": "8,16,32", "activation": "relu,tanh"}, 6),
        ({"width": "8,16,32", "depth": "0,1,2"}, 1 + 2 * 3),
        ({"width": "8,16,32", "depth": "0:2", "activation": "relu,tanh"}, 1 + 2 * 6),
        ({"depth": "0:2", "loss": "nll,mse"}, 6),
        ({"batch_size": "1:128"}, 128),
        ({"momentum": "0:0.9", "width": "8,16"}, None),
    ],
    ids=str,
)
def test_size(fields, size):
    assert SearchSpace(fields).size == size


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"width": [8, (8, 8)]}, "equal layers: .*8"),
        ({"width": {64: 128}}, "low and high"),
        ({1: [2, 3]}, "Unknown field"),
        ({"widht": [1, 2]}, '"widht".*"width"'),
        ({"seed": [1, 2]}, "`seed`"),
        ({"width": [8]}, "`width`.*one value"),
        ({"width": []}, "`width`.*no value"),
        ({"width": [8, 8]}, "given 2 times"),
        ({"width": [0, 8]}, "width >= 1"),
        ({"width": ["a", "b"]}, "`width`.*'a'.*integer"),
        ({"width": {"low": 1}}, "low and high"),
        ({"activation": ["relu", "rleu"]}, '"rleu".*"relu"'),
        ({"dataset": ["mnist", "fashion_mnist"]}, "different examples"),
        ({"learning_rate": Range(0.1, 1, "LOG")}, "sampling"),
        ({"train_size": Range(1000, None)}, "two numbers"),
        ({"activation": Range(1, 2)}, "not a number"),
        ({"learning_rate": "1:0.1"}, "low < high"),
        ({"learning_rate": "0.1:0.1"}, "low < high"),
        ({"learning_rate": "0.1:1:lgo"}, "LOW:HIGH:log"),
        ({"learning_rate": "0.1:1:log:2"}, "LOW:HIGH:log"),
        ({"learning_rate": ":1"}, "`learning_rate`.*number"),
        ({"learning_rate": "0.1:inf"}, "learning_rate < inf"),
        ({"momentum": "0:0.9:log"}, "`momentum`.*log"),
        ({"width": "300x100:500"}, "two numbers"),
        ({"train_size": "1000:all"}, "two numbers"),
    ],
    ids=str,
)
def test_what_is_no_space_is_refused(fields, problem):
    with pytest.raises(ConfigError, match=problem):
        SearchSpace(fields)


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as error:
        SearchSpace({"widht": [1, 2], "depth": [-1, 2], "learning_rate": "1:0"})
    assert len(error.value.problems) == 3


@pytest.mark.parametrize(
    ("fields", "base", "problem"),
    [
        ({"width": "8,16"}, RunConfig(depth=0), "`width`.*`depth`.* 0"),
        ({"width": "8,300x100"}, RunConfig(depth=3), "`depth` is 3"),
        ({"width": "8,300x100", "depth": "1,2"}, RunConfig(), "`depth` is 1"),
        ({"momentum": "0,0.9"}, RunConfig(momentum=0.5, nesterov=True), "does nothing"),
        ({"output": "none,softmax", "loss": "cross_entropy,mse"}, RunConfig(), "softmax"),
        ({"width": "8,8x4"}, RunConfig(depth=1), "`depth` is 1"),
    ],
    ids=str,
)
def test_what_does_not_fit_together_is_refused(fields, base, problem):
    with pytest.raises(ConfigError, match=problem):
        SearchSpace(fields).check(base)


def test_the_default_space_fits_the_default_configuration():
    default_space().check(RunConfig())


def test_all_that_does_not_fit_is_told_at_once():
    fields = {"width": "8,300x100", "momentum": "0,0.9"}
    base = RunConfig(depth=3, momentum=0.5, nesterov=True)
    with pytest.raises(ConfigError) as error:
        SearchSpace(fields).check(base)
    assert len(error.value.problems) == 2


def test_several_values_are_searched_and_one_is_fixed():
    found = parse_space({"width": "64", "learning_rate": "0.1,0.2", "momentum": "0:0.9"})
    assert found.fixed == {"width": 64}
    assert set(found.searched) == {
        "depth", "activation", "dropout", "batch_size", "learning_rate", "momentum",
    }  # fmt: skip


def test_what_does_nothing_is_left_out_of_the_default_space_only():
    assert "width" not in parse_space({"depth": "0"}).searched
    assert "width" in parse_space({"depth": "0", "width": "8,16"}).searched
    assert "depth" not in parse_space({"width": "32,300x100"}).searched


def test_a_file(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text('width = [32, 64]\nlearning_rate = "1e-3:1:log"\nmomentum = 0.9\n')
    found = parse_space({"width": "8"}, searched=read_space(path))
    assert found.fixed == {"width": 8, "momentum": 0.9}
    assert found.searched == {"learning_rate": Range(0.001, 1.0, "log")}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "space.toml.*No such file"),
        ("width = ", "not TOML"),
        (b"\xff\xfe", "space.toml.*UTF-8"),
        ("", "space.toml.*no field"),
    ],
)
def test_a_file_that_cannot_be_read(text, problem, tmp_path):
    path = tmp_path / "space.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=problem):
        read_space(path)


def test_a_fifo_in_the_place_of_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "space.toml")
    with pytest.raises(ConfigError, match=r"space\.toml.*FIFO"):
        read_space(tmp_path / "space.toml")


def test_fields_as_keywords_are_those_of_the_command_line():
    given = {
        "width": [32, (64, 32)], "learning_rate": Range(0.01, 1.0, "log"), "nesterov": True,
        "momentum": 0.9, "loss": "mse,cross_entropy", "seed": 3, "batch_size": "16",
    }  # fmt: skip
    space, base = space_and_base(given)
    assert dict(space.fields) == {
        "width": Choice((32, (64, 32))),  # which state the depth
        "loss": Choice(("mse", "cross_entropy")),
        "activation": Choice(("relu", "tanh", "gelu")),
        "learning_rate": Range(0.01, 1.0, "log"),
        "dropout": Range(0.0, 0.5),
    }
    assert (base.nesterov, base.momentum, base.seed, base.batch_size) == (True, 0.9, 3, 16)
    space, base = space_and_base({"depth": 0})
    assert list(space.fields) == ["optimizer", "learning_rate", "batch_size"]


def test_a_base_has_the_fields_that_are_not_given():
    base = RunConfig(width=7, momentum=0.5)
    space, found = space_and_base(
        {"momentum": 0.9, "depth": [1, 2]}, searched={}, base=base
    )
    assert (list(space.fields), found) == (["depth"], RunConfig(width=7, momentum=0.9))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"width": (300, 100)}, r"Give \[\(300, 100\)\] or \[300, 100\]"),
        ({"seed": [1, 2]}, "`seed`"),
        ({"seed": "x", "depth": -1}, "`depth`"),
    ],
)
def test_fields_that_cannot_be(fields, problem):
    with pytest.raises(ConfigError, match=problem):
        space_and_base(fields)


def test_a_search_takes_no_folds_and_says_why():
    with pytest.raises(
        ConfigError, match=r"`folds` is not searched: each trial has one seed"
    ):
        domain_of("folds", "5")
