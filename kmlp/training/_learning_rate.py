"""The learning rate of a run, set inside the compiled program of a step."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from kmlp.data import Dataset
from kmlp.model.config import RunConfig
from kmlp.model.run_data import training_size
from kmlp.model.schedules import rate_at, rate_numbers, varies


class LearningRate:
    """Sets the learning rate of an optimizer before each step, by the step's number.

    The rate stays the optimizer's own variable, so that a checkpoint has the rate of the
    last step. Without a schedule and a warmup, the optimizer is left as it is.

    Args:
        optimizer: The optimizer of a training model, which is built.
        config: The run's configuration.
        dataset: The whole dataset that the configuration names.
    """

    def __init__(self, optimizer: Any, config: RunConfig, dataset: Dataset) -> None:
        self._optimizer = optimizer
        if not varies(config):
            return
        # A variable that is an attribute of the optimizer is part of its state, so that
        # compiled programs take its value as an input.
        optimizer.rate_numbers = keras.Variable(
            np.zeros(5, "float32"), dtype="float32", trainable=False, name="rate_numbers"
        )
        self.start(config, dataset)
        apply = optimizer.apply

        def apply_at_rate(grads: Any, trainable_variables: Any = None) -> None:
            step = keras.ops.cast(optimizer.iterations, "float32")
            numbers = keras.ops.convert_to_tensor(optimizer.rate_numbers)
            optimizer.learning_rate.assign(rate_at(config, step, numbers, keras.ops))
            apply(grads, trainable_variables)

        optimizer.apply = apply_at_rate

    def start(self, config: RunConfig, dataset: Dataset) -> None:
        """Take the numbers of another configuration, whose schedule has the same word."""
        if varies(config):
            steps = math.ceil(training_size(config, dataset) / config.batch_size)
            numbers = np.array(rate_numbers(config, steps), "float32")
            self._optimizer.rate_numbers.assign(numbers)
