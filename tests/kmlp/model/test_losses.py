import keras
import numpy as np
import pytest
import torch

from kmlp import ConfigError, Loss, UnknownNameError, get_loss, register_loss
from kmlp.model.activations import get_activation
from kmlp.model.losses import LOSSES

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 10, 32)
INPUTS = {
    "random": RNG.standard_normal((32, 10)),
    "extreme": RNG.choice([-1e4, 1e4], (32, 10)),
    "one_extreme": np.where(np.arange(10) == 3, 1e4, RNG.standard_normal((32, 10))),
    "all_equal": np.full((32, 10), -1e4),
}
# What PyTorch computes of the same scores: output activation and loss.
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
    """The value of a function of a tensor, and its gradient, on the test's backend."""
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
    """The loss of scores as a model computes it, output activation first; not the mean
    over the examples but the sum, so that gradients are of the size of one example's."""
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
    # Where all of them vanish, some processors round a probability of 1 to the one below.
    largest = max(abs(expected_gradient).max(), 1 / len(scores))
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-6, atol=1e-6 * largest)


@pytest.mark.parametrize("name", ["nll", "multi_margin"])
def test_raw_functions_are_those_of_pytorch(name):
    """On any numbers, not only on log-probabilities."""
    scores = INPUTS["random"].astype("float32")
    reduce = {"nll": torch.nn.NLLLoss, "multi_margin": torch.nn.MultiMarginLoss}[name]
    expected = reduce(reduction="none")(torch.tensor(scores), torch.tensor(CLASSES))
    found = get_loss(name).function(CLASSES, keras.ops.convert_to_tensor(scores))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found), expected.numpy(), rtol=1e-6, atol=1e-6
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


def test_own_losses():
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
        ({"targets": "onehot"}, '"index" or "one_hot"'),
        ({"output": "relu", "outputs": ("linear",)}, "must be one of"),
    ],
)
def test_wrong_losses(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Loss(function=print, **arguments)


def test_what_cannot_be_called_is_no_loss():
    with pytest.raises(TypeError, match="callable"):
        register_loss("five", 5)
    with pytest.raises(UnknownNameError, match=r"no loss|not a loss"):
        get_loss("math:pi")


def test_replacing_an_own_loss_is_never_silent():
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
