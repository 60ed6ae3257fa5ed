"""Call Keras callbacks with steps instead of chunks, one by one where needed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras

from kmlp._util.seeds import Purpose, generator
from kmlp.errors import ConfigError
from kmlp.fused.loop import StepLoop

TRAINING_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)
TEST_HOOKS = ("on_test_batch_begin", "on_test_batch_end")

_RAN_OUT = (  # Keras' own warning
    "Your input ran out of data; interrupting training. Make sure that your dataset "
    "or generator can generate at least `steps_per_epoch * epochs` batches. You may "
    "need to use the `.repeat()` function when building your dataset."
)


def _saves_epochs(callback: Any) -> bool:
    return bool(callback.save_freq == "epoch")


def _writes_epochs(callback: Any) -> bool:
    return (
        callback.update_freq == "epoch"
        and not callback.write_steps_per_second
        and not callback._should_trace
    )


# Keras' own callbacks with per-batch methods, and a test that their settings make these
# methods do nothing. A progress bar shows the same if it is called once for many steps.
_IDLE: dict[type, Callable[[Any], bool]] = {
    keras.callbacks.ModelCheckpoint: _saves_epochs,
    keras.callbacks.BackupAndRestore: _saves_epochs,
    keras.callbacks.OrbaxCheckpoint: _saves_epochs,
    keras.callbacks.TensorBoard: _writes_epochs,
    keras.callbacks.ProgbarLogger: lambda callback: True,
}


def hear_steps(callbacks: Iterable[Any], hooks: Iterable[str]) -> bool:
    """Return True if any of the callbacks acts when one of the hooks is called."""
    return any(
        not getattr(getattr(callback, hook), "_is_default", False)
        and not (type(callback) in _IDLE and _is_idle(callback, hook))
        for callback in _single(callbacks)
        for hook in hooks
    )


def _is_idle(callback: Any, hook: str) -> bool:
    return hook not in vars(callback) and _IDLE[type(callback)](callback)


def _single(callbacks: Iterable[Any]) -> Iterator[Any]:
    """Yield the callbacks, and those in a `CallbackList` one by one."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CallbackList):
            yield from _single(callback.callbacks)
        else:
            yield callback


def check(callbacks: Any, model: Any) -> list[Any]:
    """Return the callbacks in one flat list.

    Args:
        callbacks: A callback, a nest of them, or a `CallbackList`, as in `model.fit`;
            or None.
        model: The model that the callbacks will be used with.

    Raises:
        ConfigError: if a value is not a Keras callback, or if a `CallbackList` lacks a
            History of the model.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        history = getattr(model, "history", None)
        if history is None or history not in callbacks.callbacks:
            raise ConfigError(
                [
                    "`callbacks` is a `CallbackList` without a History of the model. "
                    "Create it with `add_history=True, model=model`, or give a list."
                ]
            )
        return [callbacks]
    if isinstance(callbacks, keras.callbacks.Callback):
        return [callbacks]
    if isinstance(callbacks, Iterable) and not isinstance(callbacks, dict | str):
        callbacks = list(callbacks)
    flat = [] if callbacks is None else keras.tree.flatten(callbacks)
    for callback in flat:
        if not isinstance(callback, keras.callbacks.Callback):
            raise ConfigError(
                [f"`callbacks` has {callback!r}, but must have Keras callbacks."]
            )
    return list(flat)


class EpochCallback(keras.callbacks.Callback):
    """A callback that starts and ends the loops' epochs when Keras does.

    Args:
        training: The loop that trains.
        testing: The loop that evaluates.
        seed: Seed of the order of the examples; None if they keep their order.
    """

    def __init__(self, training: StepLoop, testing: StepLoop, seed: int | None) -> None:
        super().__init__()
        self._training = training
        self._testing = testing
        self._seed = seed
        self.step_losses: list[Any] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self._training.finished:
            order = None
            if self._seed is not None:
                rng = generator(self._seed, Purpose.ORDER, epoch)
                order = rng.permutation(self._training.size)
            self._training.begin_pass(order)
        self._training.begin_epoch()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._warn(self._training)
        self.step_losses.append(self._training.end_epoch())

    def on_test_begin(self, logs: Any = None) -> None:
        self._testing.begin_pass()
        self._testing.begin_epoch()

    def on_test_end(self, logs: Any = None) -> None:
        self._warn(self._testing)

    @staticmethod
    def _warn(loop: StepLoop) -> None:
        if loop.is_short:
            warnings.warn(_RAN_OUT, stacklevel=2)


class StepCallbacks(keras.callbacks.CallbackList):
    """A list of callbacks that receive numbers of steps where Keras counts chunks.

    As with Keras' `steps_per_execution`, the begin hook receives the number of the
    chunk's first step, and the end hook that of its last step.

    Args:
        callbacks: The callbacks, in the order in which they are called.
        training: The loop that trains.
        testing: The loop that evaluates.
        **options: Other arguments of Keras' `CallbackList`.
    """

    def __init__(
        self, callbacks: list[Any], training: StepLoop, testing: StepLoop, **options: Any
    ) -> None:
        self._training = training
        self._testing = testing
        super().__init__(callbacks, **options)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        super().on_train_batch_begin(self._training.steps, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        super().on_train_batch_end(self._training.steps - 1, logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        super().on_test_batch_begin(self._testing.steps, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        super().on_test_batch_end(self._testing.steps - 1, logs)
