"""Ranges of numbers, which name many values in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kmlp.model.text import value_text

MOST_NAMED = 6
"""The largest number of values, or of ranges of values, that a sentence lists."""


def are_numbers(values: Sequence[Any]) -> bool:
    """Return True if all values are numbers, so that they have an order."""
    return all(type(value) in (int, float) for value in values)


def ranges_of(
    numbers: Sequence[float], *, among: Sequence[float]
) -> list[tuple[float, float]]:
    """Return the first and the last number of each range, in ascending order.

    Args:
        numbers: The numbers that the ranges cover.
        among: These and other numbers. No range covers any other of them.

    Example:
    >>> rates = [0.001, 0.003, 0.01, 0.03, 0.1]
    >>> ranges_of([0.1, 0.001, 0.003], among=rates)
    [(0.001, 0.003), (0.1, 0.1)]
    """
    ranges: list[tuple[float, float]] = []
    wanted, goes_on = set(numbers), False
    for number in sorted(among):
        if number in wanted:
            first = ranges.pop()[0] if goes_on else number
            ranges.append((first, number))
        goes_on = number in wanted
    return ranges


def values_text(param: str, values: Sequence[Any]) -> str:
    """Return the values of a parameter as a short list.

    Args:
        param: The parameter, a field of `RunConfig`.
        values: The values, at least one.

    Returns:
        Every value; of many numbers, the lowest, the highest and their number; of many
        other values, the first ones.

    Example:
    >>> values_text("width", [32, 128]), values_text("width", range(8, 80, 4))
    ('32, 128', '18 values from 8 to 76')
    """
    if len(values) <= 2 * MOST_NAMED:
        return ", ".join(value_text(param, value) for value in values)
    if are_numbers(values):
        low, high = (value_text(param, end(values)) for end in (min, max))
        return f"{len(values)} values from {low} to {high}"
    first = ", ".join(value_text(param, value) for value in values[:MOST_NAMED])
    return f"{first} and {len(values) - MOST_NAMED} more"
