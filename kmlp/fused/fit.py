"""`fit`: Keras' own `model.fit`, with an epoch of steps in one compiled program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmlp import backend
from kmlp.errors import call_all, raise_problems
from kmlp.fused import arguments

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
    """Trains a compiled Keras model as `model.fit` does, and a small one much faster.

    An epoch's steps run inside one compiled program instead of being called one
    by one from Python. The steps are Keras' own, and so are the loop over the
    epochs, validation, callbacks and History: this calls `model.fit` with
    another train function. The model stays the plain model that it is.

    It takes the arguments of `model.fit`, in their order. It differs in this:

    - The order of the examples depends on `seed` and the epoch alone, so that
      training in two calls comes to the same as in one. It is not the order of
      `model.fit`, which no seed of an epoch gives; without shuffling it is.
    - `x`, `y` and the weights are arrays, or nests of arrays, which are read
      once, at the beginning. Refused are what makes batches itself (a
      `tf.data.Dataset`, a `PyDataset`, a `DataLoader`, a generator: the program
      gets all examples at once), sparse and ragged tensors (their parts differ in
      size), masked arrays, None within a nest, and anything but numbers.
    - Labels that the model has no output for are refused, where `model.fit` fails
      or not, depending on the backend.
    - What a compiled program cannot do is refused before training: a distributed
      model, `run_eagerly=True`, a `fit`, `evaluate`, `make_train_function` or
      `make_test_function` of the model's own, layers and losses that look at
      values; on PyTorch also a `train_step`, `test_step` or `compute_metrics`
      that returns what is no metric's result. So are `shuffle="batch"`, which
      draws another order, and callbacks that train or evaluate the model
      meanwhile.
    - A callback with a per-batch method gets every batch, and each step is a
      program of its own in that call: slower. Where none has one (Keras' own
      that do nothing each batch, such as `ModelCheckpoint(save_freq="epoch")`,
      do not count), an epoch is one program, or several where the data take
      more than 256 MiB.
    - The programs are kept with the model, so that the next call does not compile
      again unless shapes or settings of its layers or its optimizer have changed,
      or the model was compiled anew.
    - Nothing is printed unless `verbose` says so; a progress bar moves when a
      program has ended.

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
        batch_size: Examples in a step; the last step of a pass over the data has
            fewer where it does not divide their number. Defaults to None: 32, or
            what `steps_per_epoch` needs.
        epochs: The epoch to train to. Defaults to 1.
        verbose: As Keras takes it. Defaults to 0, silent.
        callbacks: A Keras callback, several, or a `CallbackList`. Defaults to None.
        validation_split: How many of the examples, of 1, are for validation: the
            last ones. Defaults to 0, none; `validation_data` goes before it.
        validation_data: `(x, y)` or `(x, y, sample_weight)` to evaluate after an
            epoch. Defaults to None.
        shuffle: Whether each pass over the data has an order of its own. Defaults
            to True.
        class_weight: What the loss of an example of a class is multiplied by, for
            each class by its number; 1 where there is none. Defaults to None.
        sample_weight: What the loss of each example is multiplied by: of shape
            `(examples,)`, or as Keras broadcasts it over the outputs of an
            example; a nest like `y` for several outputs. Defaults to None.
        initial_epoch: The epoch to start from. Defaults to 0.
        steps_per_epoch: Steps in an epoch. An epoch begins where the last one has
            ended in the data, and ends with them; each call begins anew. Defaults
            to None: all that the data give.
        validation_steps: Steps of validation, from the first example on. Defaults
            to None: all.
        validation_batch_size: Examples in a step of validation. Defaults to
            None: `batch_size`.
        validation_freq: Validate every so many epochs, or after the epochs in a
            list, counted from 1. Defaults to 1.
        seed: Of the order of the examples, `seed >= 0`. Defaults to 0.

    Returns:
        The History of `model.fit`. In addition, `history.step_losses` has for
        each epoch the loss of every step, in order, of shape `(steps,)`; nan where
        a `train_step` of the model's own gives it to no metric called `loss`.

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

    names = ("x", "y", "sample_weight")
    _, data, validation = call_all(
        [
            lambda: raise_problems(
                [
                    *arguments.count_problems(epochs=epochs),
                    *arguments.count_problems(
                        least=0, initial_epoch=initial_epoch, seed=seed
                    ),
                    *arguments.count_problems(
                        optional=True,
                        batch_size=batch_size,
                        validation_batch_size=validation_batch_size,
                        steps_per_epoch=steps_per_epoch,
                        validation_steps=validation_steps,
                    ),
                    *arguments.option_problems(validation_freq, shuffle),
                    *_model_problems(model),
                ]
            ),
            lambda: arguments.examples(names, x, y, sample_weight),
            lambda: arguments.validation(validation_data),
        ]
    )
    if validation is None:
        data, validation = arguments.split_off(data, validation_split)
    if class_weight is not None:
        data = arguments.with_class_weight(data, class_weight)
    if validation_batch_size is None:
        validation_batch_size = batch_size
    return through_keras.fit(
        model,
        arguments.batches(data, batch_size, steps_per_epoch),
        validation=validation
        and arguments.batches(validation, validation_batch_size, validation_steps),
        epochs=int(epochs),
        initial_epoch=int(initial_epoch),
        validation_freq=arguments.frequency(validation_freq),
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
    """The loss and the metrics of a compiled model, as `model.evaluate` has them.

    Args:
        model: See `fit`.
        x: See `fit`.
        y: See `fit`.
        batch_size: Examples in a step. Defaults to None: 32, or what `steps` needs.
        sample_weight: See `fit`. Defaults to None.
        steps: How many steps, from the first example on. Defaults to None: all.

    Returns:
        The metrics by name.

    Raises:
        ConfigError: as `fit` does.
        BackendError: if there is no backend.
    """
    backend.load()
    from kmlp.fused import through_keras

    names = ("x", "y", "sample_weight")
    _, data = call_all(
        [
            lambda: raise_problems(
                arguments.count_problems(optional=True, batch_size=batch_size, steps=steps)
                + _model_problems(model)
            ),
            lambda: arguments.examples(names, x, y, sample_weight),
        ]
    )
    return through_keras.evaluate(model, arguments.batches(data, batch_size, steps))


def _model_problems(model: Any) -> list[str]:
    """Why a model's steps cannot be fused, as far as one can tell beforehand."""
    keras = backend.load()
    if not isinstance(model, keras.Model) or not model.compiled:
        return [f"{model!r} is no compiled Keras model. Call its `compile` first."]
    reasons = []
    if model.run_eagerly:
        reasons.append("is compiled with `run_eagerly=True`")
    reasons += [
        f"has a `{name}` of its own"
        for name in ("fit", "evaluate", "make_train_function", "make_test_function")
        if getattr(type(model), name) is not getattr(keras.Model, name)
    ]
    if keras.distribution.distribution() is not None or _replicas(model) > 1:
        reasons.append("is distributed")
    return [f"The model {reason}. Train it with `model.fit`." for reason in reasons]


def _replicas(model: Any) -> int:
    strategy = getattr(model, "distribute_strategy", None)  # only TensorFlow has it
    return strategy.num_replicas_in_sync if strategy is not None else 1
