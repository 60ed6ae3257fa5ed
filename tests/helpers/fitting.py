"""Data and models for tests that train with `kmlp.fit` and with `model.fit`."""

import keras
import numpy as np

from kmlp import build_mlp
from kmlp._util.seeds import Purpose, generator

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (200, 6, 6)).astype("uint8")
Y = RNG.integers(0, 10, 200).astype("int32")


def mlp(**hyperparameters):
    defaults = {"width": 8, "depth": 1, "learning_rate": 0.01}
    return build_mlp(input_shape=(6, 6), **defaults | hyperparameters)


def sequential(*layers, optimizer="sgd", loss="sparse_categorical_crossentropy"):
    model = keras.Sequential(
        [
            keras.Input((6, 6)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(),
            *layers, keras.layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def plain_fit(model, x, y, *, batch_size, epochs, seed=0, **options):
    """Train with `model.fit` on the batches of `kmlp.fit`; return the logs by name."""
    logs = {}
    for epoch in range(epochs):
        order = generator(seed, Purpose.ORDER, epoch).permutation(len(y))
        history = model.fit(
            x[order], y[order], batch_size=batch_size, shuffle=False, verbose=0, **options
        ).history
        for name, values in history.items():
            logs.setdefault(name, []).extend(values)
    return logs


ROUNDING = 1e-9
"""The rounding of a weight near 0, whose gradient's terms over a batch cancel: float32 rounds
each of them, of about 0.01 here, by up to 1e-7 of it."""


def assert_same(ours, theirs, logs, expected, rtol=1e-5):
    assert logs.keys() == expected.keys()
    for name in logs:
        np.testing.assert_allclose(logs[name], expected[name], rtol=rtol, err_msg=name)
    for one, other in zip(
        [*ours.weights, *ours.optimizer.variables],
        [*theirs.weights, *theirs.optimizer.variables],
        strict=True,
    ):
        one, other = map(keras.ops.convert_to_numpy, (one, other))
        largest = max(rtol * np.abs(other).max(), ROUNDING)
        np.testing.assert_allclose(one, other, rtol=rtol, atol=largest)


def model_state(model):
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def restore(model, state):
    variables = [*model.variables, *model.optimizer.variables]
    for variable, value in zip(variables, state, strict=True):
        variable.assign(value)
