"""The sizes of a model's layers, without building the model."""

from __future__ import annotations

import itertools
import math

from kmlp.model._normalization import initial_values


def layer_sizes(
    input_shape: tuple[int, ...],
    outputs: int,
    width: int | tuple[int, ...],
    depth: int,
) -> list[tuple[int, int]]:
    """Return the numbers of inputs and units of every dense layer, the output layer last.

    Args:
        input_shape: Shape of one example.
        outputs: Number of outputs: the classes, or 1 for a regression.
        width: The field `width` of a `RunConfig`.
        depth: The field `depth` of a `RunConfig`.

    Example:
    >>> layer_sizes((28, 28), 10, width=128, depth=1)
    [(784, 128), (128, 10)]
    >>> layer_sizes((28, 28), 10, width=(300, 100), depth=2)
    [(784, 300), (300, 100), (100, 10)]
    """
    hidden = width if isinstance(width, tuple) else (width,) * depth
    units = [math.prod(input_shape), *hidden, outputs]
    return list(itertools.pairwise(units))


def count_parameters(
    input_shape: tuple[int, ...],
    outputs: int,
    width: int | tuple[int, ...],
    depth: int,
    normalization: str = "none",
) -> int:
    """Return the number of parameters of a model, without building the model.

    They are weights and biases, and four or two numbers for each hidden unit with batch or
    layer normalization, of which batch normalization's two moving averages are not trained.

    Args:
        input_shape: Shape of one example.
        outputs: Number of outputs: the classes, or 1 for a regression.
        width: The field `width` of a `RunConfig`.
        depth: The field `depth` of a `RunConfig`.
        normalization: The field `normalization` of a `RunConfig`. Defaults to "none".

    Formula: `sum((fan_in + 1) * units)` over the dense layers, and `4 * units` or
    `2 * units` over the normalizations.

    Example:
    >>> count_parameters((28, 28), 10, width=128, depth=0)
    7850
    >>> count_parameters((28, 28), 10, width=128, depth=1)
    101770
    """
    sizes = layer_sizes(input_shape, outputs, width, depth)
    dense = sum((fan_in + 1) * units for fan_in, units in sizes)
    normalized = sum(units for _, units in sizes[:-1])
    return dense + len(initial_values(normalization)) * normalized
