"""The initial weights of a run, which are the same on every backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kmlp._util.seeds import Purpose, generator
from kmlp.model._initializers import draw_weights
from kmlp.model._normalization import initial_values
from kmlp.model.config import RunConfig
from kmlp.model.layer_sizes import layer_sizes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kmlp.data import Dataset


def initial_weights(config: RunConfig, dataset: Dataset) -> list[NDArray[np.float32]]:
    """Return the initial weights of a run, in the order of `model.get_weights()`.

    They depend only on the seed, the initializer, the normalization and the sizes of the
    layers.
    """
    import numpy as np

    sizes = layer_sizes(dataset.input_shape, dataset.outputs, config.width, config.depth)
    *hidden, last = draw_dense(config, sizes)
    weights = []
    for kernel, bias in hidden:
        values = initial_values(config.normalization)
        weights += [kernel, bias, *(np.full_like(bias, value) for value in values)]
    return [*weights, *last]


def draw_dense(
    config: RunConfig, sizes: list[tuple[int, int]]
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Draw the initial kernel and bias of every dense layer."""
    return [
        draw_weights(
            config.initializer, *size, generator(config.seed, Purpose.WEIGHTS, index)
        )
        for index, size in enumerate(sizes)
    ]
