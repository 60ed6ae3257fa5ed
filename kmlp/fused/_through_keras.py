"""Call Keras' own `fit` and `evaluate`, with loops as a model's train and test functions.

This module and the backends' modules are the only ones that rely on private behaviour
of Keras: on `_symbolic_build`, and on `fit` and `evaluate` using an existing
`train_function` and `test_function`. Both are true of Keras 3.15. The tests compare
with plain `fit`, and fail with a version that behaves differently.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from kmlp.errors import ConfigError, raise_problems
from kmlp.fused import _labels
from kmlp.fused._arguments import Batches, Examples
from kmlp.fused._callbacks import (
    TEST_HOOKS,
    TRAINING_HOOKS,
    EpochCallback,
    StepCallbacks,
    check,
    hear_steps,
)
from kmlp.fused._refusal import check_weights, refusing
from kmlp.fused.chunks import CHUNK_BYTES, ChunkedDataset
from kmlp.fused.loop import IN_USE, StepLoop, overrides, steps
from kmlp.settings import differing_settings


def fit(
    model: Any,
    data: Batches,
    *,
    validation: Batches | None,
    epochs: int,
    initial_epoch: int,
    validation_freq: int | list[int],
    callbacks: Any,
    seed: int | None,
    verbose: Any,
) -> Any:
    """Train a model; see `kmlp.fit`. If `seed` is None, the examples keep their order."""
    others = check(callbacks, model)
    training, testing = _loops_of(model, data, validation)
    callback = EpochCallback(training, testing, seed)
    options: dict[str, Any] = {}
    with _patched(model, training, testing):
        chunked = _load(training, data, one_by_one=hear_steps(others, TRAINING_HOOKS))
        if validation is not None:
            validation_chunks = _load(
                testing, validation, one_by_one=hear_steps(others, TEST_HOOKS)
            )
            options["validation_data"] = (steps().chunk_ids(validation_chunks.chunks),)
            options["validation_steps"] = _count(validation, validation_chunks)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            limit = keras.config.max_epochs()  # Keras' setting for debugging
            parameters = {
                "verbose": verbose,
                "epochs": min(epochs, limit) if limit else epochs,
                "steps": chunked.steps,
            }
            others = [
                keras.callbacks.CallbackList(
                    others,
                    add_history=True,
                    add_progbar=verbose != 0,
                    model=model,
                    **parameters,
                )
            ]
        history = model.fit(
            steps().chunk_ids(chunked.chunks),
            batch_size=steps().CHUNK_IDS_PER_BATCH,
            steps_per_epoch=_count(data, chunked),
            epochs=epochs,
            initial_epoch=initial_epoch,
            validation_freq=validation_freq,
            shuffle=False,
            callbacks=StepCallbacks([callback, *others], training, testing),
            **options,
        )
    history.step_losses = callback.step_losses
    return history


def evaluate(model: Any, data: Batches) -> dict[str, float]:
    """Return the loss and the metrics of a model; see `kmlp.fused.fit.evaluate`."""
    training, testing = _loops_of(model, data, None)
    with _patched(model, training, testing):
        chunked = _load(testing, data)
        logs = model.evaluate(
            steps().chunk_ids(chunked.chunks),
            batch_size=steps().CHUNK_IDS_PER_BATCH,
            steps=chunked.chunks_in_epoch,
            callbacks=[EpochCallback(training, testing, None)],
            verbose=0,
            return_dict=True,
        )
    return dict(logs)


_EAGER = {"jax_disable_jit", "run_functions_eagerly"}
"""Settings under which the backends run each operation without compiling."""


def _loops_of(
    model: Any, data: Batches, validation: Batches | None
) -> tuple[StepLoop, StepLoop]:
    """Return a model's training loop and testing loop, with their compiled programs.

    Both are kept with the model, as Keras keeps the train function.

    Raises:
        ConfigError: if the model cannot be built, or if the data have labels without
            an output of the model.
    """
    settings = differing_settings(keras.config.backend())
    if eager := _EAGER & settings.keys():
        raise ConfigError(
            [
                f"`{eager.pop()}` is set, and forbids compiled programs. Train with "
                "`model.fit`, or reset it."
            ]
        )
    _build(model, data.first)
    loops: tuple[StepLoop, StepLoop] | None = getattr(model, "_kmlp_loops", None)
    if loops is None:
        loops = (StepLoop(model, training=True), StepLoop(model, training=False))
        # Keras' own `__setattr__` would make the loops a part of the model.
        object.__setattr__(model, "_kmlp_loops", loops)
    problems: list[str] = []
    for batches in (data, validation):
        if batches is not None:
            problems += _labels.problems(batches.examples, _labelled(model, batches.first))
            check_weights(model, batches)
    raise_problems(problems)
    return loops


def _build(model: Any, batch: Examples) -> None:
    """Create all variables of a model, as Keras does before training."""
    with refusing(model, batch):
        try:
            steps().build(model, batch.packed)
        except Exception:
            # On TensorFlow, `fit` has the step build the model. A `train_step` of the
            # model's class may never call the model.
            if keras.config.backend() != "tensorflow" or not overrides(model, "train_step"):
                raise
            model.optimizer.build(model.trainable_variables)


def _labelled(model: Any, batch: Examples) -> list[_labels.Labelled]:
    with refusing(model, batch):
        try:
            return _labels.find(model, batch)
        except Exception:
            if not overrides(model, "train_step"):
                raise
    return []  # an overridden `train_step` may use targets in any way


def _load(loop: StepLoop, data: Batches, *, one_by_one: bool = False) -> ChunkedDataset:
    count = data.steps
    limit = keras.config.max_steps_per_epoch()  # Keras' setting for debugging
    if limit and (not count or limit < count):
        warnings.warn(f"Limiting steps_per_epoch to {limit}", stacklevel=2)
        count = limit
    chunked = ChunkedDataset(
        data.examples.packed,
        data.size,
        steps().to_device,
        limit=CHUNK_BYTES,
        steps=count,
        one_by_one=one_by_one,
    )
    loop.load(chunked, data.first)
    return chunked


def _count(data: Batches, chunked: ChunkedDataset) -> int | None:
    """Return the number of chunks in an epoch for Keras; None for all of them.

    A number is given only if the user gave a number of steps. With a number, Keras
    creates its iterators at other times. On PyTorch each iterator draws a random
    number, which changes the later draws of layers without a seed.
    """
    whole = data.steps is None and chunked.chunks == chunked.chunks_in_epoch
    return None if whole else chunked.chunks_in_epoch


@contextmanager
def _patched(model: Any, training: StepLoop, testing: StepLoop) -> Iterator[None]:
    """Have Keras call the loops, and restore the model's own functions at the end."""
    if training.in_use or testing.in_use:
        raise ConfigError([IN_USE])
    names = ("train_function", "test_function", "steps_per_execution")
    own = {name: getattr(model, name) for name in names}
    model.train_function = steps().as_train_function(training)
    model.test_function = steps().as_train_function(testing)
    model.steps_per_execution = 1
    try:
        yield
    finally:
        for name, value in own.items():
            setattr(model, name, value)
        training.unload()
        testing.unload()
