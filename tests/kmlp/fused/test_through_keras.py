"""`kmlp.fit` trains any compiled model as `model.fit` does.

`through_keras` names the private behaviour of Keras that this depends on. These tests
hold for Keras 3.15; pyproject.toml allows no other version.
"""

import keras
import numpy as np
import pytest
from helpers.fitting import X, Y, assert_same, plain_fit, sequential

from kmlp import ConfigError, fit
from kmlp._util.seeds import Purpose, generator

pytestmark = pytest.mark.jax_first

SGD = keras.optimizers.SGD


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
def test_models_of_other_layers_are_trained_as_in_model_fit(make):
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
def test_schedules_clipping_and_averages_work_as_in_model_fit(name):
    keras.utils.set_random_seed(1)
    ours, theirs = MODELS[name](), MODELS[name]()
    theirs.set_weights(ours.get_weights())
    history = fit(ours, X, Y, batch_size=20, epochs=1)
    expected = plain_fit(theirs, X, Y, batch_size=20, epochs=1)
    assert_same(ours, theirs, history.history, expected, rtol=1e-4)


def test_dropout_draws_new_numbers_at_every_step():
    model = sequential(keras.layers.Dropout(0.5), optimizer=SGD(0.0))
    x = np.repeat(X[:1], 40, axis=0)
    history = fit(model, x, np.zeros(40, "int32"), batch_size=4, epochs=2)
    assert len(set(np.concatenate(history.step_losses).tolist())) > 15


def test_layers_without_a_seed_draw_the_numbers_of_model_fit():
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


# Keras warns because the model was built for a dict, and receives a list.
@pytest.mark.filterwarnings("ignore:.*structure of `inputs`:UserWarning")
def test_inputs_by_name_and_in_a_list_give_the_same_loss():
    model = two_inputs()
    model.optimizer.learning_rate = 0.0
    x = (X / 255).astype("float32")
    both = {"first": x, "second": x[:, ::-1]}
    by_name = fit(model, both, Y, batch_size=50, epochs=1).history["loss"]
    in_order = fit(model, list(both.values()), Y, batch_size=50, epochs=1).history["loss"]
    np.testing.assert_allclose(by_name, in_order, rtol=1e-6)


class WithSpread(keras.Sequential):
    """A model whose `compute_metrics` adds a value that is not a metric."""

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        return {**logs, "spread": keras.ops.max(y_pred) - keras.ops.min(y_pred)}


def custom_step_class():
    """A model class with a `train_step` written by hand, as in Keras' guides.

    Its logs have a value that is not a metric, except on PyTorch.
    """
    name = keras.config.backend()
    if name == "jax":
        import jax

        class CustomStep(keras.Sequential):
            def loss_and_outputs(self, variables, frozen, x, y):
                y_pred, frozen = self.stateless_call(variables, frozen, x, training=True)
                return self.compute_loss(x, y, y_pred), (y_pred, frozen)

            def train_step(self, state, data):
                variables, frozen, optimizer, metrics = state
                x, y = data
                (loss, (y_pred, frozen)), gradients = jax.value_and_grad(
                    self.loss_and_outputs, has_aux=True
                )(variables, frozen, x, y)
                variables, optimizer = self.optimizer.stateless_apply(
                    optimizer, gradients, variables
                )
                logs, new = {"doubled": 2 * loss}, []
                for metric in self.metrics:
                    values = metrics[len(new) : len(new) + len(metric.variables)]
                    arguments = (loss,) if metric.name == "loss" else (y, y_pred)
                    values = metric.stateless_update_state(values, *arguments)
                    logs[metric.name] = metric.stateless_result(values)
                    new += values
                return logs, (variables, frozen, optimizer, new)

    elif name == "torch":
        import torch

        class CustomStep(keras.Sequential):
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
                    arguments = (loss,) if metric.name == "loss" else (y, y_pred)
                    metric.update_state(*arguments)
                return {metric.name: metric.result() for metric in self.metrics}

    else:
        import tensorflow as tf

        class CustomStep(keras.Sequential):
            def train_step(self, data):
                x, y = data
                with tf.GradientTape() as tape:
                    y_pred = self(x, training=True)
                    loss = self.compute_loss(x, y, y_pred)
                gradients = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply(gradients, self.trainable_variables)
                for metric in self.metrics:
                    arguments = (loss,) if metric.name == "loss" else (y, y_pred)
                    metric.update_state(*arguments)
                logs = {metric.name: metric.result() for metric in self.metrics}
                return {**logs, "doubled": 2 * loss}

    return CustomStep


def regression(cls):
    layers = [keras.Input((6, 6)), keras.layers.Flatten(), keras.layers.Dense(4)]
    model = cls(layers)
    model.compile("adam", "mse", metrics=["mae"])
    return model


def test_overridden_steps_and_metrics_work_as_in_model_fit():
    x, y = (X / 255).astype("float32"), np.eye(4)[Y % 4]
    options = {"batch_size": 30, "shuffle": False, "validation_data": (x[:50], y[:50])}
    for cls in (WithSpread, custom_step_class()):
        ours, theirs = regression(cls), regression(cls)
        theirs.set_weights(ours.get_weights())
        if keras.config.backend() == "torch" and cls is WithSpread:
            with pytest.raises(ConfigError, match="metric's result"):
                fit(ours, x, y, epochs=2, **options)
            continue
        history = fit(ours, x, y, epochs=2, **options)
        expected = theirs.fit(x, y, epochs=2, verbose=0, **options)
        assert_same(ours, theirs, history.history, expected.history)
        if "doubled" in history.history:  # the value of the last step
            doubled = [2 * losses[-1] for losses in history.step_losses]
            np.testing.assert_allclose(history.history["doubled"], doubled, rtol=1e-5)
