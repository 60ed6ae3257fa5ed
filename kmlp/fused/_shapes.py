"""Find out the shapes of a function's results without computing values."""

from __future__ import annotations

from typing import Any

import keras
from keras.src import backend


def symbols(nest: Any) -> Any:
    """Return a nest of `KerasTensor`, which have no values; None stays None."""
    if nest is None:
        return None
    return keras.tree.map_structure(
        lambda array: keras.KerasTensor(
            tuple(array.shape), keras.backend.standardize_dtype(array.dtype)
        ),
        nest,
    )


def traced(function: Any, *inputs: Any, **options: Any) -> Any:
    """Return the results of a function as `KerasTensor`, which have no values."""
    return backend.compute_output_spec(function, *inputs, **options)
