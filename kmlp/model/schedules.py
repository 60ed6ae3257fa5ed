"""Schedules of the learning rate: the rate of every step follows from the step's number.

A schedule is a word with its numbers, such as `cosine:10`. Its time is the epoch as a
fraction: `step / steps`, where `step` counts the steps of the run from 0, and `steps` is
the number of steps in an epoch. `warmup` is a factor of its own: the rate of a step is

    learning_rate * decay(step / steps) * min(1, (step + 1) / (warmup * steps))
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kmlp.model._terms import Form, Term, read_term
from kmlp.model.fields import Rule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EPOCHS = Rule("0 < EPOCHS < inf", lambda value: 0 < value < math.inf)
_FINAL = Rule("0 <= FINAL < 1", lambda value: 0 <= value < 1)
_FACTOR = Rule("0 < FACTOR < 1", lambda value: 0 < value < 1)

FORMS = (
    Form("constant"),
    Form("cosine:EPOCHS", (_EPOCHS,)),
    Form("cosine:EPOCHS:FINAL", (_EPOCHS, _FINAL)),
    Form("linear:EPOCHS", (_EPOCHS,)),
    Form("linear:EPOCHS:FINAL", (_EPOCHS, _FINAL)),
    Form("exponential:FACTOR", (_FACTOR,)),
    Form("step:EPOCHS:FACTOR", (_EPOCHS, _FACTOR)),
)
"""The forms of a schedule. FINAL is a fraction of the learning rate, by default 0. FACTOR
multiplies the rate: in `exponential` once an epoch, smoothly; in `step` at once, after
every EPOCHS epochs."""


def check_schedule(text: str) -> str:
    """Return a schedule in the one form in which it is kept.

    Raises:
        UnknownNameError: if it has none of the `FORMS`.

    Example:
    >>> check_schedule("cosine:10.0:0"), check_schedule("step:5:.10")
    ('cosine:10', 'step:5:0.1')
    """
    return str(_read(text))


def word_of(schedule: str) -> str:
    """Return the word of a schedule: schedules of one word differ in numbers only.

    >>> word_of("cosine:10:0.1")
    'cosine'
    """
    return schedule.partition(":")[0]


def varies(config: Any) -> bool:
    """Return True if the learning rate of a run is not the same in every step."""
    return bool(config.schedule != "constant" or config.warmup)


def rate_numbers(config: Any, steps: int) -> tuple[float, ...]:
    """Return the numbers that `rate_at` takes.

    Args:
        config: The configuration.
        steps: The number of steps in an epoch.
    """
    return (config.learning_rate, steps, config.warmup * steps, *_both(config.schedule))


def rate_at(config: Any, step: Any, numbers: Any, ops: Any) -> Any:
    """Return the learning rate of a step.

    Args:
        config: The configuration, of which only the word of the schedule and the presence
            of a warmup are used.
        step: The number of the step, from 0, as a float tensor or array.
        numbers: The result of `rate_numbers`, as a sequence or as a tensor of shape `(5,)`.
        ops: `keras.ops` for tensors, `numpy` for arrays.
    """
    rate, steps, warmup_steps, first, second = (numbers[place] for place in range(5))
    rate = rate * _decay(word_of(config.schedule), step / steps, first, second, ops)
    if config.warmup:
        rate = rate * ops.minimum((step + 1) / ops.maximum(warmup_steps, 1.0), 1.0)
    return rate


def epoch_rates(config: Any, steps: int, epochs: int) -> NDArray[np.float64]:
    """Return the mean learning rate of the steps of each epoch, of shape `(epochs,)`.

    Args:
        config: The configuration.
        steps: The number of steps in an epoch.
        epochs: The number of epochs.

    Example:
    >>> from kmlp import RunConfig
    >>> config = RunConfig(schedule="step:2:0.1", warmup=1, learning_rate=1)
    >>> epoch_rates(config, steps=4, epochs=3).tolist()
    [0.625, 1.0, 0.1]
    """
    import numpy as np

    if not varies(config):
        return np.full(epochs, config.learning_rate)
    step = np.arange(epochs * steps, dtype="float64")
    rates = rate_at(config, step, rate_numbers(config, steps), np)
    means: NDArray[np.float64] = rates.reshape(epochs, steps).mean(axis=1)
    return means


def _decay(word: str, epoch: Any, first: Any, second: Any, ops: Any) -> Any:
    """Return the factor of the learning rate at an epoch, which can be a fraction."""
    if word == "constant":
        return ops.ones_like(epoch)
    if word == "exponential":
        return ops.power(first, epoch)
    if word == "step":
        return ops.power(second, ops.floor(epoch / first))
    share = ops.minimum(epoch / first, 1.0)
    left = 1 - share if word == "linear" else 0.5 * (1 + ops.cos(math.pi * share))
    return second + (1 - second) * left


def _both(schedule: str) -> tuple[float, float]:
    """Return both numbers of a schedule, with 0 for those that it does not have."""
    first, second, *_ = (*_read(schedule).numbers, 0.0, 0.0)
    return first, second


def _read(text: str) -> Term:
    term = read_term("schedule", text, FORMS)
    if term.word in ("cosine", "linear") and term.numbers[1:] == (0.0,):
        return Term(term.word, term.numbers[:1])
    return term
