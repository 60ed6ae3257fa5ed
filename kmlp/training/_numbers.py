"""The numbers of an optimizer as variables, so that one program serves all of them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from kmlp.model.config import RunConfig
from kmlp.model.optimizers import OPTIMIZER_FIELDS

_NUMBERS = {
    **{
        name: name
        for name in OPTIMIZER_FIELDS
        if name not in ("learning_rate", "nesterov")  # a variable already; not a number
    },
    "adam_weight_decay": "weight_decay",
    "adam_beta_1": "beta_1",
    "adam_beta_2": "beta_2",
}
"""The attributes of Keras' optimizers that are numbers, with the field of each."""


class Number(keras.Variable):
    """A variable in the place of a Python number that is not 0.

    Keras' optimizers test if some numbers are 0 (`momentum != 0`, `momentum > 0`,
    `clipnorm and ...`). While a program is compiled, the value of an ordinary variable is
    unknown, and the test would fail. To Python, this variable is therefore not 0.

    They also compute `1 - beta`, in double precision for a number. The difference is
    therefore a variable of its own: 1 - 0.999 in single precision is wrong by 5e-5.
    """

    __hash__ = keras.Variable.__hash__

    def __init__(self, number: float, name: str) -> None:
        super().__init__(number, dtype="float32", trainable=False, name=name)
        self.complement = keras.Variable(
            1 - number, dtype="float32", trainable=False, name=f"one_minus_{name}"
        )

    def set(self, number: float) -> None:
        """Set the number."""
        self.assign(np.float32(number))
        self.complement.assign(np.float32(1 - number))

    def __bool__(self) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return True

    def __gt__(self, other: Any) -> Any:
        return True if other == 0 else super().__gt__(other)

    def __rsub__(self, other: Any) -> Any:
        one = isinstance(other, int | float) and other == 1
        return self.complement.value if one else super().__rsub__(other)


def hold_numbers(optimizer: Any, config: RunConfig) -> None:
    """Replace the numbers of a built optimizer that are not 0 by variables.

    Args:
        optimizer: The optimizer of the configuration.
        config: The configuration. Numbers that it leaves to Keras stay numbers.
    """
    for name, field in _NUMBERS.items():
        number = getattr(optimizer, name, None)
        if isinstance(number, float) and number and getattr(config, field) is not None:
            variable = Number(number, name)
            setattr(optimizer, name, variable)
            setattr(optimizer, f"one_minus_{name}", variable.complement)  # to be tracked


def set_numbers(optimizer: Any, config: RunConfig) -> None:
    """Set the learning rate and the numbers of an optimizer to those of a configuration.

    Args:
        optimizer: An optimizer after `hold_numbers`.
        config: A configuration with the same optimizer.
    """
    optimizer.learning_rate = config.learning_rate
    for name, field in _NUMBERS.items():
        if isinstance(variable := getattr(optimizer, name, None), Number):
            variable.set(getattr(config, field))
