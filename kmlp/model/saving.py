"""Save a model in a file that Keras can load without kmlp."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kmlp import backend
from kmlp._util.files import atomic_write, undated

if TYPE_CHECKING:
    import keras


def save_portable(model: keras.Sequential, path: Path) -> bool:
    """Save a model in a file that Keras can load without kmlp.

    A loss or an optimizer that is not Keras' own could not be loaded. A model with such a
    one is therefore saved without its loss, optimizer and metrics: the loaded model
    predicts, and can be compiled again. The file is written under another name and renamed.

    Args:
        model: A compiled model of `build_mlp`.
        path: A file name that ends in `.keras`.

    Returns:
        True if the model was saved with its loss, optimizer and metrics.
    """
    keras = backend.load()
    loss = model.loss
    definition = type(loss) if isinstance(loss, keras.losses.Loss) else loss
    compiled = all(
        item.__module__.partition(".")[0] == "keras"
        for item in (definition, type(model.optimizer))
    )
    try:
        model.compiled = compiled
        # To save, Keras imports TensorFlow, which prints messages.
        with backend.quiet(), undated(), atomic_write(path) as temporary:
            model.save(temporary)
    finally:
        model.compiled = True
    return compiled
