"""What of a model a compiled step holds as constants, and what training leaves as it is."""

import keras
import numpy as np
import pytest

from kmlp.fused.constants import Constants

SGD = keras.optimizers.SGD


class Scaled(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.by = 1.0

    def call(self, x):
        return x * self.by


def all_attributes():
    inputs = keras.Input((6, 6))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255, name="rescaling")(inputs))
    x = keras.layers.Dense(8, kernel_regularizer=keras.regularizers.L2(0.1), name="dense")(
        x
    )
    x = keras.layers.BatchNormalization(name="normalization")(Scaled()(x))
    x = keras.layers.Dropout(0.5, seed=3, name="dropout")(x)
    model = keras.Model(inputs, keras.layers.Dense(10, name="last")(x))
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 5, 0.5)
    optimizer = SGD(schedule, momentum=0.5, weight_decay=0.01)
    factors = {"loss": 1.0}

    def loss(y, scores):
        entropy = keras.losses.sparse_categorical_crossentropy(y, scores, from_logits=True)
        return entropy * factors["loss"]

    model.compile(optimizer, loss)
    model.factors_of_the_loss = factors
    return model


def set_factor(model):
    model.factors_of_the_loss["loss"] = 0.1


CHANGES = {
    "a rate": lambda model: setattr(model.get_layer("dropout"), "rate", 0.1),
    "a layer's own": lambda model: setattr(model.layers[4], "by", 0.5),
    "a momentum": lambda model: setattr(model.optimizer, "momentum", 0.9),
    "a decay": lambda model: setattr(model.optimizer, "weight_decay", 0.1),
    "a clipping": lambda model: setattr(model.optimizer, "clipnorm", 0.01),
    "a schedule": lambda model: setattr(
        model.optimizer,
        "learning_rate",
        keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 1),
    ),
    "a schedule's own": lambda model: setattr(
        model.optimizer._learning_rate, "initial_learning_rate", 0.1
    ),
    "a regularizer's own": lambda model: setattr(
        model.get_layer("dense").kernel_regularizer, "l2", 1.0
    ),
    "a regularizer": lambda model: setattr(
        model.get_layer("last").kernel, "regularizer", keras.regularizers.L1(0.1)
    ),
    "a constraint": lambda model: setattr(
        model.get_layer("dense").kernel, "constraint", keras.constraints.MaxNorm(0.1)
    ),
    "what a loss closes over": set_factor,
    "what is trainable": lambda model: setattr(
        model.get_layer("normalization"), "trainable", False
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_set_is_seen(change):
    model = all_attributes()
    before = Constants(model)
    assert before == Constants(model)
    CHANGES[change](model)
    assert before != Constants(model)


def test_using_a_model_sets_nothing():
    model = all_attributes()
    x, y = np.zeros((8, 6, 6), "float32"), np.zeros(8, "int32")
    for use in ("fit", "evaluate", "predict"):
        use_it = {
            "fit": lambda: model.fit(x, y, verbose=0),
            "evaluate": lambda: model.evaluate(x, y, verbose=0),
            "predict": lambda: model.predict(x, verbose=0),
        }[use]
        use_it()  # what it makes when it is first used is seen
        before = Constants(model)
        use_it()
        assert before == Constants(model), use
