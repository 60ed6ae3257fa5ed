"""Why a model cannot be trained by compiled programs, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from kmlp.errors import ConfigError, raise_problems
from kmlp.fused.arguments import Batches, Examples
from kmlp.fused.shapes import symbols, traced

LONGEST = 500
"""Characters of a reason."""


@contextmanager
def refusing(model: Any, batch: Examples) -> Iterator[None]:
    """Says of any error why the model's step cannot be compiled.

    Args:
        model: The model.
        batch: A mini-batch that it is to be trained or tested with.

    Raises:
        ConfigError: if there is an error within.
    """
    filtering = keras.config.is_traceback_filtering_enabled()
    # Or Keras would raise others, which hide the reason between values of arguments.
    keras.config.disable_traceback_filtering()
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # what a model cannot do is told in many ways
        raise ConfigError([_misfit(model, batch) or _not_compiled(error)]) from error
    finally:
        if filtering:
            keras.config.enable_traceback_filtering()


def check_weights(model: Any, batches: Batches) -> None:
    """Tries weights of several axes on the last mini-batch.

    They may fit a larger one by chance, and a backend that learns that later would fail
    in the middle of an epoch.

    Args:
        model: A built model.
        batches: What it is to be trained or tested with.

    Raises:
        ConfigError: if they do not fit.
    """
    weights = keras.tree.flatten(batches.examples.weights)
    if any(array is not None and len(array.shape) > 1 for array in weights):
        misfit = _misfit(model, batches.last)
        raise_problems([misfit] if misfit is not None else [])


def _not_compiled(error: Exception) -> str:
    return (
        "The model's step cannot be compiled into one program with others "
        f"({type(error).__name__}: {reason(error)}). Train it with `model.fit`."
    )


def _misfit(model: Any, batch: Examples) -> str | None:
    """Which argument does not fit the model, and why; None where all do.

    They do where the model and its losses can be called: nothing is compiled here.
    """
    if type(model).train_step is not keras.Model.train_step:
        return None  # what it does with them is its own
    of_x, of_y, of_weights = batch.names
    x, y, weights = batch.x, batch.y, batch.weights
    try:
        if not model.built:
            traced(model, symbols(x), training=False)
        with keras.StatelessScope():
            y_pred = model(x, training=False) if model._call_has_training_arg else model(x)
    except Exception as error:
        return f"The model cannot be called on `{of_x}`: {reason(error)}"
    shapes = keras.tree.map_structure(lambda output: tuple(output.shape), y_pred)
    about = f"(the model's output has the shape {shapes}): "

    def losses(weights: Any) -> None:
        with keras.StatelessScope():
            model._compute_loss(x, y, y_pred, sample_weight=weights, training=False)
            model.compute_metrics(x, y, y_pred, sample_weight=weights)

    try:
        losses(None)
    except Exception as error:
        if y is None:
            return (
                f"`{of_y}` is missing, but the model has a loss or a metric that needs it."
            )
        return f"There is no loss or metric of `{of_y}` {about}{reason(error)}"
    try:
        losses(weights)
    except Exception as error:
        return f"The loss or a metric does not take `{of_weights}` {about}{reason(error)}"
    return None


def reason(error: BaseException) -> str:
    r"""What an error says, in a line, and in which layer it was raised.

    Example:
    >>> reason(ValueError("Too few axes.\nReceived: 1\n\nAll that follows"))
    'Too few axes. Received: 1'
    """
    paragraph = " ".join(str(error).strip().split("\n\n")[0].split())
    if len(paragraph) > LONGEST:
        paragraph = paragraph[:LONGEST] + "..."
    layer = _layer(error)
    return paragraph if layer is None else f"in layer `{layer}`: {paragraph}"


def _layer(error: BaseException) -> str | None:
    """The name of the innermost layer that was called when an error was raised."""
    name, frames = None, error.__traceback__
    while frames is not None:
        caller = frames.tb_frame.f_locals.get("self")
        if isinstance(caller, keras.layers.Layer) and not isinstance(caller, keras.Model):
            name = caller.name
        frames = frames.tb_next
    return name
