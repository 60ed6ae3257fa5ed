"""`kmlp.fit` is `model.fit`: the same weights and logs, for any compiled model.

It relies on a few things that Keras does not promise (`through_keras` names them).
These tests hold for Keras 3.15; pyproject.toml allows no other.
"""

import math
import random
import weakref

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmlp import ConfigError, build_mlp, fit
from kmlp._util.seeds import Purpose, generator
from kmlp.fused import loop as loops
from kmlp.fused.chunks import ChunkedDataset

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (200, 6, 6)).astype("uint8")
Y = RNG.integers(0, 10, 200).astype("int32")


def mlp(**hyperparameters):
    defaults = {"width": 8, "depth": 1, "learning_rate": 0.01}
    return build_mlp(input_shape=(6, 6), **defaults | hyperparameters)


def plain_fit(model, x, y, *, batch_size, epochs, seed=0, **options):
    """`model.fit` on the same batches."""
    logs = {}
    for epoch in range(epochs):
        order = generator(seed, Purpose.ORDER, epoch).permutation(len(y))
        history = model.fit(
            x[order], y[order], batch_size=batch_size, shuffle=False, verbose=0, **options
        ).history
        for name, values in history.items():
            logs.setdefault(name, []).extend(values)
    return logs


def assert_same(ours, theirs, logs, expected, rtol=1e-5):
    assert logs.keys() == expected.keys()
    for name in logs:
        np.testing.assert_allclose(logs[name], expected[name], rtol=rtol, err_msg=name)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * np.abs(other).max())
    for one, other in zip(
        ours.optimizer.variables, theirs.optimizer.variables, strict=True
    ):
        one, other = map(keras.ops.convert_to_numpy, (one, other))
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * np.abs(other).max())


OPTIMIZERS = {
    "plain": {},
    "momentum": {"momentum": 0.9, "weight_decay": 0.01},
    "nesterov": {"momentum": 0.5, "nesterov": True, "weight_decay": 0.01},
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_two_epochs_come_to_what_model_fit_comes_to(optimizer):
    ours, theirs = mlp(**OPTIMIZERS[optimizer]), mlp(**OPTIMIZERS[optimizer])
    beginning = [model_state(model) for model in (ours, theirs)]
    x, y = X[:71], Y[:71]  # the last batches have sizes that are compiled anyway: 1 and 7
    for batch_size in (1, 7, 64):
        for model, state in zip((ours, theirs), beginning, strict=True):
            restore(model, state)
        history = fit(ours, x, y, batch_size=batch_size, epochs=2)
        expected = plain_fit(theirs, x, y, batch_size=batch_size, epochs=2)
        assert_same(ours, theirs, history.history, expected)


def model_state(model):
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def restore(model, state):
    variables = [*model.variables, *model.optimizer.variables]
    for variable, value in zip(variables, state, strict=True):
        variable.assign(value)


def test_validation_comes_to_what_model_fit_comes_to():
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
def test_any_model_batch_size_and_data_size(
    depth, width, loss, activation, size, batch_size, seed
):
    ours, theirs = (
        mlp(depth=depth, width=width, loss=loss, activation=activation) for _ in range(2)
    )
    x, y = X[:size], Y[:size]
    history = fit(ours, x, y, batch_size=batch_size, epochs=2, seed=seed)
    expected = plain_fit(theirs, x, y, batch_size=batch_size, epochs=2, seed=seed)
    assert_same(ours, theirs, history.history, expected)


def convolutional():
    model = keras.Sequential(
        [
            keras.Input((6, 6)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Reshape((6, 6, 1)),
            keras.layers.Conv2D(4, 3, activation="relu", use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax", kernel_regularizer="l2"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def two_inputs():
    first, second = keras.Input((6, 6), name="first"), keras.Input((6, 6), name="second")
    both = keras.layers.concatenate(
        [keras.layers.Flatten()(first), keras.layers.Flatten()(second)]
    )
    model = keras.Model(
        {"first": first, "second": second},
        keras.layers.Dense(10, activation="softmax")(both),
    )
    model.compile(
        keras.optimizers.RMSprop(1e-4),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


@pytest.mark.slow
@pytest.mark.parametrize("make", [convolutional, two_inputs])
def test_models_that_are_not_ours(make):
    """Batch normalization, a regularizer, Adam, and inputs by name."""
    keras.utils.set_random_seed(0)
    ours, theirs = make(), make()
    theirs.set_weights(ours.get_weights())

    def inputs(rows):
        x = (X[rows] / 255).astype("float32")
        return {"first": x, "second": x[:, ::-1]} if make is two_inputs else X[rows]

    batch_size = 64 if make is two_inputs else 20
    history = fit(ours, inputs(slice(None)), Y, batch_size=batch_size, epochs=1)
    order = generator(0, Purpose.ORDER, 0).permutation(len(Y))
    expected = theirs.fit(
        inputs(order), Y[order], batch_size=batch_size, shuffle=False, verbose=0
    )
    assert_same(ours, theirs, history.history, expected.history, rtol=1e-3)


def sequential(*layers, optimizer="sgd", loss="sparse_categorical_crossentropy"):
    model = keras.Sequential(
        [
            keras.Input((6, 6)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(),
            *layers, keras.layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


SGD = keras.optimizers.SGD
MODELS = {
    "activity_and_schedule": lambda: sequential(
        keras.layers.ActivityRegularization(l1=0.1),
        optimizer=SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)),
    ),
    "restarts_and_clipping": lambda: sequential(
        optimizer=SGD(keras.optimizers.schedules.CosineDecayRestarts(0.1, 3), clipnorm=0.1)
    ),
    "adamw_and_average": lambda: sequential(
        optimizer=keras.optimizers.AdamW(1e-3, use_ema=True)
    ),
    "nadam_and_own_loss": lambda: sequential(
        optimizer=keras.optimizers.Nadam(1e-3),
        loss=lambda y, p: keras.losses.hinge(y, p[:, :1]),
    ),
    "overwriting": lambda: sequential(
        optimizer=SGD(0.1, use_ema=True, ema_overwrite_frequency=3)
    ),
    "accumulation": lambda: sequential(optimizer=SGD(0.1, gradient_accumulation_steps=2)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_what_a_model_can_have_is_trained_as_keras_trains_it(name):
    keras.utils.set_random_seed(1)
    ours, theirs = MODELS[name](), MODELS[name]()
    theirs.set_weights(ours.get_weights())
    history = fit(ours, X, Y, batch_size=20, epochs=1)
    expected = plain_fit(theirs, X, Y, batch_size=20, epochs=1)
    assert_same(ours, theirs, history.history, expected, rtol=1e-4)


def test_dropout_draws_anew_at_every_step():
    model = sequential(keras.layers.Dropout(0.5), optimizer=SGD(0.0))
    same = np.repeat(X[:1], 40, axis=0)
    history = fit(model, same, np.zeros(40, "int32"), batch_size=4, epochs=2)
    assert len(set(np.concatenate(history.step_losses).tolist())) > 15


def test_unseeded_layers_draw_what_they_draw_in_model_fit():
    def trained(train):
        keras.utils.set_random_seed(3)
        model = sequential(keras.layers.Dropout(0.5))
        options = {"shuffle": False, "verbose": 0, "batch_size": 20, "epochs": 2}
        options["validation_split"] = 0.2
        logs = train(model, X[:50], Y[:50], **options).history
        train(model, X[:50], Y[:50], **options)
        return model, logs

    (ours, logs), (theirs, expected) = trained(fit), trained(keras.Model.fit)
    assert_same(ours, theirs, logs, expected, rtol=1e-4)


def test_what_is_set_between_calls_is_used():
    model = mlp(momentum=0.9)
    fit(model, X, Y, batch_size=50, epochs=1)
    other = mlp(momentum=0.9)
    plain_fit(other, X, Y, batch_size=50, epochs=1)
    for changed in (model, other):
        changed.optimizer.momentum = 0.1
        changed.compile(changed.optimizer, changed.loss, metrics=["accuracy"])
    history = fit(model, X, Y, batch_size=50, epochs=1)
    expected = plain_fit(other, X, Y, batch_size=50, epochs=1)
    assert_same(model, other, history.history, expected)


# Keras warns that the list is not the dict that it was built for.
@pytest.mark.filterwarnings("ignore:.*structure of `inputs`:UserWarning")
def test_inputs_by_name_and_in_a_list_are_not_mixed_up():
    model = two_inputs()
    model.optimizer.learning_rate = 0.0
    x = (X / 255).astype("float32")
    both = {"first": x, "second": x[:, ::-1]}
    by_name = fit(model, both, Y, batch_size=50, epochs=1).history["loss"]
    in_order = fit(model, list(both.values()), Y, batch_size=50, epochs=1).history["loss"]
    np.testing.assert_allclose(by_name, in_order, rtol=1e-6)


def test_another_schedule_is_used():
    """Whatever gave the learning rate before; it is a constant of the program."""
    schedules = keras.optimizers.schedules

    class Own(schedules.LearningRateSchedule):
        """Has no `get_config`."""

        def __call__(self, step):
            return 0.2 / (1.0 + keras.ops.cast(step, "float32"))

    rates = [
        schedules.ExponentialDecay(0.1, 5, 0.5),
        schedules.ExponentialDecay(0.5, 5, 0.5),
        Own(),
        lambda: 0.3,
    ]
    ours, theirs = sequential(optimizer=SGD(0.1)), sequential(optimizer=SGD(0.1))
    theirs.set_weights(ours.get_weights())
    for epoch, rate in enumerate(rates):
        for model in (ours, theirs):
            model.optimizer.learning_rate = rate
        theirs.make_train_function(force=True)  # or Keras would keep the old one
        fit(ours, X, Y, batch_size=50, initial_epoch=epoch, epochs=epoch + 1, shuffle=False)
        theirs.fit(X, Y, batch_size=50, shuffle=False, verbose=0)
        for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_settings_of_layers_and_schedules_that_change_are_used(programs):
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


def test_what_is_set_without_compiling_again_is_used():
    """All that could be set is in test_constants.py."""

    def make():
        keras.utils.set_random_seed(0)
        return sequential(
            optimizer=SGD(0.1, momentum=0.5), loss=keras.losses.MeanSquaredError()
        )

    set_before, set_after = make(), make()
    y = keras.utils.to_categorical(Y, 10)
    beginning = model_state(set_after)
    fit(set_after, X, y, batch_size=50, epochs=1)
    restore(set_after, beginning)
    for model in (set_before, set_after):
        model.optimizer.momentum = 0.9
    histories = [
        fit(model, X, y, batch_size=50, epochs=1).history
        for model in (set_before, set_after)
    ]
    assert histories[0] == histories[1]


def test_a_callback_sets_what_keras_own_step_sees():
    """On PyTorch, whose own `fit` computes from Python; the others look once."""
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
    class Counts(keras.layers.Layer):
        calls = 0

        def call(self, x):
            self.calls += 1
            return x * 2

    model = sequential(Counts())
    for _ in range(3):
        fit(model, X, Y, batch_size=50, epochs=1)
    assert len(programs) == 1


USES = {
    "evaluate": lambda model: model.evaluate(X, Y, verbose=0),
    "train_on_batch": lambda model: model.train_on_batch(X, Y),
    "fit": lambda model: fit(model, X, Y, batch_size=50, epochs=1),
}


def test_a_callback_that_uses_the_model_is_told_so():
    """And the model can be used as before."""
    model = mlp()

    def told(use):
        callback = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: use(model)
        )
        try:
            fit(model, X, Y, batch_size=50, epochs=1, callbacks=callback)
        except ConfigError as error:
            return str(error)
        return "nothing"

    for name, use in USES.items():
        assert "A callback trains or evaluates" in told(use), name
        model.evaluate(X, Y, verbose=0)
        fit(model, X, Y, batch_size=50, epochs=1, callbacks=None)


def test_the_loss_of_every_step_is_there_in_order():
    model = mlp()
    first = X[generator(0, Purpose.ORDER, 0).permutation(200)[:1]]
    label = Y[generator(0, Purpose.ORDER, 0).permutation(200)[:1]]
    before = model.evaluate(first, label, verbose=0)[0]
    history = fit(model, X, Y, batch_size=1, epochs=2)
    losses = history.step_losses
    assert [part.shape for part in losses] == [(200,), (200,)]
    assert math.isclose(losses[0][0], before, rel_tol=1e-5)
    np.testing.assert_allclose(
        [part.mean() for part in losses], history.history["loss"], rtol=1e-5
    )


def test_the_model_stays_the_plain_model_that_it_is(tmp_path):
    model = mlp()
    fit(model, X, Y, batch_size=50, epochs=1)
    assert type(model) is keras.Sequential
    assert model.steps_per_execution == 1
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))
    model.fit(X, Y, epochs=1, verbose=0)
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 4 + 7


def test_training_in_two_calls_comes_to_the_same_bytes_as_in_one():
    model = mlp(momentum=0.9)
    beginning = model_state(model)
    fit(model, X, Y, batch_size=50, epochs=2)
    once = model_state(model)
    restore(model, beginning)
    fit(model, X, Y, batch_size=50, epochs=1)
    halfway = zip(once, model_state(model), strict=True)
    assert any(np.any(one != other) for one, other in halfway)
    fit(model, X, Y, batch_size=50, initial_epoch=1, epochs=2)
    for one, other in zip(once, model_state(model), strict=True):
        assert one.tobytes() == other.tobytes()


def test_data_in_several_chunks_are_trained_alike(monkeypatch):
    whole, cut = mlp(), mlp()
    expected = fit(whole, X, Y, batch_size=7, epochs=2)
    monkeypatch.setattr("kmlp.fused.through_keras.CHUNK_BYTES", 2000)
    told = []
    history = fit(
        cut, X, Y, batch_size=7, epochs=2,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: told.append(b))],
    )  # fmt: skip
    assert len(told) > 10
    # Programs for other shapes: a compiler may order their sums in another way.
    for one, other in zip(whole.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        np.concatenate(history.step_losses), np.concatenate(expected.step_losses), rtol=1e-5
    )


def test_chunks_that_were_trained_are_let_go_of(monkeypatch):
    monkeypatch.setattr("kmlp.fused.through_keras.CHUNK_BYTES", 2000)
    blocks, alive = [], []

    class Counting(ChunkedDataset):
        def _block(self, *args):
            part = super()._block(*args)
            blocks.append(weakref.ref(keras.tree.flatten(part.data)[0]))
            alive.append(sum(block() is not None for block in blocks))
            return part

    monkeypatch.setattr("kmlp.fused.through_keras.ChunkedDataset", Counting)
    fit(mlp(), X, Y, batch_size=7, epochs=2)
    assert len(blocks) > 20
    assert max(alive) <= 3


def test_callbacks_see_the_model_itself_and_can_stop_it():
    model, seen = mlp(), []

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, self.model, sorted(logs)))
            self.model.stop_training = True

    fit(model, X, Y, batch_size=50, epochs=5, callbacks=[Stop()])
    assert seen == [(0, model, ["accuracy", "loss"])]


def test_another_learning_rate_is_used_and_compiles_nothing(programs):
    model = mlp()
    rates = iter([0.5, 0.0])
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: next(rates))
    weights = []
    remember = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(model.get_weights())
    )
    fit(model, X, Y, batch_size=50, epochs=2, callbacks=[schedule, remember])
    assert len(programs) == 1
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.fixture
def programs(monkeypatch):
    """The programs that were compiled."""
    compiled, module = [], loops.steps()
    compile_program = module.compile_program

    def count(*arguments, **options):
        compiled.append(options)
        return compile_program(*arguments, **options)

    monkeypatch.setattr(module, "compile_program", count)
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


def own_fit():
    class Own(keras.Sequential):
        def fit(self, *arguments, **options):
            return super().fit(*arguments, **options)

    return compiled(Own([keras.Input((6, 6)), keras.layers.Flatten()]))


def own_function():
    class Own(keras.Sequential):
        def make_train_function(self, force=False):
            return super().make_train_function(force)

    return compiled(Own([keras.Input((6, 6)), keras.layers.Flatten()]))


def compiled(model):
    model.compile("sgd", "mse")
    return model


def not_compiled():
    return keras.Sequential([keras.Input((6, 6)), keras.layers.Flatten()])


def eager():
    model = mlp()
    model.run_eagerly = True
    return model


class Draws(keras.layers.Layer):
    """Draws once, where a step is compiled, what it should draw at every step."""

    def call(self, x):
        return x * random.random()


def draws():
    return sequential(Draws())


class Looks(keras.layers.Layer):
    """Asks for a value, which no compiled program can answer."""

    def call(self, x):
        return x if float(keras.ops.convert_to_numpy(keras.ops.sum(x))) > 0 else -x

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


def looks():
    model = keras.Sequential(
        [keras.Input((6, 6)), keras.layers.Flatten(), Looks(), keras.layers.Dense(10)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (own_fit, "`fit` of its own"),
        (own_function, "`make_train_function` of its own"),
        (not_compiled, "no compiled Keras model"),
        (eager, "run_eagerly"),
        (looks, "cannot be compiled"),
        (draws, "Python's or NumPy's random numbers"),
        (lambda: 3, "3 .*compiled Keras model"),
    ],
)
def test_a_model_that_cannot_be_trained_so_is_refused_and_unharmed(make, text):
    model = make()
    before = model.get_weights() if isinstance(model, keras.Model) else None
    with pytest.raises(ConfigError, match=text):
        fit(model, X, Y, batch_size=64, epochs=1)
    if before is not None:
        for one, other in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_without_shuffling_floats_and_tensors_are_trained_on_in_their_order():
    """Of the types that Keras makes of them."""
    ours, theirs = mlp(), mlp()
    history = fit(
        ours, keras.ops.convert_to_tensor(X.astype("float32")), Y.astype("int64"),
        batch_size=50, epochs=2, shuffle=False,
    )  # fmt: skip
    expected = theirs.fit(
        X.astype("float64"), Y, batch_size=50, epochs=2, shuffle=False, verbose=0
    )
    assert_same(ours, theirs, history.history, expected.history)


class Doubling(keras.Sequential):
    """Returns what is no metric, of its own metrics."""

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        return {**logs, "spread": keras.ops.max(y_pred) - keras.ops.min(y_pred)}


def with_own_step():
    """Keras' guide: a step of training written by hand, with what is no metric."""
    name = keras.config.backend()
    if name == "jax":
        import jax

        class Own(keras.Sequential):
            def of(self, variables, frozen, x, y):
                y_pred, frozen = self.stateless_call(variables, frozen, x, training=True)
                return self.compute_loss(x, y, y_pred), (y_pred, frozen)

            def train_step(self, state, data):
                variables, frozen, optimizer, metrics = state
                x, y = data
                (loss, (y_pred, frozen)), gradients = jax.value_and_grad(
                    self.of, has_aux=True
                )(variables, frozen, x, y)
                variables, optimizer = self.optimizer.stateless_apply(
                    optimizer, gradients, variables
                )
                logs, new = {"doubled": 2 * loss}, []
                for metric in self.metrics:
                    mine = metrics[len(new) : len(new) + len(metric.variables)]
                    seen = (loss,) if metric.name == "loss" else (y, y_pred)
                    mine = metric.stateless_update_state(mine, *seen)
                    logs[metric.name] = metric.stateless_result(mine)
                    new += mine
                return logs, (variables, frozen, optimizer, new)

    elif name == "torch":
        import torch

        class Own(keras.Sequential):
            def train_step(self, data):
                x, y = data
                y_pred = self(x, training=True)
                self.zero_grad()
                loss = self.compute_loss(x, y, y_pred)
                loss.backward()
                variables = self.trainable_weights[:]
                gradients = [variable.value.grad for variable in variables]
                with torch.no_grad():
                    self.optimizer.apply(gradients, variables)
                for metric in self.metrics:
                    seen = (loss,) if metric.name == "loss" else (y, y_pred)
                    metric.update_state(*seen)
                return {metric.name: metric.result() for metric in self.metrics}

    else:
        import tensorflow as tf

        class Own(keras.Sequential):
            def train_step(self, data):
                x, y = data
                with tf.GradientTape() as tape:
                    y_pred = self(x, training=True)
                    loss = self.compute_loss(x, y, y_pred)
                gradients = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply(gradients, self.trainable_variables)
                for metric in self.metrics:
                    seen = (loss,) if metric.name == "loss" else (y, y_pred)
                    metric.update_state(*seen)
                logs = {metric.name: metric.result() for metric in self.metrics}
                return {**logs, "doubled": 2 * loss}

    return Own


def made(kind):
    layers = [keras.Input((6, 6)), keras.layers.Flatten(), keras.layers.Dense(4)]
    model = kind(layers)
    model.compile("adam", "mse", metrics=["mae"])
    return model


def test_steps_of_ones_own_do_what_they_do_in_model_fit():
    x, y = (X / 255).astype("float32"), np.eye(4)[Y % 4]
    options = {"batch_size": 30, "shuffle": False, "validation_data": (x[:50], y[:50])}
    for kind in (Doubling, with_own_step()):
        ours, theirs = made(kind), made(kind)
        theirs.set_weights(ours.get_weights())
        if keras.config.backend() == "torch" and kind is Doubling:
            with pytest.raises(ConfigError, match="metric's result"):
                fit(ours, x, y, epochs=2, **options)
            continue
        history = fit(ours, x, y, epochs=2, **options)
        expected = theirs.fit(x, y, epochs=2, verbose=0, **options)
        assert_same(ours, theirs, history.history, expected.history)
        if "doubled" in history.history:  # the last step's
            doubled = [2 * losses[-1] for losses in history.step_losses]
            np.testing.assert_allclose(history.history["doubled"], doubled, rtol=1e-5)
