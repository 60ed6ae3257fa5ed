"""Random numbers that depend on a run's seed alone, never on the backend."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream of random numbers is for. The numbers are part of results."""

    WEIGHTS = 0
    """Initial weights; the index is the layer's."""
    ORDER = 1
    """Order of the training examples; the index is the epoch's, from 0."""
    SPLIT = 2
    """The split of a dataset; always with seed 0: a run's seed has no say in it."""


def generator(seed: int, purpose: Purpose, index: int = 0) -> np.random.Generator:
    """The generator of one stream: the same numbers for the same arguments.

    Streams of different arguments are independent, so a run can be continued
    at any epoch without drawing what came before.

    Args:
        seed: A run's seed, `seed >= 0`. 0 is a seed like any other.
        purpose: What the numbers are for.
        index: Which one of that purpose, `index >= 0`. Defaults to 0.

    Example:
    >>> generator(0, Purpose.ORDER, 1).permutation(5).tolist()
    [3, 4, 2, 1, 0]
    >>> generator(0, Purpose.ORDER, 1).permutation(5).tolist()
    [3, 4, 2, 1, 0]

    Reference: `numpy.random.SeedSequence`, whose `spawn_key` keeps streams apart.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(purpose, index))
    return np.random.Generator(np.random.PCG64(sequence))
