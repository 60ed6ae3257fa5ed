"""Every optimizer of Keras trains as by `model.fit`, or is listed as refused."""

from itertools import cycle

import keras
import numpy as np
import pytest
from helpers.conforming import BACKEND, aliases, difference, names_of

pytestmark = [
    pytest.mark.slow,
    # Keras warns of types that a backend lacks, for example. Warnings are not compared.
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

optimizers, schedules = keras.optimizers, keras.optimizers.schedules
SGD, Adam = optimizers.SGD, optimizers.Adam
RNG = np.random.default_rng(0)
EXAMPLES = 24  # three whole steps: a smaller one is another program, and takes its time
X = RNG.normal(size=(EXAMPLES, 5)).astype("float32")
Y = RNG.integers(0, 3, EXAMPLES).astype("int32")

ALL = [
    "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb",
    "Lion", "LossScaleOptimizer", "MultiOptimizer", "Muon", "Nadam", "RMSprop", "SGD",
    "ScheduleFreeAdamW",
]  # fmt: skip
NOT_COVERED = {
    "Optimizer": "the base class",
    "OptimizerMap": "an argument of MultiOptimizer",
    "deserialize": "creates an optimizer from a configuration",
    "get": "creates an optimizer from a name",
    "legacy": "a module of removed classes",
    "schedules": "a module: see SCHEDULES",
    "serialize": "creates a configuration",
}
ALL_OPTIONS = {
    "weight_decay": 0.01, "clipnorm": 0.5, "use_ema": True, "ema_momentum": 0.5,
    "ema_overwrite_frequency": 3, "gradient_accumulation_steps": 2,
}  # fmt: skip


def optimizer(name, **options):
    if name == "LossScaleOptimizer":
        inner = SGD(**{"learning_rate": 0.1, **options})
        return optimizers.LossScaleOptimizer(
            inner, initial_scale=2.0**10, dynamic_growth_steps=3
        )
    if name == "MultiOptimizer":
        return optimizers.MultiOptimizer(
            optimizers.OptimizerMap(Adam(0.01), {"first/.*": SGD(0.1, **options)})
        )
    return getattr(optimizers, name)(**{"learning_rate": 0.05, **options})


SCHEDULES = {
    "CosineDecay": lambda: schedules.CosineDecay(
        0.01, 4, warmup_target=0.1, warmup_steps=2
    ),
    "CosineDecayRestarts": lambda: schedules.CosineDecayRestarts(0.1, 2),
    "ExponentialDecay": lambda: schedules.ExponentialDecay(0.1, 2, 0.5, staircase=True),
    "InverseTimeDecay": lambda: schedules.InverseTimeDecay(0.1, 2, 0.5),
    "PiecewiseConstantDecay": lambda: schedules.PiecewiseConstantDecay(
        [2, 4], [0.1, 0.2, 0.05]
    ),
    "PolynomialDecay": lambda: schedules.PolynomialDecay(0.1, 3, cycle=True),
}
NO_SCHEDULES = {"LearningRateSchedule", "deserialize", "serialize"}
WITH_OPTIONS = [name for name in ALL if name != "MultiOptimizer"]
# Without options, tests/kmlp/training/test_contracts.py tries them on each backend.
CASES = {
    "MultiOptimizer": lambda: optimizer("MultiOptimizer"),
    **{
        f"{name}, all options, {schedule}": lambda name=name, schedule=schedule: optimizer(
            name, **ALL_OPTIONS, learning_rate=SCHEDULES[schedule]()
        )
        for name, schedule in zip(WITH_OPTIONS, cycle(SCHEDULES), strict=False)
    },
    "SGD, nesterov": lambda: SGD(0.1, momentum=0.9, nesterov=True),
    "SGD, momentum": lambda: SGD(0.1, momentum=0.9, global_clipnorm=0.1),
    "SGD, clipvalue": lambda: SGD(0.1, clipvalue=0.01, loss_scale_factor=8.0),
    "Adam, amsgrad": lambda: Adam(0.05, amsgrad=True),
    "RMSprop, centered": lambda: optimizers.RMSprop(0.05, momentum=0.5, centered=True),
    "Ftrl, penalties": lambda: optimizers.Ftrl(
        0.05, l1_regularization_strength=0.01, l2_regularization_strength=0.01, beta=0.1
    ),
    "ScheduleFreeAdamW, warm-up": lambda: optimizers.ScheduleFreeAdamW(
        0.05, warmup_steps=3
    ),
    "ScheduleFreeAdamW, scaled": lambda: optimizers.LossScaleOptimizer(
        optimizers.ScheduleFreeAdamW(0.05)
    ),
}
REFUSED = {
    "tensorflow": {},
    "jax": {},
    "torch": {},
}[BACKEND]


def test_every_name_of_keras_optimizers_is_listed():
    assert names_of(optimizers) == aliases(optimizers, ALL) | NOT_COVERED.keys()
    assert names_of(schedules) == SCHEDULES.keys() | NO_SCHEDULES


def classifier(make):
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(4, activation="tanh", name="first"),
            keras.layers.Dense(3, kernel_constraint="max_norm"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(make(), loss, metrics=["accuracy"])
    return model


@pytest.mark.parametrize("name", CASES)
def test_an_optimizer_trains_as_by_model_fit_or_is_refused(name):
    text = difference(lambda: classifier(CASES[name]), X, Y)
    if name in REFUSED:
        assert text.startswith("refused")
    else:
        assert text == ""
