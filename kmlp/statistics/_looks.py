"""The plan of looks at results while seeds are added."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

LOOKS = (3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50)
"""The numbers of seeds at which there is a look: each about a quarter more."""
LEAST, MOST = LOOKS[0], LOOKS[-1]
TABLE = Path(__file__).with_name("looks.csv")
"""The constants by the largest number of seeds and the number of comparisons.
`tests/benchmarks/looks.py` makes them."""


def looks(most: int = 20) -> tuple[int, ...]:
    """Return the numbers of seeds at which there is a look at the results.

    Args:
        most: The largest number of seeds, from 3 to 50. Defaults to 20.

    Raises:
        ValueError: if `most` is not from 3 to 50.

    Example:
    >>> looks(12)
    (3, 4, 5, 6, 8, 10, 12)
    """
    if not LEAST <= most <= MOST:
        raise ValueError(
            f"The largest number of seeds is {most}, but must be from {LEAST} to {MOST}."
        )
    return (*(it for it in LOOKS if it < most), most)


def constant(comparisons: int, most: int = 20) -> float:
    """Return the constant that corrects several looks for each other.

    At a look with `n` seeds, a test of one of `m` differences has the significance level
    `constant * n / most * 0.05 / m`. Without a difference, a test is significant at any of
    the looks with a probability of `0.05 / m`.

    Args:
        comparisons: The number of differences that are tested together, at least 1.
        most: The largest number of seeds, from 3 to 50. Defaults to 20.

    Returns:
        The constant, at most 1. For a number of comparisons between two of the table, it is
        that of the larger one. Beyond the table, it is Bonferroni's, `1 / sum(n / most)`
        over the looks, which holds for any number.

    Raises:
        ValueError: if `most` is not from 3 to 50.

    Example:
    >>> constant(1), constant(3)
    (0.392, 0.348)

    Reference: K. Kim, D. L. DeMets (1987), Design and analysis of group sequential tests
    based on the type I error spending rate function, Biometrika 74(1).
    """
    weights = sum(looks(most)) / most
    row = _table()[most]
    return next((value for count, value in row if count >= comparisons), 1 / weights)


@cache
def _table() -> dict[int, list[tuple[int, float]]]:
    with TABLE.open(newline="") as file:
        header, *rows = csv.reader(file)
    counts = list(map(int, header[1:]))
    return {
        int(most): list(zip(counts, map(float, row), strict=True)) for most, *row in rows
    }
