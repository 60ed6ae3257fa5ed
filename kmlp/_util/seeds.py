"""Random numbers that depend on the seed of a run, and not on the backend."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """The purpose of a stream of random numbers. Results depend on these constants."""

    WEIGHTS = 0
    """Initial weights. The index is that of the layer."""
    ORDER = 1
    """Order of the training examples. The index is that of the epoch, from 0."""
    SPLIT = 2
    """The split of a dataset. The seed is always 0: all runs have the same split."""
    RESPLIT = 3
    """The split of the runs of one seed, if every seed has a split of its own."""
    LABEL_NOISE = 4
    """Wrong labels of training images. The index is 0 for the choice of the images, and 1
    for their labels."""
    DRAWS = 5
    """Masks, noise and augmentation while training. The index is that of the layer."""
    FOLDS = 6
    """The folds of the training examples. The seed is the number of the division."""


def generator(seed: int, purpose: Purpose, index: int = 0) -> np.random.Generator:
    """Return the generator of a stream, which gives the same numbers for equal arguments.

    Streams of different arguments are independent. A run can therefore be continued at any
    epoch without drawing the numbers of earlier epochs.

    Args:
        seed: The seed of a run, `seed >= 0`. 0 is a seed like any other.
        purpose: The purpose of the numbers.
        index: The index of the stream among those of its purpose, `index >= 0`. Defaults
            to 0.

    Example:
    >>> generator(0, Purpose.ORDER, 1).permutation(5).tolist()
    [3, 4, 2, 1, 0]
    >>> generator(0, Purpose.ORDER, 1).permutation(5).tolist()
    [3, 4, 2, 1, 0]

    Reference: `numpy.random.SeedSequence`, whose `spawn_key` keeps streams apart.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(purpose, index))
    return np.random.Generator(np.random.PCG64(sequence))
