"""The learning rate of a run, set inside the compiled program of a step."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from kmlp.model.config import RunConfig
from kmlp.model.schedules import rate_at, rate_numbers, varies


class LearningRate:
    """Sets the learning rate of an optimizer before each step, by the step's number.

    The rate stays the optimizer's own variable, so that a checkpoint has the rate of the
    last step. Without a schedule and a warmup, the optimizer is left as it is.

    Args:
        optimizer: The optimizer of a training model, which is built.
        config: The run's configuration.
        images: The number of training images, if the configuration does not name it.
    """

    def __init__(self, optimizer: Any, config: RunConfig, images: int) -> None:
        self._optimizer = optimizer
        self._images = images
        if not varies(config):
            return
        # A variable that is an attribute of the optimizer is part of its state, so that
        # compiled programs take its value as an input.
        optimizer.rate_numbers = keras.Variable(
            np.zeros(5, "float32"), dtype="float32", trainable=False, name="rate_numbers"
        )
        self.start(config)
        apply = optimizer.apply

        def apply_at_rate(grads: Any, trainable_variables: Any = None) -> None:
            step = keras.ops.cast(optimizer.iterations, "float32")
            numbers = keras.ops.convert_to_tensor(optimizer.rate_numbers)
            optimizer.learning_rate.assign(rate_at(config, step, numbers, keras.ops))
            apply(grads, trainable_variables)

        optimizer.apply = apply_at_rate

    def start(self, config: RunConfig) -> None:
        """Take the numbers of another configuration, whose schedule has the same word."""
        if varies(config):
            steps = math.ceil((config.train_size or self._images) / config.batch_size)
            numbers = np.array(rate_numbers(config, steps), "float32")
            self._optimizer.rate_numbers.assign(numbers)
