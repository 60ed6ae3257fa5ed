"""Losses have the values and gradients of PyTorch, and state output and targets."""

import keras
import numpy as np
import pytest
import torch

from kmlp import ConfigError, Loss, UnknownNameError, get_loss, register_loss
from kmlp.model.activations import get_activation
from kmlp.model.losses import LOSSES, REGRESSION_LOSSES

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 10, 32)
INPUTS = {
    "random": RNG.standard_normal((32, 10)),
    "extreme": RNG.choice([-1e4, 1e4], (32, 10)),
    "one_extreme": np.where(np.arange(10) == 3, 1e4, RNG.standard_normal((32, 10))),
    "all_equal": np.full((32, 10), -1e4),
}
# Output activation and loss of the same scores, in PyTorch.
PYTORCH = {
    "cross_entropy": lambda x, y: torch.nn.CrossEntropyLoss(reduction="sum")(x, y),
    "nll": lambda x, y: torch.nn.NLLLoss(reduction="sum")(torch.log_softmax(x, -1), y),
    "multi_margin": lambda x, y: torch.nn.MultiMarginLoss(reduction="sum")(x, y),
    "mse": lambda x, y: 32 * torch.nn.MSELoss()(torch.softmax(x, -1), one_hot(y)),
    "mae": lambda x, y: 32 * torch.nn.L1Loss()(torch.softmax(x, -1), one_hot(y)),
}


def one_hot(y):
    return torch.nn.functional.one_hot(y, 10).float()


def value_and_gradient(function, x):
    """Return the value of a function of a tensor, and the gradient, on this backend."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        value, gradient = jax.value_and_grad(function)(x)
    elif backend == "tensorflow":
        import tensorflow as tf

        variable = tf.Variable(x)
        with tf.GradientTape() as tape:
            value = function(tf.convert_to_tensor(variable))
        gradient = tape.gradient(value, variable)
    else:
        variable = torch.tensor(x, requires_grad=True)
        value = function(variable)
        value.backward()
        gradient = variable.grad
    return keras.ops.convert_to_numpy(value), keras.ops.convert_to_numpy(gradient)


def total_loss(name):
    """Return the function from scores to the sum of the examples' losses.

    The output activation comes first, as in a model. With a sum, gradients have the size
    of one example's gradient.
    """
    loss = get_loss(name)
    targets = CLASSES if loss.targets == "index" else np.eye(10, dtype="float32")[CLASSES]
    output = get_activation(loss.output)
    return lambda x: 32 * keras.ops.mean(loss.function(targets, output(x)))


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("name", PYTORCH)
def test_values_and_gradients_are_those_of_pytorch(name, inputs):
    scores = INPUTS[inputs].astype("float32")
    value, gradient = value_and_gradient(total_loss(name), scores)
    reference = torch.tensor(scores, requires_grad=True)
    expected = PYTORCH[name](reference, torch.tensor(CLASSES))
    expected.backward()
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(value, expected.detach().numpy(), rtol=1e-6, atol=1e-6)
    expected_gradient = reference.grad.numpy()
    # If all gradients are 0, some processors round a probability of 1 down.
    largest = max(abs(expected_gradient).max(), 1 / len(scores))
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-6, atol=1e-6 * largest)


@pytest.mark.parametrize("name", ["nll", "multi_margin"])
def test_the_functions_alone_have_the_values_of_pytorch(name):
    """For any numbers, not only for log-probabilities."""
    scores = INPUTS["random"].astype("float32")
    reduce = {"nll": torch.nn.NLLLoss, "multi_margin": torch.nn.MultiMarginLoss}[name]
    expected = reduce(reduction="none")(torch.tensor(scores), torch.tensor(CLASSES))
    losses = get_loss(name).function(CLASSES, keras.ops.convert_to_tensor(scores))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(losses), expected.numpy(), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("name", LOSSES.names)
def test_every_loss_has_a_finite_value_and_gradient(name):
    value, gradient = value_and_gradient(
        total_loss(name), INPUTS["random"].astype("float32")
    )
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.any(gradient != 0)


def test_every_loss_of_keras_is_allowed_or_refused_with_the_reason():
    names = {
        name
        for name, item in vars(keras.losses).items()
        if callable(item)
        and name.islower()
        and name not in ("get", "serialize", "deserialize")
    }
    assert "mean_squared_error" in names
    for name in names - set(LOSSES.names):
        with pytest.raises(UnknownNameError, match="by name"):
            get_loss(name)


@pytest.mark.parametrize(
    ("name", "output", "targets"),
    [
        ("cross_entropy", "linear", "index"),
        ("nll", "log_softmax", "index"),
        ("multi_margin", "linear", "index"),
        ("mse", "softmax", "one_hot"),
        ("mae", "softmax", "one_hot"),
        ("hinge", "linear", "one_hot"),
    ],
)
def test_each_loss_states_its_output_and_targets(name, output, targets):
    loss = get_loss(name)
    assert (loss.output, loss.targets) == (output, targets)


def test_custom_losses_are_registered():
    def mine(y_true, y_pred):
        return keras.ops.mean(y_pred, axis=-1)

    register_loss("mine", mine, output="softmax", targets="one_hot")
    assert get_loss("mine") == Loss(function=mine, output="softmax", targets="one_hot")
    register_loss("mine_too", Loss(function=mine))
    assert get_loss("mine_too").output == "linear"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"output": "softmx"}, '"softmax"'),
        ({"targets": "onehot"}, '"index", "one_hot" or "number"'),
        ({"output": "relu", "outputs": ("linear",)}, "must be one of"),
    ],
)
def test_a_wrong_output_or_form_of_targets_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Loss(function=print, **arguments)


def test_an_object_that_is_not_callable_is_refused_as_a_loss():
    with pytest.raises(TypeError, match="callable"):
        register_loss("five", 5)
    with pytest.raises(UnknownNameError, match=r'"math:pi".* loss.*callable'):
        get_loss("math:pi")


def test_another_definition_of_a_custom_loss_needs_replace():
    def mine(y_true, y_pred):
        return keras.ops.mean(y_pred, axis=-1)

    register_loss("replaced", mine, output="softmax", targets="one_hot")
    register_loss("replaced", mine, output="softmax", targets="one_hot")
    with pytest.raises(ConfigError, match="replace=True"):
        register_loss("replaced", mine)
    register_loss("replaced", mine, replace=True)
    assert get_loss("replaced").output == "linear"


@pytest.mark.parametrize("output", ["linear", "tanh", "log_softmax"])
def test_a_loss_of_probabilities_refuses_other_outputs(output):
    with pytest.raises(ConfigError, match=r"softmax.*sigmoid"):
        get_loss("sparse_categorical_crossentropy").resolve_output(output)


REGRESSION = {
    "mse": lambda x, y: torch.nn.MSELoss()(x, y),
    "mae": lambda x, y: torch.nn.L1Loss()(x, y),
    "huber": lambda x, y: torch.nn.HuberLoss()(x, y),
    "log_cosh": lambda x, y: torch.log(torch.cosh(x - y)).mean(),
    "mean_squared_error": lambda x, y: torch.nn.MSELoss()(x, y),
    "mean_absolute_error": lambda x, y: torch.nn.L1Loss()(x, y),
}


@pytest.mark.parametrize("name", REGRESSION_LOSSES)
def test_a_loss_of_numbers_has_the_values_of_pytorch(name):
    loss = get_loss(name, "regression")
    x, y = 3 * RNG.standard_normal((2, 32, 1)).astype("float32")
    losses = keras.ops.convert_to_numpy(loss.function(y, keras.ops.convert_to_tensor(x)))
    expected = REGRESSION[name](torch.tensor(x), torch.tensor(y))
    assert (losses.shape, loss.targets, loss.output) == ((32,), "number", "linear")
    np.testing.assert_allclose(losses.mean(), expected, rtol=1e-5)


@pytest.mark.once
def test_a_loss_of_the_users_is_for_the_task_that_its_targets_are_of():
    register_loss("quantile", lambda y, p: keras.ops.abs(y - p)[:, 0], targets="number")
    register_loss("of_classes", lambda y, p: p[:, 0])
    assert get_loss("quantile", "regression").targets == "number"
    with pytest.raises(ConfigError, match=r'"quantile".*`targets="index"`'):
        get_loss("quantile")
    with pytest.raises(ConfigError, match=r'"of_classes".*`targets="number"`'):
        get_loss("of_classes", "regression")
