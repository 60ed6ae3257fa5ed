"""Every loss of Keras trains as by `model.fit`, or is listed as refused."""

from functools import partial

import keras
import numpy as np
import pytest
from helpers.conforming import BACKEND, EXAMPLES, aliases, difference, differences, names_of

pytestmark = [
    pytest.mark.slow,
    # Keras warns of types that a backend lacks, for example. Warnings are not compared.
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

losses = keras.losses
RNG = np.random.default_rng(0)
X = RNG.normal(size=(EXAMPLES, 5)).astype("float32")
CLASSES = RNG.integers(0, 3, EXAMPLES).astype("int32")
LABELS = {
    "class": CLASSES,
    "one hot": np.eye(3, dtype="float32")[CLASSES],
    "sign": np.sign(RNG.normal(size=(EXAMPLES, 3))).astype("float32"),
    "binary": RNG.integers(0, 2, (EXAMPLES, 3)).astype("float32"),
    "number": RNG.uniform(0.1, 1, (EXAMPLES, 3)).astype("float32"),
    "word": RNG.integers(1, 4, (EXAMPLES, 2)).astype("int32"),
}
LOSSES_BY_TARGETS = {
    "class": [
        "SparseCategoricalCrossentropy", "sparse_categorical_crossentropy", "Circle",
        "circle", "CategoricalGeneralizedCrossEntropy",
        "categorical_generalized_cross_entropy",
    ],
    "one hot": [
        "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
"CategoricalHinge", "Dice", "KLDivergence",
        "Tversky", "categorical_crossentropy", "categorical_focal_crossentropy",
        "categorical_hinge", "dice", "kl_divergence", "tversky",
    ],
    "sign": ["Hinge", "SquaredHinge", "hinge", "squared_hinge"],
    "binary": [
        "BinaryCrossentropy", "BinaryFocalCrossentropy", "binary_crossentropy",
        "binary_focal_crossentropy",
    ],
    "number": [
        "CosineSimilarity", "Huber", "LogCosh", "MeanAbsoluteError",
        "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError",
        "Poisson", "cosine_similarity", "huber", "log_cosh", "mean_absolute_error",
        "mean_absolute_percentage_error", "mean_squared_error",
        "mean_squared_logarithmic_error", "poisson",
    ],
    "word": ["CTC", "ctc"],
}  # fmt: skip
TARGETS = {name: labels for labels, names in LOSSES_BY_TARGETS.items() for name in names}
NOT_COVERED = {
    "Loss": "the base class",
    "deserialize": "creates a loss from a configuration",
    "get": "creates a loss from a name",
    "serialize": "creates a configuration",
}
REFUSED = {
    "tensorflow": {},
    "jax": {},
    "torch": {
        **dict.fromkeys(
            ["Circle", "circle"], "creates a matrix whose size depends on values"
        ),
        **dict.fromkeys(
            [
                "CategoricalGeneralizedCrossEntropy",
                "categorical_generalized_cross_entropy",
            ],
            "reads computed values in Python, which a graph cannot",
        ),
    },
}[BACKEND]


def test_every_name_of_keras_losses_is_listed():
    assert names_of(losses) == aliases(losses, TARGETS) | NOT_COVERED.keys()


def many_losses(names):
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(4, activation="tanh")(inputs)
    outputs, losses_by_output = {}, {}
    for name in names:
        if TARGETS[name] == "word":  # probabilities of 4 letters at each of 6 positions
            output = keras.layers.Reshape((6, 4))(keras.layers.Dense(24)(hidden))
        else:
            output = keras.layers.Dense(3, activation="softmax")(hidden)
        outputs[name] = keras.layers.Identity(name=name)(output)
        loss = getattr(losses, name)
        if name == "categorical_generalized_cross_entropy":  # `q` has no default
            loss = partial(loss, q=0.5)
        losses_by_output[name] = loss() if isinstance(loss, type) else loss
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.01), losses_by_output)
    return model


def run(names):
    labels = {name: LABELS[TARGETS[name]] for name in names}
    return difference(lambda: many_losses(names), X, labels)


def test_losses_train_as_by_model_fit_or_are_refused():
    assert differences([name for name in TARGETS if name not in REFUSED], run) == {}
    for name in REFUSED:
        assert run([name]).startswith("refused"), name
