"""The parameters of an ablation are named as the fields, and read from text."""

import pytest

from kmlp import ConfigError
from kmlp.model.params import param_field, parse_param_values

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("param", "text", "values"),
    [
        ("learning_rate", "1e-3,0.1", (0.001, 0.1)),
        ("momentum", "0", (0.0,)),
        ("activation", "relu, gelu", ("relu", "gelu")),
        ("depth", "0,1,3", (0, 1, 3)),
        ("width", "32, 300x100,8x8", (32, (300, 100), (8, 8))),
        ("nesterov", "true,false", (True, False)),
        ("train_size", "1000,all", (1000, None)),
        ("output", "none", (None,)),
    ],
)
def test_param_values_are_parsed_by_type(param, text, values):
    parsed = parse_param_values(param, text)
    assert parsed == values
    assert [type(value) for value in parsed] == [type(value) for value in values]


def test_problems_of_all_param_values_are_reported_at_once():
    with pytest.raises(ConfigError) as refusal:
        parse_param_values("width", "0,,x,1e2,30x,8x0")
    assert [problem.split(",")[0] for problem in refusal.value.problems] == [
        "The value of `width` is 0",
        "Value 2 of `width` is empty in '0",
        "The value of `width` is 'x'",
        "The value of `width` is '1e2'",
        "The value of `width` is '30x'",
        "The value of `width` is (8",
    ]


def test_a_depth_of_none_is_refused_in_an_ablation():
    with pytest.raises(ConfigError, match=r"`depth`.*'none'.*integer"):
        parse_param_values("depth", "none")
    with pytest.raises(ConfigError, match=r"`depth`.* None.*integer"):
        param_field("depth").convert(None)


def test_only_train_size_has_the_word_all():
    with pytest.raises(ConfigError, match='activation "all"'):
        parse_param_values("output", "all")


def test_an_unknown_parameter_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match=r'"widht".*"width"'):
        param_field("widht")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("seed", "replicates"),
        ("resplit", "examples on which"),
        ("folds", "examples on which"),
    ],
)
def test_the_seed_and_the_split_cannot_be_the_parameter(name, reason):
    with pytest.raises(ConfigError, match=reason):
        param_field(name)
