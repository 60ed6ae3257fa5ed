"""Values of fields as text, and configurations from text."""

from collections.abc import Mapping
from typing import Any

from kmlp.errors import ConfigError, raise_problems
from kmlp.model.config import RunConfig
from kmlp.model.hyperparameters import config_fields
from kmlp.model.params import all_fields


def value_text(name: str, value: Any) -> str:
    """Return a field's value as text, in the form that `ConfigField.parse` reads.

    >>> value_text("learning_rate", 0.1), value_text("train_size", None)
    ('0.1', 'all')
    """
    return all_fields()[name].text(value)


_LONG = 8
"""Numbers with more characters than this are shortened."""


def short_text(name: str, value: Any) -> str:
    """Return a field's value as text, with four digits for a long number.

    >>> short_text("learning_rate", 0.0123456789), short_text("width", (300, 100))
    ('0.01235', '300x100')
    """
    text = value_text(name, value)
    return f"{value:.4g}" if isinstance(value, float) and len(text) > _LONG else text


def parse_config(texts: Mapping[str, str], **values: Any) -> RunConfig:
    """Return the configuration of values given as text; other fields have their defaults.

    Args:
        texts: Values as text, by field.
        **values: Values that are not text, by field.

    Raises:
        ConfigError: with every problem at once.
    """
    problems: list[str] = []
    parsed = dict(values)
    for name, text in texts.items():
        try:
            parsed[name] = config_fields()[name].parse(text)
        except ConfigError as error:
            problems += error.problems
    try:
        config = RunConfig(**parsed)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from None
    raise_problems(problems)
    return config
