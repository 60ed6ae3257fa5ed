"""`fit` and `evaluate` of Keras, with many steps in one compiled program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmlp import backend
from kmlp.errors import call_all, raise_problems
from kmlp.fused import _arguments

if TYPE_CHECKING:
    import keras


def fit(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: int | str = 0,
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int | list[int] = 1,
    *,
    seed: int = 0,
) -> keras.callbacks.History:
    """Train a compiled Keras model as `model.fit` does; small models train much faster.

    The steps of an epoch run inside one compiled program, where `model.fit` calls
    them one by one from Python. The steps, the loop over the epochs, validation,
    callbacks and the History are Keras' own: `kmlp.fit` calls `model.fit` with
    another train function. The class and the methods of the model do not change.

    The arguments and their order are those of `model.fit`. The differences are:

    - The order of the examples depends only on `seed` and the epoch. Training in
      two calls therefore gives the same result as training in one. `model.fit`
      shuffles into another order, which no seed reproduces. With `shuffle=False`
      the orders are equal.
    - `x`, `y` and the weights are arrays or nests of arrays, and are read once, at
      the beginning. Sources of batches are refused (a `tf.data.Dataset`, a
      `PyDataset`, a `DataLoader`, a generator), because the program needs all
      examples at once. Also refused are sparse and ragged tensors (their parts
      differ in size), masked arrays, None within a nest, and values that are not
      numbers.
    - Labels without an output of the model are refused. Depending on the backend,
      `model.fit` fails or continues with wrong results.
    - Everything that a compiled program cannot do is refused before training: a
      distributed model; `run_eagerly=True`; a model class that overrides `fit`,
      `evaluate`, `make_train_function` or `make_test_function`; layers and losses
      whose Python code reads computed values. On PyTorch, a `train_step`,
      `test_step` or `compute_metrics` that returns anything but the results of
      metrics is refused, too.
    - `shuffle="batch"` is refused because its order differs. Callbacks that
      train or evaluate the model during `fit` are refused.
    - Without per-batch callbacks, an epoch is one program, or several if the data
      take more than 256 MiB. With a callback that has a per-batch method, each
      step runs as a separate program, which is slower. Keras' own callbacks that do
      nothing per batch do not count, such as
      `ModelCheckpoint(save_freq="epoch")`.
    - The programs are kept with the model. The next call compiles again only if
      shapes or settings of layers or of the optimizer have changed, or if the
      model was compiled again.
    - Nothing is printed unless `verbose` asks for it. A progress bar moves when a
      program ends.

    With equal seeds, random layers draw the numbers that they draw in `model.fit`.
    Layers without a seed do so after `keras.utils.set_random_seed`. Attributes of a
    layer, a loss or an optimizer may be set between two calls: the second call uses
    the new values, even if the model was not compiled again. On PyTorch, two kinds
    of steps are refused: a step whose Python code reads a value that the step
    computes, and a step with a gradient through `keras.ops.cond` on such a value.

    The backend computes with one thread on the CPU.

    Args:
        model: Any compiled Keras model whose step can be compiled.
        x: Examples: an array of shape `(examples, ...)`, or a nest of them for
            several inputs. Integers, such as uint8 images, stay integers until
            they are on the device.
        y: Targets: an array of shape `(examples, ...)`, or a nest of them for
            several outputs. Defaults to None, for a model whose loss needs no targets.
        batch_size: Examples in a step. The last step of a pass over the data has
            fewer if `batch_size` does not divide their number. Defaults to None:
            32, or the size that makes `steps_per_epoch` steps.
        epochs: The epoch to train to. Defaults to 1.
        verbose: As in `model.fit`. Defaults to 0, silent.
        callbacks: A Keras callback, several, or a `CallbackList`. Defaults to None.
        validation_split: Fraction of the examples that is used for validation,
            from 0 to below 1: the last examples. Defaults to 0, none. Ignored if
            `validation_data` is given.
        validation_data: `(x, y)` or `(x, y, sample_weight)` to evaluate after an
            epoch. Defaults to None.
        shuffle: True to draw a new order for each pass over the data. Defaults to
            True.
        class_weight: Weights of the classes by number: the loss of an example is
            multiplied by the weight of its class. A class without a weight has 1.
            Defaults to None.
        sample_weight: Weights of the examples: the loss of an example is multiplied by
            its weight. Of shape `(examples,)`, or a shape that Keras broadcasts over
            the outputs of an example; a nest like `y` for several outputs. Defaults to
            None.
        initial_epoch: The epoch to start from. Defaults to 0.
        steps_per_epoch: Steps in an epoch. Each epoch continues in the data where
            the last one ended, and ends early at the end of the data. Each call
            starts a new pass over the data. Defaults to None: a whole pass.
        validation_steps: Steps of validation, from the first example on. Defaults
            to None: all.
        validation_batch_size: Examples in a step of validation. Defaults to
            None: `batch_size`.
        validation_freq: Number of epochs between validations, or a list of the
            epochs to validate after, counted from 1. Defaults to 1.
        seed: Seed of the order of the examples, `seed >= 0`. Defaults to 0.

    Returns:
        The History of `model.fit`. In addition, `history.step_losses` has an array
        of shape `(steps,)` for each epoch: the loss of every step, in order. The
        values are nan if the model overrides `train_step` and updates no metric
        called `loss`.

    Raises:
        ConfigError: with every problem of the arguments, or if the model cannot
            be trained this way. The model is unchanged then.
        BackendError: if no backend can be loaded.

    Example:
    >>> from kmlp import build_mlp, fit, load_dataset
    >>> train = load_dataset("mnist").with_train_size(1000).train
    >>> model = build_mlp(depth=0)
    >>> history = fit(model, train.x, train.y, batch_size=1, epochs=2)
    >>> len(history.history["loss"]), history.step_losses[0].shape
    (2, (1000,))
    """
    backend.load()
    from kmlp.fused import _through_keras

    names = ("x", "y", "sample_weight")
    _, data, validation = call_all(
        [
            lambda: raise_problems(
                [
                    *_arguments.count_problems(epochs=epochs),
                    *_arguments.count_problems(
                        least=0, initial_epoch=initial_epoch, seed=seed
                    ),
                    *_arguments.count_problems(
                        optional=True,
                        batch_size=batch_size,
                        validation_batch_size=validation_batch_size,
                        steps_per_epoch=steps_per_epoch,
                        validation_steps=validation_steps,
                    ),
                    *_arguments.option_problems(validation_freq, shuffle),
                    *_model_problems(model),
                ]
            ),
            lambda: _arguments.examples(names, x, y, sample_weight),
            lambda: _arguments.validation(validation_data),
        ]
    )
    if validation is None:
        data, validation = _arguments.split_off(data, validation_split)
    if class_weight is not None:
        data = _arguments.with_class_weight(data, class_weight)
    if validation_batch_size is None:
        validation_batch_size = batch_size
    return _through_keras.fit(
        model,
        _arguments.batches(data, batch_size, steps_per_epoch),
        validation=validation
        and _arguments.batches(validation, validation_batch_size, validation_steps),
        epochs=int(epochs),
        initial_epoch=int(initial_epoch),
        validation_freq=_arguments.frequency(validation_freq),
        callbacks=callbacks,
        seed=seed if shuffle else None,
        verbose=verbose,
    )


def evaluate(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    *,
    sample_weight: Any = None,
    steps: int | None = None,
) -> dict[str, float]:
    """Return the loss and the metrics of a compiled model, as `model.evaluate` does.

    Args:
        model: See `fit`.
        x: See `fit`.
        y: See `fit`.
        batch_size: Examples in a step. Defaults to None: 32, or the size that makes
            `steps` steps.
        sample_weight: See `fit`. Defaults to None.
        steps: Number of steps, from the first example on. Defaults to None: all.

    Returns:
        The loss and the metrics by name.

    Raises:
        ConfigError: with every problem of the arguments, or if the model cannot
            be evaluated this way.
        BackendError: if no backend can be loaded.
    """
    backend.load()
    from kmlp.fused import _through_keras

    names = ("x", "y", "sample_weight")
    _, data = call_all(
        [
            lambda: raise_problems(
                _arguments.count_problems(optional=True, batch_size=batch_size, steps=steps)
                + _model_problems(model)
            ),
            lambda: _arguments.examples(names, x, y, sample_weight),
        ]
    )
    return _through_keras.evaluate(model, _arguments.batches(data, batch_size, steps))


def _model_problems(model: Any) -> list[str]:
    """Return the reasons, known before tracing, why a model's steps cannot be fused."""
    keras = backend.load()
    if not isinstance(model, keras.Model) or not model.compiled:
        return [f"{model!r} is not a compiled Keras model. Call its `compile` first."]
    reasons = []
    if model.run_eagerly:
        reasons.append("is compiled with `run_eagerly=True`")
    reasons += [
        f"overrides `{name}`"
        for name in ("fit", "evaluate", "make_train_function", "make_test_function")
        if getattr(type(model), name) is not getattr(keras.Model, name)
    ]
    if keras.distribution.distribution() is not None or _replicas(model) > 1:
        reasons.append("is distributed")
    return [f"The model {reason}. Train it with `model.fit`." for reason in reasons]


def _replicas(model: Any) -> int:
    strategy = getattr(model, "distribute_strategy", None)  # only TensorFlow has it
    return strategy.num_replicas_in_sync if strategy is not None else 1
