"""A loop keeps its programs, and compiles again only if an attribute has changed."""

import weakref

import keras
import numpy as np
import pytest
from helpers.fitting import (
    X,
    Y,
    assert_same,
    mlp,
    model_state,
    plain_fit,
    restore,
    sequential,
)

from kmlp import ConfigError, fit
from kmlp.fused import loop as loops
from kmlp.fused.chunks import ChunkedDataset

pytestmark = pytest.mark.jax_first

SGD = keras.optimizers.SGD


@pytest.fixture
def programs(monkeypatch):
    """The list of the programs that were compiled."""
    compiled, module = [], loops.steps()
    compile_program = module.compile_program

    def record(*arguments, **options):
        compiled.append(options)
        return compile_program(*arguments, **options)

    monkeypatch.setattr(module, "compile_program", record)
    return compiled


def test_the_same_model_is_compiled_once(programs):
    model = mlp()
    for _ in range(3):
        fit(model, X, Y, batch_size=64, epochs=1)
    assert len(programs) == 2  # 64 examples a step, and the last 8
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    fit(model, X, Y, batch_size=50, epochs=1)
    assert len(programs) == 3


def test_a_loop_keeps_a_bounded_number_of_programs(monkeypatch):
    monkeypatch.setattr(loops, "MAX_PROGRAMS", 2)
    model = mlp()
    for size in range(1, 4):
        fit(model, X[:size], Y[:size], batch_size=size, epochs=1)
    training, _ = model._kmlp_loops
    assert len(training._programs) == loops.MAX_PROGRAMS


def test_a_momentum_that_is_set_before_compiling_again_is_used():
    ours, theirs = mlp(momentum=0.9), mlp(momentum=0.9)
    fit(ours, X, Y, batch_size=50, epochs=1)
    plain_fit(theirs, X, Y, batch_size=50, epochs=1)
    for model in (ours, theirs):
        model.optimizer.momentum = 0.1
        model.compile(model.optimizer, model.loss, metrics=["accuracy"])
    history = fit(ours, X, Y, batch_size=50, epochs=1)
    expected = plain_fit(theirs, X, Y, batch_size=50, epochs=1)
    assert_same(ours, theirs, history.history, expected)


def test_a_momentum_that_is_set_without_compiling_again_is_used():
    """test_constants.py has the other attributes."""

    def make():
        keras.utils.set_random_seed(0)
        return sequential(
            optimizer=SGD(0.1, momentum=0.5), loss=keras.losses.MeanSquaredError()
        )

    set_before, set_after = make(), make()
    y = keras.utils.to_categorical(Y, 10)
    initial_state = model_state(set_after)
    fit(set_after, X, y, batch_size=50, epochs=1)
    restore(set_after, initial_state)
    for model in (set_before, set_after):
        model.optimizer.momentum = 0.9
    histories = [
        fit(model, X, y, batch_size=50, epochs=1).history
        for model in (set_before, set_after)
    ]
    assert histories[0] == histories[1]


def test_changed_settings_of_layers_and_schedules_are_compiled_once(programs):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.0, 1, 1.0)
    model = sequential(keras.layers.ReLU(negative_slope=0.0), optimizer=SGD(schedule))
    for setting in ("initial_learning_rate", "negative_slope", None):
        before = len(programs)
        fit(model, X, Y, batch_size=50, epochs=1)
        fit(model, X, Y, batch_size=50, epochs=1)
        assert len(programs) == before + 1
        owner = schedule if setting == "initial_learning_rate" else model.layers[2]
        if setting is not None:
            setattr(owner, setting, 0.5)


def test_another_schedule_is_used():
    """The schedule is a constant of the program."""
    schedules = keras.optimizers.schedules

    class Custom(schedules.LearningRateSchedule):
        """A schedule without `get_config`."""

        def __call__(self, step):
            return 0.2 / (1.0 + keras.ops.cast(step, "float32"))

    rates = [
        schedules.ExponentialDecay(0.1, 5, 0.5),
        schedules.ExponentialDecay(0.5, 5, 0.5),
        Custom(),
        lambda: 0.3,
    ]
    ours, theirs = sequential(optimizer=SGD(0.1)), sequential(optimizer=SGD(0.1))
    theirs.set_weights(ours.get_weights())
    for epoch, rate in enumerate(rates):
        for model in (ours, theirs):
            model.optimizer.learning_rate = rate
        theirs.make_train_function(force=True)  # otherwise Keras keeps the old schedule
        fit(ours, X, Y, batch_size=50, initial_epoch=epoch, epochs=epoch + 1, shuffle=False)
        theirs.fit(X, Y, batch_size=50, shuffle=False, verbose=0)
        for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_another_learning_rate_is_used_and_compiles_nothing(programs):
    model = mlp()
    rates = iter([0.5, 0.0])
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: next(rates))
    weights = []
    record = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(model.get_weights())
    )
    fit(model, X, Y, batch_size=50, epochs=2, callbacks=[schedule, record])
    assert len(programs) == 1
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_momentum_that_a_callback_sets_counts_as_in_model_fit():
    """On PyTorch, Keras' own `fit` uses the new value; on the others, the old one."""
    models = [sequential(optimizer=SGD(0.1, momentum=0.5)) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    histories = []
    for model, train in zip(models, (fit, keras.Model.fit), strict=True):
        change = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, model=model: setattr(
                model.optimizer, "momentum", 0.9
            )
        )
        options = {"batch_size": 50, "epochs": 2, "shuffle": False, "verbose": 0}
        histories.append(train(model, X, Y, callbacks=[change], **options).history)
    assert_same(*models, *histories)


def test_a_layer_that_counts_its_own_calls_is_compiled_once(programs):
    class Counter(keras.layers.Layer):
        calls = 0

        def call(self, x):
            self.calls += 1
            return x * 2

    model = sequential(Counter())
    for _ in range(3):
        fit(model, X, Y, batch_size=50, epochs=1)
    assert len(programs) == 1


def test_chunks_are_freed_after_training(monkeypatch):
    monkeypatch.setattr("kmlp.fused._through_keras.CHUNK_BYTES", 2000)
    blocks, alive = [], []

    class Counting(ChunkedDataset):
        def _block(self, *args):
            block = super()._block(*args)
            blocks.append(weakref.ref(keras.tree.flatten(block.data)[0]))
            alive.append(sum(reference() is not None for reference in blocks))
            return block

    monkeypatch.setattr("kmlp.fused._through_keras.ChunkedDataset", Counting)
    fit(mlp(), X, Y, batch_size=7, epochs=2)
    assert len(blocks) > 20
    assert max(alive) <= 3


USES = {
    "evaluate": lambda model: model.evaluate(X, Y, verbose=0),
    "train_on_batch": lambda model: model.train_on_batch(X, Y),
    "fit": lambda model: fit(model, X, Y, batch_size=50, epochs=1),
}


def test_a_callback_that_uses_the_model_is_refused():
    """The model can be used as before afterwards."""
    model = mlp()

    def message(use):
        callback = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: use(model)
        )
        try:
            fit(model, X, Y, batch_size=50, epochs=1, callbacks=callback)
        except ConfigError as error:
            return str(error)
        return "no error"

    for name, use in USES.items():
        assert "callback" in message(use), name
        model.evaluate(X, Y, verbose=0)
        fit(model, X, Y, batch_size=50, epochs=1, callbacks=None)
