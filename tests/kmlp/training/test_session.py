"""A session trains as `model.fit` does, and continues from a checkpoint bit for bit."""

import math

import keras
import numpy as np
import pytest
from helpers.made_up_data import table_examples

from kmlp import RunConfig, build_mlp, load_dataset
from kmlp._util.seeds import Purpose, generator
from kmlp.data._dataset import make_dataset
from kmlp.model.build import build_for
from kmlp.model.run_data import split_for
from kmlp.training import Session
from kmlp.training.fused import CompiledModelCache

MNIST = load_dataset("mnist")
SMALL = {"train_size": 700, "width": 16, "depth": 1, "learning_rate": 0.05}


def trained(config, epochs, checkpoint=None, *, fused=True):
    session = Session(config, MNIST, checkpoint, fused=fused)
    return session, [session.train_epoch() for _ in range(epochs)]


@pytest.fixture(scope="module")
def by_model_fit():
    """The weights and the metrics of two epochs of `model.fit`."""
    model = build_mlp(width=16, depth=1, learning_rate=0.05, momentum=0.9, seed=4)
    data, logs = MNIST.with_train_size(700), []
    for epoch in range(2):
        order = generator(4, Purpose.ORDER, epoch).permutation(700)
        history = model.fit(
            data.train.x[order], data.train.y[order], batch_size=64, shuffle=False,
            validation_data=(data.validation.x, data.validation.y), verbose=0,
        ).history  # fmt: skip
        logs.append({name: value for name, [value] in history.items()})
    return model.get_weights(), logs


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_weights_and_metrics_are_those_of_model_fit_on_the_same_batches(
    fused, by_model_fit
):
    config = RunConfig(**SMALL, batch_size=64, momentum=0.9, seed=4)
    session, records = trained(config, 2, fused=fused)
    weights, logs = by_model_fit
    for record, expected in zip(records, logs, strict=True):
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert math.isclose(getattr(record, name), expected[name], rel_tol=1e-4)
    for ours, theirs in zip(session.checkpoint().weights, weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_step_losses_are_in_order(fused):
    """At batch size 1, the first one is the loss of the first image before training."""
    config = RunConfig(**SMALL | {"train_size": 30}, batch_size=1)
    _, [record] = trained(config, 1, fused=fused)
    assert record.step_losses.shape == (30,)
    model = build_mlp(width=16, depth=1)
    first = generator(0, Purpose.ORDER, 0).permutation(30)[0]
    loss = model.evaluate(
        MNIST.train.x[first : first + 1], MNIST.train.y[first : first + 1], verbose=0
    )
    assert math.isclose(record.step_losses[0], loss[0], rel_tol=1e-5)
    assert math.isclose(record.step_losses.mean(), record.loss, rel_tol=1e-5)


@pytest.fixture(scope="module")
def first_epoch():
    """The session and the record of one epoch with mini-batches of 300, 300 and 100."""
    session, [record] = trained(RunConfig(**SMALL, batch_size=300), 1)
    return session, record


def test_the_smaller_last_mini_batch_is_trained_and_weighs_less(first_epoch):
    _, record = first_epoch
    assert record.step_losses.shape == (3,)
    weighted = np.average(record.step_losses, weights=[300, 300, 100])
    assert math.isclose(weighted, record.loss, rel_tol=1e-5)


def test_an_epoch_is_evaluated_on_the_validation_and_the_test_data(first_epoch):
    session, record = first_epoch
    model = build_mlp(width=16, depth=1)
    session.checkpoint().restore(model)
    assert_accuracy_is_the_fraction_of_images(record, model)
    for split, actual in (
        (MNIST.validation, (record.val_loss, record.val_accuracy)),
        (MNIST.test, (record.test_loss, record.test_accuracy)),
    ):
        expected = model.evaluate(split.x, split.y, batch_size=1000, verbose=0)
        np.testing.assert_allclose(actual, expected, rtol=1e-5)


@pytest.mark.parametrize("loss", ["nll", "multi_margin", "mse", "hinge"])
def test_accuracy_is_the_fraction_of_images_for_all_forms_of_targets(loss):
    session, [record] = trained(RunConfig(**SMALL, batch_size=100, loss=loss), 1)
    model = build_mlp(width=16, depth=1, loss=loss)
    session.checkpoint().restore(model)
    assert_accuracy_is_the_fraction_of_images(record, model)


def assert_accuracy_is_the_fraction_of_images(record, model):
    scores = keras.ops.convert_to_numpy(model(MNIST.validation.x))
    predicted = scores.argmax(-1)
    assert math.isclose(
        record.val_accuracy, (predicted == MNIST.validation.y).mean(), rel_tol=1e-6
    )


CONTINUED = {
    "all": {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-3, "batch_size": 100},
    "smaller_last_batch": {"batch_size": 300},
}


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("change", CONTINUED)
def test_a_continued_run_equals_an_uninterrupted_run_bit_for_bit(change, fused):
    config = RunConfig(**SMALL | CONTINUED[change])
    whole, _ = trained(config, 1, fused=fused)
    checkpoint = whole.checkpoint()
    records = [whole.train_epoch() for _ in range(2)]
    second, continued = trained(config, 2, checkpoint, fused=fused)
    assert same_bytes(whole.checkpoint(), second.checkpoint())
    for one, other in zip(records, continued, strict=True):
        assert (one.epoch, one.loss, one.val_loss, one.val_accuracy) == (
            other.epoch, other.loss, other.val_loss, other.val_accuracy,
        )  # fmt: skip
        assert one.step_losses.tobytes() == other.step_losses.tobytes()


@pytest.mark.usefixtures("compiled_anew")
def test_the_same_seed_gives_the_same_bytes_twice():
    """Each training compiles its own model."""
    one, other = CompiledModelCache(), CompiledModelCache()
    first = checkpoint_of(0, one)
    assert same_bytes(first, checkpoint_of(0, other))
    assert not same_bytes(first, checkpoint_of(1, one))


def checkpoint_of(seed, compiled_models):
    config = RunConfig(**SMALL, batch_size=100, seed=seed)
    session = Session(config, MNIST, compiled_models=compiled_models)
    session.train_epoch()
    session.train_epoch()
    checkpoint = session.checkpoint()
    session.close()
    return checkpoint


def same_bytes(one, other):
    return [array.tobytes() for array in (*one.weights, *one.optimizer)] == [
        array.tobytes() for array in (*other.weights, *other.optimizer)
    ]


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_step_losses_end_with_a_loss_that_is_not_finite(fused):
    config = RunConfig(
        **SMALL | {"learning_rate": 1e20}, loss="mse", output="linear", batch_size=7
    )
    _, [record] = trained(config, 1, fused=fused)
    assert not record.finite
    assert np.isfinite(record.step_losses[:-1]).all()
    assert not np.isfinite(record.step_losses[-1])
    assert math.isnan(record.loss)
    assert math.isnan(record.val_accuracy)


def test_stepwise_training_ends_an_epoch_at_a_loss_that_is_not_finite():
    """At batch size 1, the whole epoch would take 98 s on TensorFlow."""
    config = RunConfig(
        **SMALL | {"learning_rate": 1e20, "train_size": 5000}, loss="mse", output="linear",
        batch_size=1,
    )  # fmt: skip
    session = Session(config, MNIST, fused=False)
    session.train_epoch()
    steps = next(iter(session.checkpoint().optimizer))  # SGD's first variable: its steps
    assert int(steps) < 10


# The default configuration, measured on JAX with NumPy 2.4. The other backends differ by
# less than 0.1 %.
LOSSES_BY_EPOCH = (0.37955, 0.17096, 0.12215)


def test_training_losses_are_equal_on_every_backend():
    """Each differs by at most 0.5 % from the same numbers, so two by at most 1 %."""
    _, records = trained(RunConfig(), 3)
    np.testing.assert_allclose(
        [record.loss for record in records], LOSSES_BY_EPOCH, rtol=0.005
    )


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
def test_the_averages_over_the_classes_are_those_of_the_model_after_the_epoch(fused):
    from sklearn.metrics import balanced_accuracy_score, f1_score

    session, [_, record] = trained(RunConfig(**SMALL), 2, fused=fused)
    model = build_mlp(width=16, depth=1)
    model.set_weights(session.checkpoint().weights)
    expected = {}
    for part, prefix in ((MNIST.validation, "val_"), (MNIST.test, "test_")):
        predicted = model.predict(part.x, batch_size=1000, verbose=0).argmax(1)
        for name, score in (
            ("balanced_accuracy", balanced_accuracy_score(part.y, predicted)),
            ("macro_f1", f1_score(part.y, predicted, average="macro")),
        ):
            expected[f"{prefix}{name}"] = pytest.approx(score, abs=2e-4)
    assert record.metrics == expected


def test_the_figures_of_a_regression_are_in_the_unit_of_its_target():
    """RMSE, MAE and R² of the saved model, by scikit-learn."""
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    dataset = make_dataset(
        "diabetes", table_examples(80, task="regression"), validation_fraction=0.25
    )
    config = RunConfig(dataset="diabetes", width=4, depth=1, batch_size=20)
    session = Session(config, dataset, fused=False)
    record = session.train_epoch()
    model = build_for(config, dataset)
    model.set_weights(session.checkpoint().weights)
    split = split_for(config, dataset)
    for part, prefix in ((split.validation, "val_"), (split.test, "test_")):
        predicted = model.predict(part.x, verbose=0)[:, 0]
        for name, score in (
            ("rmse", root_mean_squared_error),
            ("mae", mean_absolute_error),
            ("r2", r2_score),
        ):
            expected = pytest.approx(score(part.y, predicted), rel=1e-4)
            assert record.metrics[f"{prefix}{name}"] == expected
    assert record.metrics.keys() >= {"rmse", "mae", "r2"}
    assert math.isnan(record.val_accuracy)
