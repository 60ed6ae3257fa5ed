"""The parameters that an ablation can vary, and their values as text."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from kmlp.errors import ConfigError, raise_problems, unknown_name
from kmlp.model.fields import ConfigField, Doc, Group, at_least, describe_fields
from kmlp.model.hyperparameters import config_fields


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    """Parameters that are not part of a run: their values are read from the same runs."""

    epochs: Annotated[
        int,
        Group.TRAINING,
        Doc("Epochs of the run, which is judged after the last one."),
        at_least("epochs", 1),
    ] = 10
    patience: Annotated[
        int,
        Group.TRAINING,
        Doc(
            "Epochs without a better validation accuracy after which training would have "
            "stopped. The run is judged at the best epoch before that."
        ),
        at_least("patience", 1),
    ] = 3


@cache
def all_fields() -> dict[str, ConfigField]:
    """Return the fields of `RunConfig`, and `epochs` and `patience`, by name."""
    return {**config_fields(), **describe_fields(_Read)}


_NOT_VARIED = {
    "seed": "The seed is not a parameter to vary: replicates of every value already vary "
    "the seed. Give the number of seeds instead.",
    "resplit": "`resplit` is not a parameter to vary: it does not change the model, but "
    "the examples on which it is measured. Give it to the whole study instead.",
    "folds": "`folds` is not a parameter to vary: it does not change the model, but the "
    "examples on which it is measured. Give it to the whole study instead.",
}
"""The fields that an ablation cannot vary, with the reason and the remedy."""


def param_names() -> tuple[str, ...]:
    """Return the names that an ablation can vary.

    They are all fields but `seed`, `resplit` and `folds`, and `epochs` and `patience`.
    """
    return tuple(name for name in all_fields() if name not in _NOT_VARIED)


def param_field(name: str) -> ConfigField:
    """Return the field of a parameter that an ablation varies.

    Raises:
        ConfigError: if there is no such parameter, with the nearest name.
    """
    if name in _NOT_VARIED:
        raise ConfigError([_NOT_VARIED[name]])
    if name not in all_fields():
        raise ConfigError([unknown_name("parameter", name, param_names())])
    return all_fields()[name]


def goes_beyond(name: str, value: float, *, larger: bool) -> bool:
    """Return True if a parameter can have a value beyond another one.

    Args:
        name: The parameter, whose values are numbers.
        value: A valid value.
        larger: True to ask for a larger value, False for a smaller one.

    Example:
    >>> goes_beyond("dropout", 0.5, larger=True), goes_beyond("dropout", 0, larger=False)
    (True, False)
    """
    beyond: list[float]
    if all_fields()[name].type is int:
        beyond = [value + 1 if larger else value - 1]
    else:  # below 1, there is always one that is nearer to 1
        beyond = [2 * value, (value + 1) / 2] if larger else [value / 2]
    return any(other != value and _is_valid(name, other) for other in beyond)


def _is_valid(name: str, value: float) -> bool:
    try:
        all_fields()[name].convert(value)
    except ConfigError:
        return False
    return True


def parse_param_values(name: str, text: str) -> tuple[Any, ...]:
    """Return the values of a parameter from a text, in which commas separate them.

    Raises:
        ConfigError: with the problems of all values at once.

    Example:
    >>> parse_param_values("learning_rate", "1e-3,0.1")
    (0.001, 0.1)
    >>> parse_param_values("train_size", "1000,all")
    (1000, None)
    >>> parse_param_values("width", "32,300x100")
    (32, (300, 100))
    """
    field = param_field(name)
    words = text.split(",")
    values: list[Any] = []
    problems: list[str] = []
    for position, word in enumerate(words, start=1):
        if not word.strip():
            problems.append(
                f"Value {position} of `{name}` is empty in {text!r}. Separate values by "
                "single commas, as 32,128,512."
            )
            continue
        try:
            values.append(field.parse(word))
        except ConfigError as error:
            problems += error.problems
    raise_problems(problems)
    return tuple(values)
