"""Checks of the numbers that users give: Python's, NumPy's, and values of other types."""

from __future__ import annotations

import operator
from typing import Any

from kmlp.errors import ConfigError, shown


def as_integer(value: Any) -> int | None:
    """Return the value as an `int`; None if it is not an integer. A `bool` is not one.

    >>> as_integer(3), as_integer(3.0), as_integer(True), as_integer("3")
    (3, None, None, None)
    """
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def as_number(value: Any) -> float | None:
    """Return the value as a `float`; None if it is not a number. A `bool` is not one.

    >>> as_number(3), as_number(0.5), as_number(True), as_number("3"), as_number(10**400)
    (3.0, 0.5, None, None, None)
    """
    try:
        return None if isinstance(value, bool) else float(operator.pos(value))
    except (TypeError, ValueError, OverflowError):
        return None


def integer_problem(
    name: str, value: Any, *, least: int = 1, most: int | None = None
) -> str | None:
    """Return the message for a value that is not an integer in a range; else None.

    Args:
        name: The name of the argument.
        value: The value that was given.
        least: The smallest integer allowed. Defaults to 1.
        most: The largest integer allowed. Defaults to None: no limit.

    >>> print(integer_problem("epochs", 0))
    The value of `epochs` is 0, but must be an integer, `epochs >= 1`.
    """
    number = as_integer(value)
    if number is not None and least <= number and (most is None or number <= most):
        return None
    rule = f"{name} >= {least}" if most is None else f"{least} <= {name} <= {most}"
    return f"The value of `{name}` is {shown(value)}, but must be an integer, `{rule}`."


def check_integer(name: str, value: Any, *, least: int = 1, most: int | None = None) -> int:
    """Return the value as an `int`. Takes the arguments of `integer_problem`.

    Raises:
        ConfigError: if the value is not an integer from `least` to `most`.
    """
    problem = integer_problem(name, value, least=least, most=most)
    if problem is not None:
        raise ConfigError([problem])
    return operator.index(value)
