"""Pairing of runs by seed.

Two runs with the same seed draw their initial weights from the same random numbers and see
the images in the same order. In their difference, most of the seed's influence cancels out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kmlp.model.metrics import Part
from kmlp.training.run import Run


def values_by_seed(
    levels: Sequence[Sequence[Run]], seeds: Sequence[int], part: Part = "val"
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the values of the runs of several levels, in a column for each seed.

    Args:
        levels: The runs of each level, at most one for each seed.
        seeds: The seeds of the columns. Runs with other seeds are left out.
        part: "val" or "test": the part of the data. Defaults to "val".

    Returns:
        The values of the metric of the runs, nan where no run finished; and where a run
        diverged or failed. Both have the shape `(levels, seeds)`.
    """
    columns = {seed: column for column, seed in enumerate(seeds)}
    values = np.full((len(levels), len(seeds)), np.nan)
    lost = np.zeros(values.shape, bool)
    for row, runs in enumerate(levels):
        for run in runs:
            column = columns.get(run.config.seed)
            if column is None:
                continue
            if run.status == "finished":
                values[row, column] = run.value(part)
            else:
                lost[row, column] = True
    return values, lost
