"""Keras' own `fit` and `evaluate`, with loops in the place of a model's functions.

All that is not Keras' public interface is here and in the backends' modules:
`_symbolic_build`, and that `fit` and `evaluate` keep a `train_function` and a
`test_function` that are there. Seen to hold for Keras 3.15; the tests compare
with plain `fit`, so another version that changes it fails them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from kmlp.errors import ConfigError, raise_problems
from kmlp.fused import labels
from kmlp.fused.arguments import Batches, Examples
from kmlp.fused.callbacks import (
    TEST_HOOKS,
    TRAINING_HOOKS,
    EpochCallback,
    StepCallbacks,
    check,
    hear_steps,
)
from kmlp.fused.chunks import CHUNK_BYTES, ChunkedDataset
from kmlp.fused.loop import IN_USE, StepLoop, overrides, steps
from kmlp.fused.refusal import check_weights, refusing
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
    """See `kmlp.fit`; `seed` is None where the examples keep their order."""
    others = check(callbacks, model)
    training, testing = _loops_of(model, data, validation)
    callback = EpochCallback(training, testing, seed)
    options: dict[str, Any] = {}
    with _patched(model, training, testing):
        chunked = _load(training, data, one_by_one=hear_steps(others, TRAINING_HOOKS))
        if validation is not None:
            of_validation = _load(
                testing, validation, one_by_one=hear_steps(others, TEST_HOOKS)
            )
            options["validation_data"] = (steps().chunk_ids(of_validation.chunks),)
            options["validation_steps"] = _count(validation, of_validation)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            most = keras.config.max_epochs()  # Keras' setting for debugging
            parameters = {
                "verbose": verbose,
                "epochs": min(epochs, most) if most else epochs,
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
    """See `kmlp.fused.fit.evaluate`."""
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
"""Settings under which backends call each operation by itself."""


def _loops_of(
    model: Any, data: Batches, validation: Batches | None
) -> tuple[StepLoop, StepLoop]:
    """A model's training and testing loop, with the programs that they have.

    They are kept with the model, as its own train function is.

    Raises:
        ConfigError: if the model cannot be built, or if there are labels that it has no
            output for.
    """
    settings = differing_settings(keras.config.backend())
    if eager := _EAGER & settings.keys():
        raise ConfigError(
            [
                f"Nothing is to be compiled while `{eager.pop()}` is set. Train with "
                "`model.fit`."
            ]
        )
    _build(model, data.first)
    loops: tuple[StepLoop, StepLoop] | None = getattr(model, "_kmlp_loops", None)
    if loops is None:
        loops = (StepLoop(model, training=True), StepLoop(model, training=False))
        # Past Keras, which would take it for a part of the model.
        object.__setattr__(model, "_kmlp_loops", loops)
    problems: list[str] = []
    for part in (data, validation):
        if part is not None:
            problems += labels.problems(part.examples, _labelled(model, part.first))
            check_weights(model, part)
    raise_problems(problems)
    return loops


def _build(model: Any, batch: Examples) -> None:
    """Makes all variables of a model, as Keras does before it trains."""
    with refusing(model, batch):
        try:
            steps().build(model, batch.packed)
        except Exception:
            # TensorFlow's `fit` leaves it to the step, which may never call the model.
            if keras.config.backend() != "tensorflow" or not overrides(model, "train_step"):
                raise
            model.optimizer.build(model.trainable_variables)


def _labelled(model: Any, batch: Examples) -> list[labels.Labelled]:
    with refusing(model, batch):
        try:
            return labels.find(model, batch)
        except Exception:
            if not overrides(model, "train_step"):
                raise
    return []  # what it does with targets is its own


def _load(loop: StepLoop, data: Batches, *, one_by_one: bool = False) -> ChunkedDataset:
    number = data.steps
    most = keras.config.max_steps_per_epoch()  # Keras' setting for debugging
    if most and (not number or most < number):
        warnings.warn(f"Limiting steps_per_epoch to {most}", stacklevel=2)
        number = most
    chunked = ChunkedDataset(
        data.examples.packed,
        data.size,
        steps().to_device,
        limit=CHUNK_BYTES,
        steps=number,
        one_by_one=one_by_one,
    )
    loop.load(chunked, data.first)
    return chunked


def _count(data: Batches, chunked: ChunkedDataset) -> int | None:
    """How many chunks Keras is told to take: as it is told of steps, or all.

    It makes its iterators at other times where it is told a number, and on PyTorch
    each draws one, which unseeded layers draw after.
    """
    whole = data.steps is None and chunked.chunks == chunked.chunks_in_epoch
    return None if whole else chunked.chunks_in_epoch


@contextmanager
def _patched(model: Any, training: StepLoop, testing: StepLoop) -> Iterator[None]:
    """Has Keras call the loops, and puts the model's own functions back."""
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
