"""Labels without an output of the model are refused before training."""

from functools import partial

import keras
import numpy as np
import pytest

from kmlp import ConfigError, fit, register_loss
from kmlp.fused.fit import evaluate
from kmlp.model.losses import multi_margin, nll

pytestmark = pytest.mark.jax_first

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype("float32")
Y = RNG.integers(0, 4, 50)


def with_label(label, at=17, dtype=None):
    labels = Y.astype(dtype or Y.dtype)
    labels[at] = label
    return labels


def model_with(loss, metrics=(), outputs=4):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(outputs)])
    model.compile("sgd", loss, metrics=list(metrics))
    return model


losses = keras.losses
Sparse = partial(losses.SparseCategoricalCrossentropy, from_logits=True)


def doubled(y, p):
    return 2 * losses.sparse_categorical_crossentropy(y, p, from_logits=True)


class CustomLoss(losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.sparse_categorical_crossentropy(
            keras.ops.cast(y_true, "int32"), y_pred, from_logits=True
        )


LOSSES = {
    "custom function": doubled,
    "custom class": CustomLoss(),
    "name": "sparse_categorical_crossentropy",
    "function": losses.sparse_categorical_crossentropy,
    "object": Sparse(),
    "partial": partial(losses.sparse_categorical_crossentropy, from_logits=True),
    "nll": nll,
    "multi_margin": multi_margin,
    "crossentropy": "crossentropy",
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_label_without_a_class_is_named_for_every_loss(name):
    model = model_with(LOSSES[name])
    before = model.get_weights()
    for label in (4, -1):
        with pytest.raises(ConfigError, match=rf"`y`.* {label} .*\[17\]") as refusal:
            fit(model, X, with_label(label), batch_size=8)
        assert "4 outputs" in str(refusal.value)
        assert "0 to 3" in str(refusal.value)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


METRICS = {
    "accuracy": "accuracy",
    "name": "sparse_categorical_accuracy",
    "function": keras.metrics.sparse_categorical_accuracy,
    "object": keras.metrics.SparseCategoricalAccuracy(),
    "top": keras.metrics.SparseTopKCategoricalAccuracy(2),
    "loss object": Sparse(),
}


@pytest.mark.parametrize("name", METRICS)
def test_labels_of_metrics_are_checked(name):
    def loss(y, p):
        return keras.ops.mean(p**2, axis=-1)

    model = model_with(loss, [METRICS[name]])
    with pytest.raises(ConfigError, match=r"`y`.* 9 "):
        fit(model, X, with_label(9), batch_size=8)


KINDS = {
    "column": with_label(4)[:, None],
    "whole floats": with_label(4, dtype="float32"),
    "between": with_label(1.5, dtype="float64"),
    "nan": with_label(np.nan, dtype="float32"),
    "infinite": with_label(np.inf, dtype="float32"),
    "small": with_label(-128, dtype="int8"),
    "unsigned": with_label(255, dtype="uint8"),
    "wraps to a class in 32 bits": with_label(2**32 + 1),
}


@pytest.mark.parametrize("name", KINDS)
def test_labels_of_any_type_and_shape_are_checked(name):
    index = r"\[17, 0\]" if name == "column" else r"\[17\]"
    with pytest.raises(ConfigError, match=f"`y`.*label.*{index}"):
        fit(model_with(Sparse()), X, KINDS[name], batch_size=8)


def test_true_and_false_need_two_outputs():
    labels = Y > 1
    assert fit(model_with(Sparse(), outputs=2), X, labels, batch_size=25).history
    with pytest.raises(ConfigError, match=r"`y`.* True "):
        fit(model_with(Sparse(), outputs=1), X, labels, batch_size=25)


def test_labels_in_tensors_are_checked():
    labels = keras.ops.convert_to_tensor(with_label(4).astype("int32"))
    with pytest.raises(ConfigError, match="label 4"):
        fit(model_with(Sparse()), X, labels, batch_size=8)


def test_labels_for_validation_and_evaluation_are_checked():
    model = model_with(Sparse())
    with pytest.raises(ConfigError, match=r"`validation_data\[1\]`.*label 4"):
        fit(model, X, Y, batch_size=8, validation_data=(X, with_label(4)))
    with pytest.raises(ConfigError, match=r"`y`.*label 4"):
        fit(model, X, with_label(4, at=-1), batch_size=8, validation_split=0.2)
    with pytest.raises(ConfigError, match=r"`y`.*label 4"):
        evaluate(model, X, with_label(4), batch_size=8)


def test_a_label_that_the_loss_ignores_is_allowed():
    model = model_with(Sparse(ignore_class=-1), ["accuracy"])
    assert fit(model, X, with_label(-1), batch_size=25).history
    with pytest.raises(ConfigError, match="label -2"):
        fit(model, X, with_label(-2), batch_size=25)


def test_the_label_of_each_pixel_is_checked():
    """Segmentation: each example has 2 x 3 pixels with a label each."""

    def make():
        model = keras.Sequential([keras.Input((2, 3, 4)), keras.layers.Dense(4)])
        model.compile("sgd", Sparse(ignore_class=255))
        return model

    x = RNG.normal(size=(10, 2, 3, 4)).astype("float32")
    y = RNG.integers(0, 4, (10, 2, 3))
    y[2, 1, 1] = 255
    assert fit(make(), x, y, batch_size=5).history
    y[7, 0, 2] = 4
    with pytest.raises(ConfigError, match=r"label 4.*\[7, 0, 2\].* 4 outputs"):
        fit(make(), x, y, batch_size=5)


def two_outputs(nest):
    """A model of two outputs, whose nest is `dict` or `list`."""
    x = keras.Input((6,))
    a, b = keras.layers.Dense(4, name="a")(x), keras.layers.Dense(2, name="b")(x)
    model = keras.Model(x, {"a": a, "b": b} if nest is dict else [a, b])
    model.compile(
        "sgd", {"a": Sparse(), "b": Sparse()} if nest is dict else [Sparse(), Sparse()]
    )
    return model


def test_each_output_has_its_own_classes():
    labels = {"a": Y, "b": Y % 2}
    assert fit(two_outputs(dict), X, labels, batch_size=25).history
    with pytest.raises(ConfigError, match=r"`y\['b'\]`.*label [23].* 2 outputs"):
        fit(two_outputs(dict), X, {"a": Y, "b": Y}, batch_size=25)
    with pytest.raises(ConfigError, match=r"`y\[1\]`.*label [23].* 2 outputs"):
        fit(two_outputs(list), X, [Y, Y], batch_size=25)


def counted_from_one(y, p):
    return losses.sparse_categorical_crossentropy(y - 1, p, from_logits=True)


def clipped(y, p):
    labels = keras.ops.clip(y, 0, 3)
    return losses.sparse_categorical_crossentropy(labels, p, from_logits=True)


@pytest.mark.parametrize("loss", [counted_from_one, clipped])
def test_a_custom_loss_may_change_labels(loss):
    assert fit(model_with(loss), X, np.full(50, 4), batch_size=25).history


def test_targets_that_are_not_labels_are_allowed():
    for loss in ("mse", "poisson", "hinge", "categorical_crossentropy"):
        y = np.full((50, 4), 9)
        assert fit(model_with(loss), X, y, batch_size=25).history, loss


def test_labels_of_a_registered_loss_are_checked(request):
    from kmlp.model.losses import LOSSES as REGISTERED

    def loss(y, p):
        return keras.ops.mean((p - keras.ops.cast(y, p.dtype)[:, None]) ** 2, axis=-1)

    register_loss("distance_to_label", loss)
    request.addfinalizer(lambda: REGISTERED._custom.pop("distance_to_label"))
    with pytest.raises(ConfigError, match="label 4"):
        fit(model_with(loss), X, with_label(4), batch_size=8)
