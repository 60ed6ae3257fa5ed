"""Every loss of Keras is trained on as `model.fit` does, or refused by name."""

from functools import partial

import keras
import numpy as np
import pytest
from helpers.conforming import BACKEND, EXAMPLES, aliases, difference, differences, names_of

pytestmark = [
    pytest.mark.slow,
    # Keras' own, of types that a backend lacks and the like: they are no difference.
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
TAKES = {
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
OF = {name: labels for labels, names in TAKES.items() for name in names}
NOT_DATA = {
    "Loss": "the base class",
    "deserialize": "makes one of a configuration",
    "get": "makes one of a name",
    "serialize": "makes a configuration",
}
REFUSED = {
    "tensorflow": {},
    "jax": {},
    "torch": {
        **dict.fromkeys(
            ["Circle", "circle"], "makes a matrix whose size is a value, not a shape"
        ),
        **dict.fromkeys(
            [
                "CategoricalGeneralizedCrossEntropy",
                "categorical_generalized_cross_entropy",
            ],
            "reads values from Python while it computes, which a graph cannot",
        ),
    },
}[BACKEND]


def test_every_loss_is_sorted():
    assert names_of(losses) == aliases(losses, OF) | NOT_DATA.keys()


def many_losses(names):
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(4, activation="tanh")(inputs)
    outputs, given = {}, {}
    for name in names:
        if OF[name] == "word":  # probabilities of 4 signs at each of 6 places
            output = keras.layers.Reshape((6, 4))(keras.layers.Dense(24)(hidden))
        else:
            output = keras.layers.Dense(3, activation="softmax")(hidden)
        outputs[name] = keras.layers.Identity(name=name)(output)
        loss = getattr(losses, name)
        if name == "categorical_generalized_cross_entropy":  # it has no default
            loss = partial(loss, q=0.5)
        given[name] = loss() if isinstance(loss, type) else loss
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.01), given)
    return model


def run(names):
    labels = {name: LABELS[OF[name]] for name in names}
    return difference(lambda: many_losses(names), X, labels)


def test_all_losses_train_as_model_fit_has_them_train():
    assert differences([name for name in OF if name not in REFUSED], run) == {}
    for name in REFUSED:
        assert run([name]).startswith("refused"), name
