"""`fit`: Keras' own `model.fit`, with an epoch of steps in one compiled program."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from kmlp import backend
from kmlp.errors import ConfigError, raise_problems

if TYPE_CHECKING:
    import keras


def fit(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    batch_size: int,
    epochs: int,
    initial_epoch: int = 0,
    validation_data: tuple[Any, Any] | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int = 1,
    callbacks: keras.callbacks.Callback | Iterable[keras.callbacks.Callback] | None = (),
    shuffle: bool = True,
    seed: int = 0,
    verbose: int | str = 0,
    **unsupported: Any,
) -> keras.callbacks.History:
    """Trains a compiled Keras model as `model.fit` does, and a small one much faster.

    An epoch's steps run inside one compiled program instead of being called one
    by one from Python. The steps are Keras' own, and so are the loop over the
    epochs, validation, callbacks and History: this calls `model.fit` with
    another train function. The model stays the plain model that it is.

    It differs from `model.fit` in this: callbacks hear of a chunk of steps
    where Keras tells them of each step (an epoch is one chunk, unless the data
    take more than 256 MiB); the order of the examples depends on `seed` and the
    epoch alone, so that training in two calls comes to the same as in one; the
    programs are kept with the model, so that the next call does not compile
    again unless shapes have changed or the model was compiled anew.

    Layers that draw at random draw what they draw in `model.fit`, given the same
    seeds; so do unseeded ones after `keras.utils.set_random_seed`. What is set of a
    layer, a loss, an optimizer and so on between two calls is used by the second,
    whether or not the model was compiled again. What cannot be done in one program
    is refused: on PyTorch, a step that asks from Python for a value that it
    computes, or that takes a gradient through `keras.ops.cond` on such a value.

    kmlp has the backend compute with one thread on the CPU.

    Args:
        model: Any compiled Keras model whose step can be compiled.
        x: Examples: an array of shape `(examples, ...)`, or a nest of them for
            several inputs. Integers, such as uint8 images, stay so until they
            are on the device.
        y: Targets: of shape `(examples, ...)`, likewise. Defaults to None, for
            a model whose loss needs none.
        batch_size: Examples in a step; the last step of an epoch has fewer
            where it does not divide their number.
        epochs: The epoch to train to.
        initial_epoch: The epoch to start from. Defaults to 0.
        validation_data: `(x, y)` to evaluate after an epoch. Defaults to None.
        validation_batch_size: Examples in a step of validation. Defaults to
            None: `batch_size`.
        validation_freq: Validate every so many epochs. Defaults to 1.
        callbacks: A Keras callback, or several. Defaults to none.
        shuffle: Whether each epoch has an order of its own. Defaults to True.
        seed: Of that order, `seed >= 0`. Defaults to 0.
        verbose: As Keras takes it. Defaults to 0, silent.
        **unsupported: What else `model.fit` takes is refused.

    Returns:
        The History of `model.fit`. In addition, `history.step_losses` has for
        each epoch the loss of every step, in order, of shape `(steps,)`.

    Raises:
        ConfigError: with every problem of the arguments, or if the model cannot
            be trained this way. The model is as it was then.
        BackendError: if there is no backend.

    Example:
    >>> from kmlp import build_mlp, fit, load_dataset
    >>> train = load_dataset("mnist").with_train_size(1000).train
    >>> model = build_mlp(depth=0)
    >>> history = fit(model, train.x, train.y, batch_size=1, epochs=2)
    >>> len(history.history["loss"]), history.step_losses[0].shape
    (2, (1000,))
    """
    backend.load()
    from kmlp.fused import through_keras

    callbacks = () if callbacks is None else callbacks  # Keras' default
    problems = [
        f"`kmlp.fit` does not take `{name}`. Train with `model.fit`."
        for name in unsupported
    ]
    problems += _count_problems(
        batch_size=batch_size,
        epochs=epochs,
        validation_batch_size=validation_batch_size or batch_size,
        validation_freq=validation_freq,
    )
    problems += _count_problems(least=0, initial_epoch=initial_epoch, seed=seed)
    problems += _model_problems(model)
    if validation_data is not None and (
        not isinstance(validation_data, tuple | list) or len(validation_data) != 2
    ):
        problems.append(
            "`validation_data` must be `(x, y)`: `kmlp.fit` takes no weights of "
            "examples. Train with `model.fit`."
        )
    raise_problems(problems)
    if validation_data is not None:
        validation_data = _arrays("validation_data", *validation_data)
    return through_keras.fit(
        model,
        _arrays("x", x, y),
        batch_size=int(batch_size),
        epochs=int(epochs),
        initial_epoch=int(initial_epoch),
        validation=validation_data,
        validation_batch_size=int(validation_batch_size or batch_size),
        validation_freq=int(validation_freq),
        callbacks=list(callbacks) if isinstance(callbacks, Iterable) else [callbacks],
        seed=seed if shuffle else None,
        verbose=verbose,
    )


def evaluate(model: keras.Model, x: Any, y: Any, *, batch_size: int) -> dict[str, float]:
    """The loss and the metrics of a compiled model, as `model.evaluate` has them.

    Args:
        model: See `fit`.
        x: See `fit`.
        y: See `fit`.
        batch_size: Examples in a step.

    Returns:
        The metrics by name.

    Raises:
        ConfigError: as `fit` does.
        BackendError: if there is no backend.
    """
    backend.load()
    from kmlp.fused import through_keras

    raise_problems(_count_problems(batch_size=batch_size) + _model_problems(model))
    return through_keras.evaluate(model, _arrays("x", x, y), batch_size=int(batch_size))


def _count_problems(*, least: int = 1, **counts: Any) -> list[str]:
    problems = []
    for name, count in counts.items():
        try:
            valid = not isinstance(count, bool) and operator.index(count) >= least
        except TypeError:
            valid = False
        if not valid:
            problems.append(
                f"The value of `{name}` is {count!r}, but must be an integer, "
                f"`{name} >= {least}`."
            )
    return problems


def _model_problems(model: Any) -> list[str]:
    """Why a model's steps cannot be fused, as far as one can tell beforehand."""
    keras = backend.load()
    if not isinstance(model, keras.Model) or not model.compiled:
        return [f"{model!r} is no compiled Keras model. Call its `compile` first."]
    reasons = []
    if model.run_eagerly:
        reasons.append("is compiled with `run_eagerly=True`")
    if type(model).train_step is not keras.Model.train_step:
        reasons.append("has a `train_step` of its own")
    if type(model).test_step is not keras.Model.test_step:
        reasons.append("has a `test_step` of its own")
    if type(model).compute_metrics is not keras.Model.compute_metrics:
        reasons.append("has a `compute_metrics` of its own")
    if keras.distribution.distribution() is not None or _replicas(model) > 1:
        reasons.append("is distributed")
    return [f"The model {reason}. Train it with `model.fit`." for reason in reasons]


def _replicas(model: Any) -> int:
    strategy = getattr(model, "distribute_strategy", None)  # only TensorFlow has it
    return strategy.num_replicas_in_sync if strategy is not None else 1


def _arrays(what: str, x: Any, y: Any) -> Any:
    """The nest of arrays that a model's step unpacks; floats as Keras computes."""
    keras = backend.load()

    def array(value: Any) -> Any:
        if not keras.ops.is_tensor(value):
            if not hasattr(value, "__array__"):
                raise ConfigError(
                    [
                        f"`{what}` has a {type(value).__name__}, but `kmlp.fit` takes "
                        "arrays. Train with `model.fit`."
                    ]
                )
            value = np.asarray(value)
            if value.dtype.kind not in "biuf":
                raise ConfigError(
                    [f"`{what}` has an array of {value.dtype}, but must have numbers."]
                )
            if value.dtype.kind == "f":
                value = value.astype(keras.config.floatx(), copy=False)
        if len(value.shape) == 0:
            raise ConfigError([f"`{what}` has a single number, but must have arrays."])
        return value

    data = keras.tree.map_structure(array, (x,) if y is None else (x, y))
    sizes = sorted({len(a) for a in keras.tree.flatten(data)})
    if len(sizes) > 1 or not sizes or sizes[0] == 0:
        raise ConfigError(
            [
                f"The arrays of `{what}` have {' and '.join(map(str, sizes))} examples, "
                "but must have equally many, one at the least."
            ]
        )
    return data
