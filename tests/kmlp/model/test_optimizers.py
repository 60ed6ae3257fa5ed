"""Optimizers by name take the fields of their classes, with the same defaults."""

import inspect

import keras
import pytest

from kmlp import ConfigError, RunConfig, build_mlp, register_optimizer
from kmlp.model.optimizers import (
    OPTIMIZER_FIELDS,
    OPTIMIZERS,
    default_text,
    make_optimizer,
    optimizer_defaults,
)
from kmlp.model.saving import save_portable
from kmlp.training.identity import run_key

pytestmark = pytest.mark.once

CLASSES = {
    name.lower(): value
    for name, value in vars(keras.optimizers).items()
    if inspect.isclass(value) and issubclass(value, keras.optimizers.Optimizer)
}


def slow_sgd(learning_rate=0.001, momentum=0.5):
    return keras.optimizers.SGD(learning_rate, momentum=momentum)


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    monkeypatch.setattr(OPTIMIZERS, "_custom", {})


def test_every_optimizer_of_keras_has_its_name_or_a_reason():
    assert {*OPTIMIZERS.names, *OPTIMIZERS._unusable} == set(CLASSES)


@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_the_fields_and_their_defaults_are_those_of_keras(name):
    parameters = inspect.signature(CLASSES[name]).parameters
    expected = {
        field: lacking if (default := parameters[field].default) is None else default
        for field, lacking in OPTIMIZER_FIELDS.items()
        if field in parameters
    }
    if name == "sgd":
        expected["learning_rate"] = 0.1
    if name == "muon":
        expected |= {"beta_1": None, "beta_2": None}  # those of Keras' `adam_beta_1`
    assert dict(optimizer_defaults(name)) == expected


@pytest.mark.parametrize("name", OPTIMIZERS.names)
def test_an_optimizer_is_keras_own_with_the_values_of_the_fields(name):
    made = make_optimizer(RunConfig(optimizer=name, learning_rate=0.25)).get_config()
    assert made == CLASSES[name](0.25, name=made["name"]).get_config()


def test_every_field_reaches_the_optimizer():
    model = build_mlp(
        optimizer="adamw", learning_rate=0.5, beta_1=0.8, beta_2=0.7, epsilon=0.1,
        clipnorm=2, weight_decay=0.25,
    )  # fmt: skip
    made = model.optimizer.get_config()
    expected = {
        "learning_rate": 0.5, "beta_1": 0.8, "beta_2": 0.7, "epsilon": 0.1,
        "clipnorm": 2.0, "weight_decay": 0.25,
    }  # fmt: skip
    assert {name: made[name] for name in expected} == expected


def test_the_betas_of_muon_are_those_of_its_adamw():
    made = build_mlp(optimizer="muon", beta_1=0.8).optimizer
    assert (made.adam_beta_1, made.adam_beta_2) == (0.8, 0.999)
    assert RunConfig(optimizer="muon").beta_1 is None  # the keys of runs stay


def test_without_decay_muon_decays_neither_kernels_nor_biases():
    optimizer = build_mlp(optimizer="muon", weight_decay=0).optimizer
    assert not optimizer.weight_decay
    assert not optimizer.adam_weight_decay


def test_a_registered_optimizer_takes_the_fields_of_its_arguments():
    register_optimizer("slow_sgd", slow_sgd)
    config = RunConfig(optimizer="slow_sgd")
    assert (config.learning_rate, config.momentum, config.beta_1) == (0.001, 0.5, None)
    assert make_optimizer(config.with_fields(momentum=0.25)).momentum == 0.25
    for field, value in {"rho": 0.5, "weight_decay": 0.1, "clipnorm": 1.0}.items():
        with pytest.raises(ConfigError, match=f"slow_sgd has no `{field}`"):
            config.with_fields(**{field: value})


def test_a_class_takes_the_fields_of_its_base_class_too():
    class Own(keras.optimizers.SGD):
        def __init__(self, learning_rate=0.5, **others):
            super().__init__(learning_rate, **others)

    register_optimizer("own", Own)
    made = make_optimizer(RunConfig(optimizer="own", weight_decay=0.25, clipnorm=3))
    assert (made.weight_decay, made.clipnorm, float(made.learning_rate)) == (0.25, 3.0, 0.5)


@pytest.mark.parametrize("item", [3, lambda: None, lambda learning_rate: None])
def test_an_optimizer_without_a_default_learning_rate_is_refused(item):
    with pytest.raises(TypeError, match=r"callable|learning_rate"):
        register_optimizer("own", item)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda rate: "adam", "is 'adam', but must be an `Optimizer` of Keras"),
        (lambda rate: None, "is None, but must be"),
        (lambda rate: keras.optimizers.SGD(0.5), "rate of 0.5, but was given .* 0.1"),
        (lambda rate: keras.optimizers.SGD(2 * rate), "rate of 0.2, but was given .* 0.1"),
        (
            lambda rate: keras.optimizers.SGD(
                keras.optimizers.schedules.CosineDecay(rate, 10)
            ),
            "schedule of its own",
        ),
    ],
    ids=["word", "none", "fixed", "scaled", "schedule"],
)
def test_an_optimizer_that_does_not_have_its_learning_rate_is_refused(make, problem):
    """Runs set and record the rate."""
    register_optimizer("own", lambda learning_rate=0.1: make(learning_rate))
    with pytest.raises(ConfigError, match=problem):
        build_mlp(optimizer="own")


def test_the_help_names_the_default_of_every_optimizer():
    assert default_text("weight_decay") == "0.004 for adamw and muon, else 0.0"
    assert default_text("beta_2") == "0.99 for lion, else 0.999"
    assert default_text("nesterov") == "false for sgd, true for muon"


def test_a_model_with_an_optimizer_of_the_user_is_saved_without_it(tmp_path):
    class Own(keras.optimizers.SGD):
        def __init__(self, learning_rate=0.5, **others):
            super().__init__(learning_rate, **others)

    register_optimizer("own", Own)
    assert save_portable(build_mlp(optimizer="adam", width=4), tmp_path / "adam.keras")
    path = tmp_path / "own.keras"
    assert not save_portable(build_mlp(optimizer="own", width=4), path)
    assert not keras.saving.load_model(path).compiled


def test_the_key_of_a_run_depends_on_the_code_of_its_optimizer():
    def key():
        return run_key(RunConfig(optimizer="own"), "data", "jax", fused=True)

    register_optimizer("own", lambda learning_rate=0.1: keras.optimizers.SGD(learning_rate))
    first = key()
    assert first == key()
    register_optimizer("own", slow_sgd, replace=True)
    assert first != key()
