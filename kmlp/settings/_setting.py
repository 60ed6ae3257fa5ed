"""One setting of a library, and its values as texts that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from kmlp import backend

Settings = dict[str, str]
"""Settings that are not as they are by default, by name."""

File = Callable[[], dict[str, Any]]
"""Reads Keras' configuration file, once and only if it is asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Something that can be set and changes a run's numbers."""

    name: str
    """As its library calls it; a variable that is no more than one, by its name."""
    default: str
    backends: tuple[str, ...] = backend.BACKENDS
    """Where it has an effect."""
    variable: str | None = None
    """The environment variable that sets it, if there is one."""
    in_file: bool = False
    """Whether Keras' configuration file sets it."""
    library: str | None = None
    """The module that can be asked for it; None: none, it is the variable alone."""
    ask: Callable[[Any], Any] | None = None
    """Asks that module."""
    mend: str | None = None
    """How to undo it in Python, if it is refused; None: a run states it."""
    clean: Callable[[str], str] = str
    """Leaves out of the variable's text what has no effect."""

    @property
    def refused(self) -> bool:
        """Whether a run is refused where it is not as it is by default."""
        return self.mend is not None


def settings_text(settings: Mapping[str, str]) -> str:
    """Settings in words.

    Example:
    >>> settings_text({"jax_default_matmul_precision": "highest"})
    'jax_default_matmul_precision highest'
    """
    return ", ".join(f"{name} {value}" for name, value in settings.items())


_YES = ("1", "true", "yes", "on", "y", "t")
_NO = ("0", "false", "no", "off", "n", "f")


def as_text(value: Any) -> str:
    """A value as a text: the same for one that was asked for and one that was read."""
    if isinstance(value, Enum):
        return as_text(value.value if isinstance(value.value, str) else value.name.lower())
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value)


def alike(text: str, default: str) -> str:
    """The text of a variable, written as the default is."""
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
