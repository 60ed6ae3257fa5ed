"""A setting of a library, and its values as texts that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from kmlp import backend

Settings = dict[str, str]
"""The values of settings that differ from their defaults, by name."""

File = Callable[[], dict[str, Any]]
"""A function that returns the content of Keras' configuration file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A setting that changes a run's numbers."""

    name: str
    """The library's name for the setting, or the name of the environment variable."""
    default: str
    """The default value, as text."""
    backends: tuple[str, ...] = backend.BACKENDS
    """The backends on which the setting has an effect. Defaults to all."""
    variable: str | None = None
    """The environment variable of the setting. Defaults to None: none."""
    in_file: bool = False
    """True if Keras' configuration file can set it. Defaults to False."""
    library: str | None = None
    """The module that knows the value. Defaults to None: only the variable is known."""
    ask: Callable[[Any], Any] | None = None
    """Function that returns the value, given that module. Defaults to None: none."""
    remedy: str | None = None
    """A sentence that says how to reset the setting. Runs are refused with this sentence
    if the value is not the default. Defaults to None: the value is a part of the key."""
    clean: Callable[[str], str] = str
    """Function that removes parts without an effect from the variable's text."""

    @property
    def refused(self) -> bool:
        """True if runs are refused when the value is not the default."""
        return self.remedy is not None


def settings_text(settings: Mapping[str, str]) -> str:
    """Return settings as text for readers.

    Example:
    >>> settings_text({"jax_default_matmul_precision": "highest"})
    'jax_default_matmul_precision highest'
    """
    return ", ".join(f"{name} {value}" for name, value in settings.items())


_YES = ("1", "true", "yes", "on", "y", "t")
_NO = ("0", "false", "no", "off", "n", "f")


def as_text(value: Any) -> str:
    """Return a value as text, equal for a library's value and for the variable's text."""
    if isinstance(value, Enum):
        return as_text(value.value if isinstance(value.value, str) else value.name.lower())
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value)


def normalized(text: str, default: str) -> str:
    """Return the text of a variable in the notation of the default."""
    if text.lower() in _YES and default in ("true", "false"):
        return "true"
    if text.lower() in _NO and default in ("true", "false"):
        return "false"
    try:
        return str(type(_number(default))(_number(text)))
    except ValueError:
        return default if text.lower() in (default.lower(), "") else text


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
