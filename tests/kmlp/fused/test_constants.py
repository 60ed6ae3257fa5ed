"""A snapshot of the constants changes with a model's attributes, but not by training."""

import keras
import numpy as np
import pytest

from kmlp.fused._constants import Constants

SGD = keras.optimizers.SGD


class Scaled(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.factor = 1.0

    def call(self, x):
        return x * self.factor


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
    "an attribute of a custom layer": lambda model: setattr(model.layers[4], "factor", 0.5),
    "a momentum": lambda model: setattr(model.optimizer, "momentum", 0.9),
    "a decay": lambda model: setattr(model.optimizer, "weight_decay", 0.1),
    "a clipping": lambda model: setattr(model.optimizer, "clipnorm", 0.01),
    "a schedule": lambda model: setattr(
        model.optimizer,
        "learning_rate",
        keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 1),
    ),
    "an attribute of a schedule": lambda model: setattr(
        model.optimizer._learning_rate, "initial_learning_rate", 0.1
    ),
    "an attribute of a regularizer": lambda model: setattr(
        model.get_layer("dense").kernel_regularizer, "l2", 1.0
    ),
    "a regularizer": lambda model: setattr(
        model.get_layer("last").kernel, "regularizer", keras.regularizers.L1(0.1)
    ),
    "a constraint": lambda model: setattr(
        model.get_layer("dense").kernel, "constraint", keras.constraints.MaxNorm(0.1)
    ),
    "an outer variable of a loss": set_factor,
    "trainable": lambda model: setattr(
        model.get_layer("normalization"), "trainable", False
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_attribute_changes_the_snapshot(change):
    model = all_attributes()
    before = Constants(model)
    assert before == Constants(model)
    CHANGES[change](model)
    assert before != Constants(model)


def test_training_and_evaluation_do_not_change_the_snapshot():
    model = all_attributes()
    x, y = np.zeros((8, 6, 6), "float32"), np.zeros(8, "int32")
    uses = {
        "fit": lambda: model.fit(x, y, verbose=0),
        "evaluate": lambda: model.evaluate(x, y, verbose=0),
        "predict": lambda: model.predict(x, verbose=0),
    }
    for name, use in uses.items():
        use()  # the first use creates attributes, which changes the snapshot
        before = Constants(model)
        use()
        assert before == Constants(model), name
