"""Callbacks are called as in `model.fit`."""

import keras
import numpy as np
import pytest

from kmlp import ConfigError, fit
from kmlp.fused._callbacks import TRAINING_HOOKS, hear_steps

pytestmark = pytest.mark.jax_first

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype("float32")
Y = RNG.integers(0, 4, 50)
OPTIONS = {
    "batch_size": 8,
    "shuffle": False,
    "epochs": 2,
    "validation_data": (X[:20], Y[:20]),
}


def classifier(learning_rate=0.1):
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(4, activation="softmax")]
    )
    model.compile(
        keras.optimizers.SGD(learning_rate, momentum=0.5),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


class Diary(keras.callbacks.Callback):
    """A callback that records its calls."""

    def __init__(self):
        super().__init__()
        self.entries = []

    def record(self, hook, number, logs):
        rounded = {name: round(float(value), 5) for name, value in (logs or {}).items()}
        self.entries.append((hook, number, rounded))


def diary_of(*hooks):
    """A class of callbacks that records the calls of these hooks."""

    def method(hook):
        return lambda self, number, logs=None: self.record(hook, number, logs)

    return type("DiaryOfHooks", (Diary,), {hook: method(hook) for hook in hooks})


HOOKS = {
    "begin": ["on_train_batch_begin", "on_epoch_end"],
    "end": ["on_epoch_begin", "on_train_batch_end"],
    "old names": ["on_batch_begin", "on_batch_end"],
    "validation": ["on_test_batch_begin", "on_test_batch_end"],
    "all": [
        "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end",
        "on_test_batch_begin", "on_test_batch_end", "on_epoch_end",
    ],
}  # fmt: skip


def both(make_callbacks, **changes):
    """Train with `fit` and with `model.fit`, compare, and return the callbacks of both."""
    ours, theirs = classifier(), classifier()
    theirs.set_weights(ours.get_weights())
    actual, expected = make_callbacks(ours), make_callbacks(theirs)
    history = fit(ours, X, Y, callbacks=actual, **OPTIONS | changes)
    if not isinstance(expected, keras.callbacks.CallbackList):
        # Keras calls a callback outside of a list later, in another thread.
        reference = keras.tree.flatten(expected)
    else:
        reference = expected
    reference = theirs.fit(X, Y, callbacks=reference, verbose=0, **OPTIONS | changes)
    assert history.history.keys() == reference.history.keys()
    for name, values in reference.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5, err_msg=name)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert int(ours.optimizer.iterations) == int(theirs.optimizer.iterations)
    assert sum(map(len, history.step_losses)) == int(ours.optimizer.iterations)
    return actual, expected


def assert_same_calls(actual, expected):
    assert len(actual.entries) == len(expected.entries) > 0
    for one, other in zip(actual.entries, expected.entries, strict=True):
        assert one[:2] == other[:2]
        assert one[2] == pytest.approx(other[2], abs=2e-5)


@pytest.mark.parametrize("name", HOOKS)
def test_a_callback_with_a_per_batch_method_is_called_for_every_batch(name):
    cls = diary_of(*HOOKS[name])
    assert_same_calls(*both(lambda model: cls()))


def inherited(model):
    return [type("Inherited", (diary_of("on_train_batch_end"),), {})()]


def on_the_instance(model):
    callback = Diary()
    callback.on_train_batch_end = lambda batch, logs=None: callback.record(
        "end", batch, logs
    )
    return callback


def nested(model):
    return [[diary_of("on_train_batch_begin")()], keras.callbacks.EarlyStopping("loss")]


def in_an_inner_list(model):
    return [keras.callbacks.CallbackList([diary_of("on_batch_end")()])]


def in_keras_list(model):
    return keras.callbacks.CallbackList(
        [diary_of("on_test_batch_end")()], add_history=True, model=model, steps=7
    )


@pytest.mark.parametrize(
    "make", [inherited, on_the_instance, nested, in_an_inner_list, in_keras_list]
)
def test_per_batch_methods_are_detected_wherever_they_are_defined(make):
    def diary(callbacks):
        match callbacks:
            case Diary():
                return callbacks
            case keras.callbacks.CallbackList():
                return diary(callbacks.callbacks)
            case _:
                return diary(callbacks[0])

    actual, expected = both(make)
    assert_same_calls(diary(actual), diary(expected))


class WarmUp(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        optimizer = self.model.optimizer
        optimizer.learning_rate = 0.01 * (1 + int(optimizer.iterations))


class Decay(keras.callbacks.Callback):
    """A callback that reads the weights after a step, and changes them."""

    def on_train_batch_end(self, batch, logs=None):
        layer = self.model.layers[-1]
        layer.set_weights([0.9 * weight for weight in layer.get_weights()])


class StopAt(keras.callbacks.Callback):
    def __init__(self, hook, at):
        super().__init__()
        setattr(self, hook, lambda number=None, logs=None: self._stop(number, at))

    def _stop(self, number, at):
        if number == at:
            self.model.stop_training = True


CHANGES = {
    "learning rate": WarmUp,
    "weights": Decay,
    "stop in an epoch": lambda: StopAt("on_train_batch_end", 2),
    "stop before an epoch": lambda: StopAt("on_epoch_begin", 1),
    "stop before training": lambda: StopAt("on_train_begin", None),
    "stop after an epoch": lambda: StopAt("on_epoch_end", 0),
    "stop at nan": keras.callbacks.TerminateOnNaN,
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_that_a_callback_makes_to_the_model_count_as_in_model_fit(name):
    both(lambda model: CHANGES[name]())


def test_training_ends_at_the_step_whose_loss_is_nan():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4)])
    model.compile(keras.optimizers.SGD(1e15), "mse")
    callback = keras.callbacks.TerminateOnNaN()
    history = fit(model, X, X[:, :4] * 1e15, callbacks=callback, batch_size=8, epochs=9)
    [losses] = history.step_losses
    assert len(losses) == 2
    assert not np.isfinite(losses[-1])


def test_evaluation_that_a_callback_stops_ends_there():
    class Stop(diary_of("on_test_batch_begin")):
        def on_test_batch_end(self, batch, logs=None):
            self.model.stop_evaluating = batch == 1

    assert_same_calls(*both(lambda model: Stop()))


def test_callbacks_know_the_numbers_of_steps_and_epochs():
    actual, expected = both(lambda model: Diary())
    assert actual.params == {**expected.params, "verbose": 0}
    actual, expected = both(lambda model: Diary(), steps_per_epoch=3)
    assert actual.params["steps"] == expected.params["steps"] == 3


@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_callbacks_are_called_for_every_step_of_epochs_shorter_than_the_data():
    cls = diary_of("on_train_batch_begin", "on_train_batch_end")
    assert_same_calls(*both(lambda model: cls(), steps_per_epoch=3, epochs=4))


@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_callbacks_are_called_for_every_step_of_epochs_longer_than_the_data():
    cls = diary_of("on_train_batch_begin", "on_train_batch_end")
    assert_same_calls(*both(lambda model: cls(), steps_per_epoch=9, epochs=2))


def test_checkpoints_are_saved_every_three_steps(tmp_path):
    folders = []

    def checkpoint(model):
        folder = tmp_path / str(len(folders))
        folders.append(folder)
        return keras.callbacks.ModelCheckpoint(
            folder / "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=3
        )

    both(checkpoint)
    ours, theirs = (sorted(path.name for path in folder.iterdir()) for folder in folders)
    assert ours == theirs
    assert len(ours) == 4


def chunks_with(*callbacks):
    """The number of chunks in an epoch of 7 steps with these callbacks."""
    counts = []

    class Count(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            loop = self.model._kmlp_loops[0]
            counts.append(loop._left)

    fit(classifier(), X, Y, batch_size=8, epochs=1, callbacks=[Count(), *callbacks])
    return counts[0]


def test_callbacks_that_do_nothing_per_batch_do_not_cut_an_epoch(tmp_path):
    callbacks = keras.callbacks
    idle = [
        callbacks.ModelCheckpoint(tmp_path / "model.keras", save_freq="epoch"),
        callbacks.BackupAndRestore(tmp_path / "backup"),
        callbacks.TensorBoard(tmp_path / "board"),
        callbacks.ProgbarLogger(),
        callbacks.EarlyStopping("loss"),
        callbacks.CSVLogger(tmp_path / "log.csv"),
        callbacks.ReduceLROnPlateau("loss"),
        callbacks.LearningRateScheduler(lambda epoch, rate: rate),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        callbacks.RemoteMonitor(),
        callbacks.SwapEMAWeights(),
        callbacks.History(),
    ]
    for callback in idle:
        assert not hear_steps([callback], TRAINING_HOOKS), callback
    busy = [
        callbacks.ModelCheckpoint(tmp_path / "model.keras", save_freq=3),
        callbacks.BackupAndRestore(tmp_path / "backup", save_freq=3),
        callbacks.TensorBoard(tmp_path / "board", update_freq=3),
        callbacks.TensorBoard(tmp_path / "board", update_freq="batch"),
        callbacks.TensorBoard(tmp_path / "board", write_steps_per_second=True),
        callbacks.TerminateOnNaN(),
        callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: None),
        type("Subclass", (callbacks.ProgbarLogger,), {})(),
    ]
    for callback in busy:
        assert hear_steps([callback], TRAINING_HOOKS), callback
    assert chunks_with(idle[0]) == 1
    assert chunks_with(busy[0]) == 7


@pytest.mark.parametrize("steps_per_epoch", [None, 3])
def test_the_progress_bar_ends_with_all_steps(capsys, steps_per_epoch):
    fit(classifier(), X, Y, verbose=1, **OPTIONS | {"steps_per_epoch": steps_per_epoch})
    steps = steps_per_epoch or 7
    assert f"{steps}/{steps}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "callbacks",
    [[3], keras.callbacks.EarlyStopping, ["EarlyStopping"], {"a": 3}, "EarlyStopping"],
)
def test_a_value_that_is_not_a_callback_is_refused(callbacks):
    with pytest.raises(ConfigError, match=r"`callbacks`.*Keras callbacks"):
        fit(classifier(), X, Y, callbacks=callbacks)


def test_a_callback_list_without_a_history_is_refused():
    with pytest.raises(ConfigError, match="History"):
        fit(classifier(), X, Y, callbacks=keras.callbacks.CallbackList([]))
