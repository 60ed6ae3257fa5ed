"""`kmlp.fit` gives the same weights and logs as `model.fit`."""

import math

import keras
import numpy as np
import pytest
from helpers.fitting import X, Y, assert_same, mlp, model_state, plain_fit, restore
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kmlp import fit
from kmlp._util.seeds import Purpose, generator

OPTIMIZERS = {
    "plain": {},
    "momentum": {"momentum": 0.9, "weight_decay": 0.01},
    "nesterov": {"momentum": 0.5, "nesterov": True, "weight_decay": 0.01},
}


@pytest.mark.parametrize(
    "optimizer", ["plain", "momentum", pytest.param("nesterov", marks=pytest.mark.slow)]
)
def test_two_epochs_give_the_result_of_model_fit(optimizer):
    ours, theirs = mlp(**OPTIMIZERS[optimizer]), mlp(**OPTIMIZERS[optimizer])
    initial_states = [model_state(model) for model in (ours, theirs)]
    # 71 examples: the last batches have 1 and 7, sizes that are compiled in any case.
    x, y = X[:71], Y[:71]
    for batch_size in (1, 7, 64):
        for model, state in zip((ours, theirs), initial_states, strict=True):
            restore(model, state)
        history = fit(ours, x, y, batch_size=batch_size, epochs=2)
        expected = plain_fit(theirs, x, y, batch_size=batch_size, epochs=2)
        assert_same(ours, theirs, history.history, expected)


def test_validation_gives_the_result_of_model_fit():
    ours, theirs = mlp(), mlp()
    options = {"validation_data": (X[:30], Y[:30]), "validation_batch_size": 20}
    history = fit(ours, X, Y, batch_size=50, epochs=3, validation_freq=2, **options)
    assert len(history.history["val_loss"]) == 1
    history = fit(ours, X, Y, batch_size=50, initial_epoch=3, epochs=4, **options)
    plain_fit(theirs, X, Y, batch_size=50, epochs=3)
    order = generator(0, Purpose.ORDER, 3).permutation(200)
    expected = theirs.fit(
        X[order], Y[order], batch_size=50, shuffle=False, verbose=0, **options
    )
    assert_same(ours, theirs, history.history, expected.history)


@settings(max_examples=4, deadline=None)
@given(
    depth=st.integers(0, 3),
    width=st.integers(1, 12),
    loss=st.sampled_from(["cross_entropy", "nll", "multi_margin"]),
    activation=st.sampled_from(["relu", "tanh", "silu", "sigmoid"]),
    size=st.integers(1, 90),
    batch_size=st.integers(1, 100),
    seed=st.integers(0, 2),
)
@example(  # a bias of 4e-6, the rest of gradients that cancel
    depth=1, width=1, loss="cross_entropy", activation="silu", size=74, batch_size=32,
    seed=1,
)  # fmt: skip
def test_any_model_batch_size_and_data_size_give_the_result_of_model_fit(
    depth, width, loss, activation, size, batch_size, seed
):
    ours, theirs = (
        mlp(depth=depth, width=width, loss=loss, activation=activation) for _ in range(2)
    )
    x, y = X[:size], Y[:size]
    history = fit(ours, x, y, batch_size=batch_size, epochs=2, seed=seed)
    expected = plain_fit(theirs, x, y, batch_size=batch_size, epochs=2, seed=seed)
    assert_same(ours, theirs, history.history, expected)


def test_without_shuffling_floats_and_tensors_keep_their_order():
    """Their types are converted as in Keras."""
    ours, theirs = mlp(), mlp()
    history = fit(
        ours, keras.ops.convert_to_tensor(X.astype("float32")), Y.astype("int64"),
        batch_size=50, epochs=2, shuffle=False,
    )  # fmt: skip
    expected = theirs.fit(
        X.astype("float64"), Y, batch_size=50, epochs=2, shuffle=False, verbose=0
    )
    assert_same(ours, theirs, history.history, expected.history)


def test_training_in_two_calls_gives_the_same_bytes_as_in_one():
    model = mlp(momentum=0.9)
    initial_state = model_state(model)
    fit(model, X, Y, batch_size=50, epochs=2)
    once = model_state(model)
    restore(model, initial_state)
    fit(model, X, Y, batch_size=50, epochs=1)
    halfway = zip(once, model_state(model), strict=True)
    assert any(np.any(one != other) for one, other in halfway)
    fit(model, X, Y, batch_size=50, initial_epoch=1, epochs=2)
    for one, other in zip(once, model_state(model), strict=True):
        assert one.tobytes() == other.tobytes()


def test_data_in_several_chunks_give_the_same_result(monkeypatch):
    whole, cut = mlp(), mlp()
    expected = fit(whole, X, Y, batch_size=7, epochs=2)
    monkeypatch.setattr("kmlp.fused._through_keras.CHUNK_BYTES", 2000)
    ends = []
    history = fit(
        cut, X, Y, batch_size=7, epochs=2,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: ends.append(b))],
    )  # fmt: skip
    assert len(ends) > 10
    # The shapes differ: a compiler may add numbers in another order.
    for one, other in zip(whole.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        np.concatenate(history.step_losses), np.concatenate(expected.step_losses), rtol=1e-5
    )


def test_step_losses_are_the_losses_of_the_steps_in_order():
    model = mlp()
    first = X[generator(0, Purpose.ORDER, 0).permutation(200)[:1]]
    label = Y[generator(0, Purpose.ORDER, 0).permutation(200)[:1]]
    before = model.evaluate(first, label, verbose=0)[0]
    history = fit(model, X, Y, batch_size=1, epochs=2)
    losses = history.step_losses
    assert [epoch.shape for epoch in losses] == [(200,), (200,)]
    assert math.isclose(losses[0][0], before, rel_tol=1e-5)
    np.testing.assert_allclose(
        [epoch.mean() for epoch in losses], history.history["loss"], rtol=1e-5
    )


def test_callbacks_see_the_model_itself_and_can_stop_it():
    model, calls = mlp(), []

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            calls.append((epoch, self.model, sorted(logs)))
            self.model.stop_training = True

    fit(model, X, Y, batch_size=50, epochs=5, callbacks=[Stop()])
    assert calls == [(0, model, ["accuracy", "loss"])]


def test_the_model_stays_an_ordinary_keras_model(tmp_path):
    model = mlp()
    fit(model, X, Y, batch_size=50, epochs=1)
    assert type(model) is keras.Sequential
    assert model.steps_per_execution == 1
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(X, verbose=0), loaded.predict(X, verbose=0))
    model.fit(X, Y, epochs=1, verbose=0)
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 4 + 7
