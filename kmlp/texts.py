"""Values and numbers as people read them."""

from __future__ import annotations

from typing import Any

from kmlp.config import value_text

_LONG = 8
"""Characters of a number that is shortened."""


def short_text(name: str, value: Any) -> str:
    """A field's value: a long number with four digits.

    >>> short_text("learning_rate", 0.0123456789), short_text("width", (300, 100))
    ('0.01235', '300x100')
    """
    text = value_text(name, value)
    return f"{value:.4g}" if isinstance(value, float) and len(text) > _LONG else text


def protocol_text(*, on_test: bool) -> str:
    """What a headline ends with where the test images validate; else nothing."""
    return ", validated on the test images" if on_test else ""


def count_of(number: int, noun: str) -> str:
    """A number of things: `1 epoch`, `2 epochs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
