"""Models that cannot be trained by compiled programs are refused, with the reason."""

import random

import keras
import numpy as np
import pytest
from helpers.fitting import X, Y, mlp, sequential

from kmlp import ConfigError, fit


def compiled(model):
    model.compile("sgd", "mse")
    return model


def overridden_fit():
    class CustomFit(keras.Sequential):
        def fit(self, *arguments, **options):
            return super().fit(*arguments, **options)

    return compiled(CustomFit([keras.Input((6, 6)), keras.layers.Flatten()]))


def overridden_train_function():
    class CustomFunction(keras.Sequential):
        def make_train_function(self, force=False):
            return super().make_train_function(force)

    return compiled(CustomFunction([keras.Input((6, 6)), keras.layers.Flatten()]))


def not_compiled():
    return keras.Sequential([keras.Input((6, 6)), keras.layers.Flatten()])


def eager():
    model = mlp()
    model.run_eagerly = True
    return model


class PythonRandom(keras.layers.Layer):
    """A layer that draws when a step is compiled, but not at every step."""

    def call(self, x):
        return x * random.random()


def python_random():
    return sequential(PythonRandom())


class ValueReader(keras.layers.Layer):
    """A layer whose Python code reads a value, which a compiled program cannot give."""

    def call(self, x):
        return x if float(keras.ops.convert_to_numpy(keras.ops.sum(x))) > 0 else -x

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


def value_reader():
    model = keras.Sequential(
        [keras.Input((6, 6)), keras.layers.Flatten(), ValueReader(), keras.layers.Dense(10)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (overridden_fit, "`fit`"),
        (overridden_train_function, "`make_train_function`"),
        (not_compiled, "not a compiled Keras model"),
        (eager, "run_eagerly"),
        (value_reader, "cannot be compiled"),
        (python_random, "random numbers"),
        (lambda: 3, "3 .*compiled Keras model"),
    ],
)
def test_a_model_that_cannot_be_compiled_is_refused_and_unchanged(make, text):
    model = make()
    before = model.get_weights() if isinstance(model, keras.Model) else None
    with pytest.raises(ConfigError, match=text):
        fit(model, X, Y, batch_size=64, epochs=1)
    if before is not None:
        for one, other in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
