"""All activations of Keras train or are refused, and custom ones have names."""

import keras
import numpy as np
import pytest

from kmlp import ConfigError, UnknownNameError, build_mlp, get_activation
from kmlp.model.activations import _UNUSABLE, ACTIVATIONS, register_activation

KERAS_NAMES = {
    name
    for name in dir(keras.activations)
    if not name.startswith("_") and name not in ("get", "serialize", "deserialize")
}


def test_the_list_of_names_is_that_of_keras():
    ours = {name for name in ACTIVATIONS.names if hasattr(keras.activations, name)}
    assert ours | set(_UNUSABLE) == KERAS_NAMES


class SideBySide(keras.Model):
    """Several models with the same inputs, which train in one compiled step."""

    def __init__(self, models):
        super().__init__()
        self.models = models

    def call(self, x):
        return {name: model(x) for name, model in self.models.items()}


@pytest.mark.slow
def test_every_keras_activation_trains():
    names = sorted(KERAS_NAMES - set(_UNUSABLE))
    models = {
        name: build_mlp(input_shape=(4,), num_classes=3, width=5, depth=1, activation=name)
        for name in names
    }
    x, y = np.full((6, 4), 128, "uint8"), np.arange(6) % 3
    together = SideBySide(models)
    together.compile("sgd", {name: model.loss for name, model in models.items()})
    history = together.fit(x, dict.fromkeys(names, y), batch_size=6, verbose=0).history
    for name, model in models.items():
        assert np.isfinite(history[f"{name}_loss"]).all(), name
        assert all(np.isfinite(array).all() for array in model.get_weights()), name
        assert np.any(model.layers[-1].get_weights()[1] != 0), name  # the output's bias
        assert get_activation(name) is keras.activations.get(name)


def test_glu_is_refused_with_the_reason():
    with pytest.raises(ConfigError, match="halves"):
        build_mlp(activation="glu")


def test_a_custom_activation_has_a_name_or_a_path_or_is_a_function():
    def cubed(x):
        return x**3

    register_activation("cubed", cubed)
    assert get_activation("cubed") is cubed
    assert get_activation("keras.ops:sin") is keras.ops.sin
    model = build_mlp(activation=cubed, depth=1)
    assert model.get_layer("hidden_1").activation is cubed


def test_an_object_that_is_not_callable_is_refused_as_an_activation():
    with pytest.raises(TypeError, match="callable"):
        register_activation("five", 5)
    with pytest.raises(UnknownNameError, match=r'"math:pi".* activation.*callable'):
        get_activation("math:pi")
