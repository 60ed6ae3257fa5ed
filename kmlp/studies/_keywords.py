"""The fields of a configuration as keywords of a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any

from kmlp.errors import raise_problems, unknown_name
from kmlp.model.config import RunConfig
from kmlp.model.hyperparameters import config_fields


def config_of(
    config: RunConfig | None, fields: Mapping[str, Any], function: Callable[..., Any]
) -> RunConfig:
    """Return the configuration that a function was given, as an object or as keywords.

    Args:
        config: The configuration. None: the function was given fields.
        fields: The keywords that are not parameters of the function.
        function: The function. An error for a wrong keyword suggests its parameters, too.

    Raises:
        ConfigError: if a keyword is neither a field nor a parameter, with the nearest name;
            if both a configuration and fields are given; or if the value of a field is
            wrong.
    """
    parameters = [
        name
        for name, parameter in signature(function).parameters.items()
        if parameter.kind is not Parameter.VAR_KEYWORD
    ]
    raise_problems(
        unknown_name("argument", name, [*config_fields(), *parameters])
        for name in fields
        if name not in config_fields()
    )
    if config is None:
        return RunConfig(**fields)
    raise_problems(
        f"`{name}` is given together with a configuration. Give either the fields or the "
        "configuration."
        for name in fields
    )
    return config
