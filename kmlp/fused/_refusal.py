"""Turn errors of a model into a sentence: the reason why it cannot be compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from kmlp.errors import ConfigError, raise_problems
from kmlp.fused._arguments import Batches, Examples
from kmlp.fused._shapes import symbols, traced

LONGEST = 500
"""The maximum length of a reason, in characters."""


@contextmanager
def refusing(model: Any, batch: Examples) -> Iterator[None]:
    """Translate any error within into the reason why a step cannot be compiled.

    Args:
        model: The model.
        batch: A mini-batch that the model will be trained or tested with.

    Raises:
        ConfigError: if there is an error within.
    """
    filtering = keras.config.is_traceback_filtering_enabled()
    # With filtering, Keras hides the reason among the values of arguments.
    keras.config.disable_traceback_filtering()
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # models and backends raise errors of many classes
        raise ConfigError([_misfit(model, batch) or _not_compiled(error)]) from error
    finally:
        if filtering:
            keras.config.enable_traceback_filtering()


def check_weights(model: Any, batches: Batches) -> None:
    """Try weights with several axes on the last mini-batch.

    Their shape may fit a full mini-batch by chance. The backend would then fail at the
    last one, in the middle of training.

    Args:
        model: A built model.
        batches: The mini-batches that the model will be trained or tested with.

    Raises:
        ConfigError: if the weights do not fit.
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
    """Return the argument that does not fit the model, with the reason; None if all fit.

    The arguments fit if the model and its losses can be called. Nothing is compiled.
    """
    if type(model).train_step is not keras.Model.train_step:
        return None  # an overridden `train_step` may use the arguments in any way
    x_name, y_name, weights_name = batch.names
    x, y, weights = batch.x, batch.y, batch.weights
    try:
        if not model.built:
            traced(model, symbols(x), training=False)
        with keras.StatelessScope():
            y_pred = model(x, training=False) if model._call_has_training_arg else model(x)
    except Exception as error:
        return f"The model cannot be called on `{x_name}`: {reason(error)}"
    shapes = keras.tree.map_structure(lambda output: tuple(output.shape), y_pred)
    cause = f"(the model's output has the shape {shapes})"

    def losses(weights: Any) -> None:
        with keras.StatelessScope():
            model._compute_loss(x, y, y_pred, sample_weight=weights, training=False)
            model.compute_metrics(x, y, y_pred, sample_weight=weights)

    try:
        losses(None)
    except Exception as error:
        if y is None:
            return f"`{y_name}` is missing, but a loss or a metric of the model needs it."
        return (
            f"The loss or a metric cannot be computed from `{y_name}` {cause}: "
            f"{reason(error)}"
        )
    try:
        losses(weights)
    except Exception as error:
        return (
            f"The loss or a metric does not take `{weights_name}` {cause}: {reason(error)}"
        )
    return None


def reason(error: BaseException) -> str:
    r"""Return the first paragraph of an error's message in one line, with its layer.

    Example:
    >>> reason(ValueError("Too few axes.\nReceived: 1\n\nA second paragraph"))
    'Too few axes. Received: 1'
    """
    paragraph = " ".join(str(error).strip().split("\n\n")[0].split())
    if len(paragraph) > LONGEST:
        paragraph = paragraph[:LONGEST] + "..."
    layer = _layer(error)
    return paragraph if layer is None else f"in layer `{layer}`: {paragraph}"


def _layer(error: BaseException) -> str | None:
    """Return the name of the innermost layer whose call raised an error, or None."""
    name, frames = None, error.__traceback__
    while frames is not None:
        caller = frames.tb_frame.f_locals.get("self")
        if isinstance(caller, keras.layers.Layer) and not isinstance(caller, keras.Model):
            name = caller.name
        frames = frames.tb_next
    return name
