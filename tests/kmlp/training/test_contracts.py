"""The contracts of training, each for every configuration of one table.

A field that changes training has a row here. The datasets and the models are tiny.
"""

from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from helpers.keras_schedules import keras_schedule
from helpers.made_up_data import table_examples

from kmlp import RunConfig, load_dataset
from kmlp._util.seeds import Purpose, generator
from kmlp.data import facts_of
from kmlp.data._dataset import make_dataset
from kmlp.model.build import build_from
from kmlp.model.regression import target_statistics
from kmlp.model.run_data import split_for, statistics_of
from kmlp.model.schedules import varies
from kmlp.training import Session
from kmlp.training.checkpoint import CheckpointCodec
from kmlp.training.fused import CompiledModelCache
from kmlp.training.trainer import targets_by_part

pytestmark = pytest.mark.jax_first

EPOCHS = 2
FIGURES = {
    "classification": (
        *("loss", "accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy"),
    ),
    "regression": ("loss", "rmse", "val_loss", "val_rmse", "test_loss", "test_rmse"),
}
BASE = {"width": 8, "depth": 1, "batch_size": 50, "seed": 3}


class Row(NamedTuple):
    """A configuration, with what is expected of it."""

    fields: dict[str, Any]
    """The fields that differ from `BASE`."""
    others: dict[str, Any]
    """Other numbers, which the same compiled program takes."""
    curve: tuple[float, float]
    """The training loss of each epoch, measured on JAX."""
    drawn: bool = False
    """True if the step draws random numbers, so that Keras' `fit` has others."""
    slow: bool = False
    """True for `make test-slow`: the row is like others, or part of one of them."""


# fmt: off
TABLE = {
    "linear": Row({"depth": 0, "input_dropout": 0.3}, {"input_dropout": 0.1}, (2.2690, 1.9111), drawn=True, slow=True),
    "nesterov": Row({"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "clipnorm": 0.2}, {"momentum": 0.5, "weight_decay": 0.2, "clipnorm": 0.05}, (2.3421, 2.2607), slow=True),
    "exponential": Row({"schedule": "exponential:0.5", "warmup": 1.5, "initializer": "orthogonal", "loss": "binary_crossentropy", "label_smoothing": 0.1}, {"schedule": "exponential:0.1", "warmup": 0.3, "label_smoothing": 0.2}, (0.6966, 0.6843), slow=True),
    "unscaled": Row({"scaling": "none", "learning_rate": 1e-3, "label_noise": 0.3}, {"label_noise": 0.2}, (32.3965, 2.3377), slow=True),
    "all_random_layers": Row({"depth": 2, "dropout": 0.3, "input_dropout": 0.2, "gaussian_noise": 0.2, "batch_size": 64}, {"seed": 4}, (2.3479, 2.3077), drawn=True),
    "cosine": Row({"schedule": "cosine:2", "warmup": 1}, {"warmup": 0.5}, (2.3532, 2.2969)),
    "step": Row({"schedule": "step:1:0.1", "momentum": 0.9}, {"schedule": "step:0.5:0.2"}, (2.3152, 2.1907)),
    "standard": Row({"scaling": "standard"}, {"train_size": 100}, (2.3754, 2.0906)),
    "l1_l2": Row({"l1": 0.001, "l2": 0.01}, {"l1": 0.002, "l2": 0.01}, (2.8669, 2.7839)),
    "smoothing": Row({"label_smoothing": 0.1}, {"label_smoothing": 0.2}, (2.3297, 2.2698)),
    "batch": Row({"normalization": "batch", "batch_size": 60}, {"learning_rate": 0.3}, (2.3989, 1.9862)),
    "layer": Row({"normalization": "layer", "depth": 2}, {"learning_rate": 0.3}, (2.3306, 2.1152)),
    "all_augmentation": Row({"augmentation": "shift:1+rotate:10+flip", "dropout": 0.2, "batch_size": 64}, {"seed": 4}, (2.3463, 2.2986), drawn=True),
    "adam": Row({"optimizer": "adam"}, {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}, (2.3534, 2.2921)),
    "adamw": Row({"optimizer": "adamw"}, {"weight_decay": 0.1}, (2.3534, 2.2921), slow=True),
    "nadam": Row({"optimizer": "nadam"}, {"beta_1": 0.8, "beta_2": 0.9}, (2.3553, 2.3078), slow=True),
    "rmsprop": Row({"optimizer": "rmsprop", "momentum": 0.9}, {"rho": 0.8, "momentum": 0.5}, (2.3018, 2.0728)),
    "adagrad": Row({"optimizer": "adagrad", "learning_rate": 0.1}, {"epsilon": 0.1}, (2.2923, 2.1310), slow=True),
    "adadelta": Row({"optimizer": "adadelta", "learning_rate": 1.0}, {"rho": 0.8, "epsilon": 1e-5}, (2.3467, 2.2819), slow=True),
    "adamax": Row({"optimizer": "adamax"}, {"beta_1": 0.8, "beta_2": 0.9}, (2.3555, 2.3064), slow=True),
    "lion": Row({"optimizer": "lion"}, {"beta_1": 0.8, "beta_2": 0.9}, (2.3529, 2.2864), slow=True),
    "muon": Row({"optimizer": "muon"}, {"momentum": 0.5, "weight_decay": 0.1}, (2.3705, 2.3390)),
    "adafactor": Row({"optimizer": "adafactor", "learning_rate": 0.01}, {"learning_rate": 0.1}, (2.3631, 2.3221), slow=True),
    "ftrl": Row({"optimizer": "ftrl", "learning_rate": 0.1}, {"learning_rate": 0.01}, (2.3184, 2.3021), slow=True),
    "lamb": Row({"optimizer": "lamb", "learning_rate": 0.01}, {"beta_1": 0.8, "beta_2": 0.9}, (2.3566, 2.2900), slow=True),
    "schedulefreeadamw": Row({"optimizer": "schedulefreeadamw", "learning_rate": 0.001}, {"beta_1": 0.8, "beta_2": 0.9}, (2.3585, 2.3178), slow=True),
    "rows": Row({"dataset": "wine", "batch_size": 30}, {"train_size": 100}, (0.7649, 0.6200)),
    "unit": Row({"dataset": "wine", "scaling": "unit", "resplit": True}, {"seed": 4}, (0.7245, 0.6965), slow=True),
    "regression": Row({"dataset": "diabetes", "batch_size": 40}, {"train_size": 100}, (1.1103, 0.6386)),
    "huber": Row({"dataset": "diabetes", "loss": "huber", "resplit": True, "l2": 0.01}, {"seed": 4}, (0.6654, 0.5603), slow=True),
}
# fmt: on
PARAMS = {
    name: pytest.param(name, marks=[pytest.mark.slow] if row.slow else [])
    for name, row in TABLE.items()
}
ROWS = pytest.mark.parametrize("name", PARAMS.values())
NOT_DRAWN = [PARAMS[name] for name, row in TABLE.items() if not row.drawn]


@cache
def dataset(name):
    """200 images to train on, 100 to validate and 100 to test. Of a table, 150, 50 and 20
    rows of two columns of numbers, one of text and a constant one, with missing values."""
    if name != "mnist":
        task = facts_of(name).task
        return make_dataset(name, table_examples(200, task=task), validation_fraction=0.25)
    mnist = load_dataset("mnist")
    sizes = {"train": 200, "validation": 100, "test": 100}
    return replace(
        mnist,
        **{name: getattr(mnist, name).take(np.arange(n)) for name, n in sizes.items()},
    )


def data_of(config):
    """The examples of a run and its targets by part, as it is trained."""
    split = split_for(config, dataset(config.dataset))
    targets = targets_by_part(config, split)
    return {name: (getattr(split, name).x, targets[name]) for name in targets}


def config_of(name, **others):
    return RunConfig(**{**BASE, **TABLE[name].fields, **others})


def trained(config, *, checkpoint=None, models=None, fused=True):
    """The figures by epoch, and a checkpoint after each epoch."""
    data = dataset(config.dataset)
    session = Session(config, data, checkpoint, compiled_models=models, fused=fused)
    records, checkpoints = [], []
    while session.epochs < EPOCHS:
        records.append(session.train_epoch())
        checkpoints.append(session.checkpoint())
    session.close()
    figures = [[record.figure(name) for name in FIGURES[data.task]] for record in records]
    return np.array(figures), checkpoints


@cache
def compiled(name):
    """The program of a row. That programs compiled anew have the same bits is one claim."""
    return CompiledModelCache()


@cache
def uninterrupted(name):
    """The fused training of a row."""
    return trained(config_of(name), models=compiled(name))


def same_bytes(one, other):
    return [array.tobytes() for array in (*one.weights, *one.optimizer)] == [
        array.tobytes() for array in (*other.weights, *other.optimizer)
    ]


def assert_close(figures, weights, name):
    """The figures and the weights are those of the fused training."""
    expected, checkpoints = uninterrupted(name)
    np.testing.assert_allclose(figures, expected, rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(checkpoints[-1].weights, weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@ROWS
def test_an_epoch_as_one_program_equals_one_step_by_step(name):
    figures, checkpoints = trained(config_of(name), fused=False)
    assert_close(figures, checkpoints[-1].weights, name)


def plain(config, whole):
    """The plain model; that of a regression for standardized targets."""
    statistics = statistics_of(config, split_for(config, whole))
    return build_from(
        config,
        input_shape=whole.input_shape,
        num_classes=whole.num_classes or None,
        **{**statistics, "targets": None},
    )


@pytest.mark.parametrize("name", NOT_DRAWN)
def test_training_equals_fit_of_the_plain_model(name):
    """Evaluation has no penalties, and no smoothing."""
    config, figures = config_of(name), []
    bare = replace(config, l1=0.0, l2=0.0, label_smoothing=0.0)
    whole = dataset(config.dataset)
    model, evaluated = plain(config, whole), plain(bare, whole)
    train, parts = data_of(config)["train"], data_of(bare)
    if varies(config):
        model.optimizer.learning_rate = keras_schedule(config, steps=4)
    # On TensorFlow, `fit` would build it in a graph, where ScheduleFreeAdamW has no weights.
    model.optimizer.build(model.trainable_variables)
    for epoch in range(EPOCHS):
        order = generator(config.seed, Purpose.ORDER, epoch).permutation(len(train[0]))
        history = model.fit(
            *(array[order] for array in train), batch_size=config.batch_size,
            shuffle=False, verbose=0,
        ).history  # fmt: skip
        evaluated.set_weights(model.get_weights())
        results = [
            evaluated.evaluate(*parts[part], verbose=0)[:2]
            for part in ("validation", "test")
        ]
        metric = "rmse" if "rmse" in history else "accuracy"
        figures.append([*history["loss"], *history[metric], *results[0], *results[1]])
    if whole.task == "regression":
        _, sd = target_statistics(split_for(config, whole).train.y)
        figures = np.array(figures) * ([1, sd] * 3)
    assert_close(figures, model.get_weights(), name)


@ROWS
def test_a_run_goes_on_from_its_file_as_if_it_had_not_stopped(name):
    figures, checkpoints = uninterrupted(name)
    config = config_of(name)
    codec = CheckpointCodec(config, dataset(config.dataset))
    read = codec.load(1, codec.dump(checkpoints[0]))
    continued, [last] = trained(config_of(name), checkpoint=read, models=compiled(name))
    np.testing.assert_array_equal(continued, figures[1:])
    assert same_bytes(last, checkpoints[-1])


@ROWS
def test_a_repeat_has_the_same_bits_also_in_a_program_compiled_for_other_numbers(name):
    figures, checkpoints = uninterrupted(name)
    models = CompiledModelCache()
    others, _ = trained(config_of(name, **TABLE[name].others), models=models)
    repeated, again = trained(config_of(name), models=models)
    assert models.compiled_count == 1
    assert not np.array_equal(others, figures)
    np.testing.assert_array_equal(repeated, figures)
    assert same_bytes(again[-1], checkpoints[-1])


@ROWS
def test_the_curve_is_the_same_on_every_backend(name):
    """Each differs by at most 0.5 % from the same numbers, so two by at most 1 %."""
    figures, _ = uninterrupted(name)
    np.testing.assert_allclose(figures[:, 0], TABLE[name].curve, rtol=0.005)
