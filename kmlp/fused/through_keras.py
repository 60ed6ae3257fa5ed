"""Keras' own `fit` and `evaluate`, with loops in the place of a model's functions.

All that is not Keras' public interface is here and in the backends' modules:
`_symbolic_build`, and that `fit` and `evaluate` keep a `train_function` and a
`test_function` that are there. Seen to hold for Keras 3.15; the tests compare
with plain `fit`, so another version that changes it fails them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from kmlp.errors import ConfigError
from kmlp.fused.feed import CHUNK_BYTES, Feed
from kmlp.fused.loop import IN_USE, Loop, refusal, steps
from kmlp.seeds import Purpose, generator


def fit(
    model: Any,
    data: Any,
    *,
    batch_size: int,
    epochs: int,
    initial_epoch: int,
    validation: Any,
    validation_batch_size: int,
    validation_freq: int,
    callbacks: Iterable[Any],
    seed: int | None,
    verbose: Any,
) -> Any:
    """See `kmlp.fit`; `seed` is None where the examples keep their order."""
    training, testing = _loops_of(model, data, batch_size)
    conductor = Conductor(training, testing, seed)
    options = {}
    with _standing_in(model, training, testing):
        feed = _load(training, data, batch_size)
        if validation is not None:
            chunks = _load(testing, validation, validation_batch_size).chunks
            options["validation_data"] = (steps().numbers(chunks),)
        history = model.fit(
            steps().numbers(feed.chunks),
            batch_size=steps().NUMBERS_AT_A_TIME,
            epochs=epochs,
            initial_epoch=initial_epoch,
            validation_freq=validation_freq,
            shuffle=False,
            callbacks=[conductor, *callbacks],
            verbose=verbose,
            **options,
        )
    history.step_losses = conductor.step_losses
    return history


def evaluate(model: Any, data: Any, *, batch_size: int) -> dict[str, float]:
    """See `kmlp.fused.fit.evaluate`."""
    training, testing = _loops_of(model, data, batch_size)
    with _standing_in(model, training, testing):
        feed = _load(testing, data, batch_size)
        logs = model.evaluate(
            steps().numbers(feed.chunks),
            batch_size=steps().NUMBERS_AT_A_TIME,
            callbacks=[Conductor(training, testing, None)],
            verbose=0,
            return_dict=True,
        )
    return dict(logs)


class Conductor(keras.callbacks.Callback):
    """Starts and ends the loops' epochs as Keras comes to them."""

    def __init__(self, training: Loop, testing: Loop, seed: int | None) -> None:
        super().__init__()
        self._training = training
        self._testing = testing
        self._seed = seed
        self.step_losses: list[Any] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        order = None
        if self._seed is not None:
            of_epoch = generator(self._seed, Purpose.ORDER, epoch)
            order = of_epoch.permutation(self._training.size)
        self._training.begin(order)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.step_losses.append(self._training.end())

    def on_test_begin(self, logs: Any = None) -> None:
        self._testing.begin()


def _loops_of(model: Any, data: Any, batch_size: int) -> tuple[Loop, Loop]:
    """A model's training and testing loop, with the programs that they have.

    They are kept with the model, as its own train function is.
    """
    batch = keras.tree.map_structure(lambda array: array[:batch_size], data)
    try:
        steps().build(model, batch)
    except Exception as error:
        raise refusal(error) from error
    loops: tuple[Loop, Loop] | None = getattr(model, "_kmlp_loops", None)
    if loops is None:
        loops = (Loop(model, training=True), Loop(model, training=False))
        # Past Keras, which would take it for a part of the model.
        object.__setattr__(model, "_kmlp_loops", loops)
    return loops


def _load(loop: Loop, data: Any, batch_size: int) -> Feed:
    feed = Feed(data, batch_size, steps().to_device, limit=CHUNK_BYTES)
    loop.load(feed)
    return feed


@contextmanager
def _standing_in(model: Any, training: Loop, testing: Loop) -> Iterator[None]:
    """Has Keras call the loops, and puts the model's own functions back."""
    if training.in_use or testing.in_use:
        raise ConfigError([IN_USE])
    names = ("train_function", "test_function", "steps_per_execution")
    own = {name: getattr(model, name) for name in names}
    model.train_function = steps().stand_in(training)
    model.test_function = steps().stand_in(testing)
    model.steps_per_execution = 1
    try:
        yield
    finally:
        for name, value in own.items():
            setattr(model, name, value)
        training.unload()
        testing.unload()
