"""A configuration has checked values, which survive conversion to JSON and to text."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmlp import ConfigError, RunConfig
from kmlp.model.hyperparameters import config_fields
from kmlp.model.params import param_names
from kmlp.model.text import parse_config, value_text

pytestmark = pytest.mark.once


widths = st.integers(1, 10**6)


layers = st.fixed_dictionaries(
    {"width": widths, "depth": st.integers(0, 50)}
) | st.fixed_dictionaries({"width": st.lists(widths, min_size=1, max_size=50)})


configs = st.builds(
    lambda layers, **others: RunConfig(**layers, **others),
    layers=layers,
    activation=st.sampled_from(["relu", "tanh", "gelu"]),
    loss=st.sampled_from(["cross_entropy", "nll", "mse"]),
    learning_rate=st.floats(1e-12, 1e6),
    momentum=st.floats(1e-6, 0.999),
    nesterov=st.booleans(),
    weight_decay=st.just(0.0) | st.floats(1e-30, 10),
    batch_size=st.integers(1, 10**6),
    initializer=st.sampled_from(["glorot_uniform", "pytorch", "normal"]),
    train_size=st.none() | st.integers(1, 10**6),
    resplit=st.booleans(),
    seed=st.integers(0, 2**64),
)


@given(configs)
def test_a_configuration_survives_conversion_to_a_dict(config):
    values = json.loads(json.dumps(config.to_dict()))
    assert values == config.to_dict()
    assert RunConfig.from_dict(values) == config
    assert hash(RunConfig.from_dict(values)) == hash(config)
    assert RunConfig.restored(values) == config
    assert hash(RunConfig.restored(values)) == hash(config)


@given(configs)
def test_a_configuration_survives_conversion_to_text(config):
    texts = {name: value_text(name, value) for name, value in config.to_dict().items()}
    assert parse_config(texts) == config
    for name, field in config_fields().items():
        value = getattr(config, name)
        assert field.parse(value_text(name, value)) == value


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("learning_rate", "1e39"),
        ("learning_rate", "1/1" + "0" * 50),
        ("momentum", "0.99999999999"),
        ("width", "9" * 5000),
        ("width", "8x" + "9" * 4000),
        ("seed", "1" + "0" * 400),
    ],
    ids=lambda text: text[:20],
)
def test_numbers_outside_of_the_allowed_range_are_refused_as_text(field, text):
    with pytest.raises(ConfigError) as refusal:
        config_fields()[field].parse(text)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize("field", ["width", "depth", "batch_size", "train_size", "seed"])
@pytest.mark.parametrize("digits", [400, 5000])
def test_very_large_integers_are_refused(field, digits):
    """Python refuses to print integers of more than 4300 digits."""
    for value in (10**digits, [8, 10**digits]) if field == "width" else (10**digits,):
        with pytest.raises(ConfigError, match=f"`{field}`") as refusal:
            RunConfig(**{field: value})
        assert len(str(refusal.value)) < 300


def test_the_least_and_the_greatest_float32_are_allowed():
    small, great = np.finfo("float32").tiny, np.finfo("float32").max
    assert RunConfig(learning_rate=small).learning_rate == small
    assert RunConfig(weight_decay=great).weight_decay == great
    assert RunConfig(weight_decay=0.0).weight_decay == 0


def test_a_configuration_is_frozen():
    with pytest.raises(AttributeError):
        RunConfig().width = 3


def test_a_configuration_has_every_hyperparameter_of_a_run():
    assert set(config_fields()) == {
        "dataset", "width", "depth", "activation", "loss", "output", "optimizer",
        "learning_rate", "momentum", "nesterov", "beta_1", "beta_2", "rho", "epsilon",
        "clipnorm", "weight_decay", "batch_size", "initializer", "scaling",
        "train_size", "validation_fraction", "resplit", "folds", "seed", "dropout", "input_dropout",
        "gaussian_noise", "augmentation",
        "l1", "l2", "label_smoothing", "label_noise", "normalization",
        "schedule", "warmup",
    }  # fmt: skip
    fields = set(config_fields()) - {"seed", "resplit", "folds"}
    assert set(param_names()) == fields | {"epochs", "patience"}


@pytest.mark.parametrize("change", [{"no_such_field": 1}, {"width": ...}])
def test_from_dict_refuses_unknown_and_missing_fields(change):
    values = RunConfig().to_dict() | change
    values = {key: value for key, value in values.items() if value is not ...}
    with pytest.raises(ConfigError, match=r"Unknown field|missing"):
        RunConfig.from_dict(values)


def test_all_problems_are_reported_at_once():
    with pytest.raises(ConfigError) as refusal:
        RunConfig(
            dataset="mnst", width=0, learning_rate=-1, activation="rellu", nesterov=True,
            loss="mse", output="sigmoidd", batch_size=2.5,
        )  # fmt: skip
    assert len(refusal.value.problems) == 7


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("width", 0, "The value of `width` is 0, but must be `width >= 1`."),
        ("width", 2.0, "The value of `width` is 2.0, but must be an integer, or several: (300, 100)."),
        ("width", True, "The value of `width` is True, but must be an integer, or"),
        ("width", "32", "The value of `width` is '32', but must be an integer, or"),
        ("width", None, "The value of `width` is None, but must be an integer, or"),
        ("width", (), "The value of `width` is (), but must be an integer, or"),
        ("width", [8, 0], "The value of `width` is (8, 0), but each must be `width >= 1`."),
        ("width", (8, -1), "The value of `width` is (8, -1), but each must be `width >= 1`."),
        ("width", (8, 2.0), "The value of `width` is (8, 2.0), but must be an integer, or"),
        ("width", (8, "9"), "The value of `width` is (8, '9'), but must be an integer, or"),
        ("width", "8x9", "The value of `width` is '8x9', but must be an integer, or"),
        ("width", [8, True], "The value of `width` is [8, True], but must be an integer, or"),
        ("width", [8, None], "The value of `width` is [8, None], but must be an integer, or"),
        ("width", [[8, 9]], "The value of `width` is [[8, 9]], but must be an integer, or"),
        ("width", np.array([8.0, 9.0]), "must be an integer, or"),
        ("width", np.array([[8, 9]]), "must be an integer, or"),
        ("width", range(1, 1002), "must be an integer, or"),
        ("width", list(range(1, 1002)), "The value of `depth` is 1001, but must be `0 <= depth <= 1000`."),
        ("batch_size", (8, 9), "The value of `batch_size` is (8, 9), but must be an integer."),
        ("depth", 2.0, "The value of `depth` is 2.0, but must be an integer."),
        ("depth", -1, "`0 <= depth <= 1000`"),
        ("depth", 10**20, "`0 <= depth <= 1000`"),
        ("learning_rate", 0, "`0 < learning_rate < inf`"),
        ("learning_rate", -1, "`0 < learning_rate < inf`"),
        ("learning_rate", math.nan, "is nan, but must be"),
        ("learning_rate", math.inf, "is inf, but must be"),
        ("learning_rate", "fast", "must be a number"),
        ("dropout", 1, "`0 <= dropout < 1`"),
        ("input_dropout", 0.99999999999, "`0 <= input_dropout < 1`, also as float32"),
        ("gaussian_noise", 1.5, "`0 <= gaussian_noise <= 1`"),
        ("momentum", 1, "`0 <= momentum < 1`"),
        ("momentum", math.nan, "`0 <= momentum < 1`"),
        ("weight_decay", -0.1, "`0 <= weight_decay < inf`"),
        ("nesterov", 1, "must be true or false"),
        ("batch_size", 0, "`batch_size >= 1`"),
        ("train_size", 0, "`train_size >= 1`"),
        ("train_size", 1.5, "must be an integer or all"),
        ("seed", -1, "`seed >= 0`"),
        ("activation", "rellu", 'Unknown activation "rellu": did you mean "relu"?'),
        ("activation", 3, "must be a name"),
        ("loss", "cros_entropy", 'did you mean "cross_entropy"?'),
        ("initializer", "he_norml", 'did you mean "he_normal"?'),
        ("dataset", "mnst", 'did you mean "mnist"?'),
        ("output", "softmx", 'did you mean "softmax"?'),
        ("learning_rate", 1e39, "The value of `learning_rate` is 1e+39, but must be from 1.2e-38 to 3.4e+38 (float32)."),
        ("learning_rate", 1e-46, "is 1e-46, but must be from 1.2e-38 to"),
        ("learning_rate", np.float64(1e-39), "from 1.2e-38 to"),  # 0 for some CPUs
        ("weight_decay", 1e39, "from 1.2e-38 to 3.4e+38"),
        ("weight_decay", 1e-46, "must be 0, or from 1.2e-38 to 3.4e+38"),
        ("momentum", 0.99999999999, "is 0.99999999999, but must be `0 <= momentum < 1`, also as float32."),
        ("momentum", 1e-46, "from 1.2e-38 to 3.4e+38"),
        ("validation_fraction", 1 - 1e-12, "`0 < validation_fraction < 1`, also as float32"),
        ("validation_fraction", 1e-46, "from 1.2e-38 to 3.4e+38"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_the_rule(field, value, message):
    with pytest.raises(ConfigError) as refusal:
        RunConfig(**{field: value})
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "width", "depth"),
    [
        ({}, 128, 2),
        ({"depth": None}, 128, 2),
        ({"depth": 0}, 128, 0),
        ({"width": (300, 100, 50)}, (300, 100, 50), 3),
        ({"width": [300, 100], "depth": 2}, (300, 100), 2),
        ({"width": np.array([300, 100])}, (300, 100), 2),
        ({"width": [np.int64(300), 100]}, (300, 100), 2),
        ({"width": (128, 128, 128)}, 128, 3),
        ({"width": [7]}, 7, 1),
    ],
)
def test_a_width_of_several_numbers_states_every_layer(arguments, width, depth):
    config = RunConfig(**arguments)
    assert (config.width, config.depth) == (width, depth)
    assert {type(config.depth), *map(type, np.atleast_1d(config.width).tolist())} == {int}
    assert type(config.width) is type(width)
    assert config == RunConfig(width=width, depth=depth)
    assert hash(config) == hash(RunConfig(width=width, depth=depth))


def test_a_depth_that_is_missing_in_stored_values_is_derived():
    values = RunConfig(width=(300, 100, 50)).to_dict()
    assert values.pop("depth") == 3
    assert RunConfig.restored(values).depth == 3
    assert RunConfig.restored({}) == RunConfig()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"optimizer": "sgd", "learning_rate": 0.1, "beta_1": None, "epsilon": None}),
        ({"optimizer": "adam"}, {"learning_rate": 0.001, "beta_1": 0.9, "weight_decay": 0.0}),
        ({"optimizer": "adam", "learning_rate": 0.1, "beta_1": 0}, {"learning_rate": 0.1, "beta_1": 0.0}),
        ({"optimizer": "adamw"}, {"weight_decay": 0.004}),
        ({"optimizer": "muon"}, {"momentum": 0.95, "nesterov": True}),
    ],
)  # fmt: skip
def test_the_defaults_of_a_configuration_follow_its_optimizer(fields, expected):
    values = RunConfig(**fields).to_dict()
    assert {name: values[name] for name in expected} == expected


def test_another_optimizer_has_its_own_defaults_unless_they_were_given():
    base = RunConfig(learning_rate=0.01, batch_size=32)
    changed = base.with_fields(optimizer="adam", seed=3)
    assert changed == RunConfig(optimizer="adam", learning_rate=0.01, batch_size=32, seed=3)
    assert changed.with_fields(optimizer="lion").beta_2 == 0.99
    assert RunConfig().with_fields(seed=1).with_fields(optimizer="adam") == RunConfig(
        optimizer="adam", seed=1
    )
    stored = RunConfig.restored(RunConfig(optimizer="adam").to_dict())
    assert stored == RunConfig(optimizer="adam")


def test_an_unknown_optimizer_is_the_only_problem():
    with pytest.raises(ConfigError, match='did you mean "adam"') as refusal:
        RunConfig(optimizer="adm")
    assert len(refusal.value.problems) == 1


@pytest.mark.parametrize(
    "values",
    [
        *({"l1": -0.1}, {"l2": math.inf}, {"label_smoothing": 1.0}, {"label_noise": 1.1}),
        *({"normalization": "bath"}, {"scaling": "standart"}, {"label_smoothing": -1e-3}),
    ],
)
def test_values_that_are_not_allowed_are_refused(values):
    with pytest.raises(ConfigError, match=next(iter(values))):
        RunConfig(**values)


def test_numbers_get_the_type_of_their_field():
    config = RunConfig(momentum=0, learning_rate=np.float32(0.5), width=np.int64(7))
    values = (config.momentum, config.learning_rate, config.width)
    assert [type(value) for value in values] == [float, float, int]
    assert config == RunConfig(momentum=0.0, learning_rate=0.5, width=7)


def test_the_words_of_the_command_line_stand_for_none_in_python_too():
    config = RunConfig(validation_fraction="test", train_size="all")
    assert (config.validation_fraction, config.train_size) == (None, None)
    assert config == RunConfig(validation_fraction=None)
    with pytest.raises(ConfigError, match="must be a number or test"):
        RunConfig(validation_fraction="tests")


def test_the_scaling_and_the_loss_follow_from_the_dataset():
    for name, scaling, loss in (
        ("mnist", "unit", "cross_entropy"),
        ("wine", "standard", "cross_entropy"),
        ("diabetes", "standard", "mse"),
    ):
        for config in (RunConfig(dataset=name), RunConfig().with_fields(dataset=name)):
            assert (config.scaling, config.loss) == (scaling, loss)
            assert RunConfig.restored(config.to_dict()) == config
            assert "scaling" not in repr(config)
    kept = RunConfig(scaling="unit", loss="mse").with_fields(dataset="diabetes")
    assert (kept.scaling, kept.loss) == ("unit", "mse")


def test_a_stored_run_of_a_time_without_scalings_had_that_of_images():
    stored = {"dataset": "removed_meanwhile", "loss": "cross_entropy"}
    assert RunConfig.restored(stored).scaling == "unit"
