"""The random layers of a run: dropout and noise, with draws of kmlp's own.

They stand for `keras.layers.Dropout` and `GaussianNoise` of the plain model while the run
is trained. Keras' layers draw from the generator of the backend: each backend has other
numbers. The draws here depend on the seed, the step and the layer alone, so that the same
seed trains alike on every backend, step by step or in one program, in one session or in
several.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kmlp.model.config import RunConfig
from kmlp.model.random_layers import random_layers
from kmlp.training._draws import bits, draw_key, streams, uniform


def drop(x: Any, stream: Any, rate: Any) -> Any:
    """Return values of which each is 0 with probability `rate`; the others are scaled.

    Formula: `x / (1 - rate)` where `bits >= rate * 2**32 - 2**31`, and 0 elsewhere.

    Args:
        x: The values, of shape `(batch_size, units)`.
        stream: The stream of the layer in the step.
        rate: The probability, as float32.
    """
    threshold = ops.cast(rate * 2.0**32 - 2.0**31, "int32")
    keep = ops.greater_equal(bits(stream, ops.shape(x)), threshold)
    return ops.where(keep, x * (1.0 / (1.0 - rate)), 0.0)


def add_noise(x: Any, stream: Any, deviation: Any) -> Any:
    """Return values with Gaussian noise added, of mean 0 and this standard deviation.

    Formula: `x + deviation * sqrt(2) * erfinv(u)`, with `u` uniform between -1 and 1.

    Args:
        x: The values, of shape `(batch_size, units)`.
        stream: The stream of the layer in the step.
        deviation: The standard deviation, as float32.
    """
    normal = math.sqrt(2) * ops.erfinv(uniform(bits(stream, ops.shape(x))))
    return x + deviation * normal


_TRANSFORMS = {"Dropout": drop, "GaussianNoise": add_noise}
"""Functions that return the values after a layer from values, stream and number."""


class RandomLayers(keras.layers.Layer):
    """The random layers of a training model, with all variables that they need.

    Args:
        config: The run's configuration.
    """

    def __init__(self, config: RunConfig) -> None:
        super().__init__(name="random")
        layers = random_layers(config)
        self._names = list(layers)
        self._transforms = [_TRANSFORMS[layer.class_name] for layer in layers.values()]
        if layers:
            self._keys = self._variable("keys", (len(layers), 2), "int32")
            self._numbers = self._variable("numbers", (len(layers),), "float32")
            self._step = self._variable("step", (), "int32")
            self.start(config, 0)
        self.built = True  # else Keras would call the model to build the layer

    def _variable(self, name: str, shape: tuple[int, ...], dtype: str) -> keras.Variable:
        return self.add_weight(shape, "zeros", dtype, trainable=False, name=name)

    def start(self, config: RunConfig, step: int) -> None:
        """Set the numbers of a run of the same structure, and its next step.

        Args:
            config: The run's configuration.
            step: The number of steps that the run was trained for.
        """
        if layers := random_layers(config).values():
            keys = [draw_key(config.seed, layer.stream) for layer in layers]
            self._keys.assign(np.array(keys))
            self._numbers.assign(np.array([layer.number for layer in layers], "float32"))
            self._step.assign(step)

    def __contains__(self, layer: keras.layers.Layer) -> bool:
        """Return True if a layer of the plain model is a random one."""
        return layer.name in self._names

    def begin_step(self) -> Any:
        """Return the streams of all layers in the next step; None without a layer."""
        if not self._names:
            return None
        drawn = streams(self._keys, self._step)
        self._step.assign_add(1)
        return drawn

    def transform(self, name: str, x: Any, drawn: Any) -> Any:
        """Return the values after a random layer.

        Args:
            name: The name of the layer.
            x: The values before the layer.
            drawn: The result of `begin_step`.
        """
        index = self._names.index(name)
        return self._transforms[index](x, drawn[index], self._numbers[index])
