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

from kmlp.model.augmentation import read_augmentation
from kmlp.model.config import RunConfig
from kmlp.model.random_layers import AUGMENTATION_STREAMS, random_layers
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
    # XLA repeats a multiplication, and with it the draws, in every product with the
    # result. A division it does once: at batch size 1, a step takes half of the time.
    return ops.where(keep, x / (1.0 - rate), 0.0)


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
        draws = _draws(config)
        self._names = [name for name, _, _ in draws]
        self._transforms = {
            name: _TRANSFORMS[layer.class_name]
            for name, layer in random_layers(config).items()
        }
        if draws:
            self._keys = self._variable("keys", (len(draws), 2), "int32")
            self._numbers = self._variable("numbers", (len(draws),), "float32")
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
        if draws := _draws(config):
            keys = [draw_key(config.seed, stream) for _, stream, _ in draws]
            self._keys.assign(np.array(keys))
            self._numbers.assign(np.array([number for *_, number in draws], "float32"))
            self._step.assign(step)

    def __contains__(self, layer: keras.layers.Layer) -> bool:
        """Return True if a layer of the plain model is a random one."""
        return layer.name in self._transforms

    def begin_step(self) -> dict[str, tuple[Any, Any]]:
        """Return the stream and the number of each name for the next step."""
        if not self._names:
            return {}
        drawn = streams(self._keys, self._step)
        self._step.assign_add(1)
        return {
            name: (drawn[index], self._numbers[index])
            for index, name in enumerate(self._names)
        }

    def transform(self, name: str, x: Any, drawn: dict[str, tuple[Any, Any]]) -> Any:
        """Return the values after a random layer.

        Args:
            name: The name of the layer.
            x: The values before the layer.
            drawn: The result of `begin_step`.
        """
        return self._transforms[name](x, *drawn[name])


def _draws(config: RunConfig) -> list[tuple[str, int, float]]:
    """Return the name, the index of the stream and the number of all that is drawn."""
    changes = read_augmentation(config.augmentation).items()
    return [
        *((word, AUGMENTATION_STREAMS[word], number) for word, number in changes),
        *(
            (layer.name, layer.stream, layer.number)
            for layer in random_layers(config).values()
        ),
    ]
