"""What a model makes of a mini-batch, known by shapes alone."""

from __future__ import annotations

from typing import Any

import keras
from keras.src import backend


def symbols(nest: Any) -> Any:
    """Arrays without values: a nest of `KerasTensor`; None stays None."""
    if nest is None:
        return None
    return keras.tree.map_structure(
        lambda array: keras.KerasTensor(
            tuple(array.shape), keras.backend.standardize_dtype(array.dtype)
        ),
        nest,
    )


def traced(function: Any, *inputs: Any, **options: Any) -> Any:
    """What a function returns for such inputs, without values."""
    return backend.compute_output_spec(function, *inputs, **options)
