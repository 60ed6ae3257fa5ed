"""Initial weights have the distributions of Keras and PyTorch, and equal bytes."""

import hashlib

import keras
import numpy as np
import pytest
import torch

from kmlp import RunConfig, UnknownNameError, build_mlp
from kmlp._util.seeds import Purpose, generator
from kmlp.model._initializers import INITIALIZERS, check_initializer, draw_weights

NAMES = (*INITIALIZERS, "normal:0.05", "uniform:0.1")
FAMILIES = [name for name in INITIALIZERS if "_" in name]


@pytest.mark.parametrize("name", FAMILIES)
def test_moments_are_those_of_keras(name):
    """Mean, variance, fourth moment and range of 400,000 numbers of each."""
    ours, bias = draw_weights(name, 800, 500, np.random.default_rng(1))
    theirs = keras.ops.convert_to_numpy(
        keras.initializers.get({"class_name": name, "config": {"seed": 1}})((800, 500))
    )
    scale = theirs.std()
    assert abs(ours.mean()) < 0.01 * scale
    np.testing.assert_allclose(ours.std(), scale, rtol=0.01)
    np.testing.assert_allclose((ours**4).mean(), (theirs**4).mean(), rtol=0.02)
    # A quantile: on PyTorch, a few in a million of Keras' numbers exceed the limit of 2.
    largest = [np.quantile(abs(numbers), 0.999) for numbers in (ours, theirs)]
    np.testing.assert_allclose(*largest, rtol=0.01)
    assert not bias.any()


def test_pytorch_has_the_distribution_of_torch_linear():
    kernel, bias = draw_weights("pytorch", 400, 1000, np.random.default_rng(1))
    torch.manual_seed(1)
    layer = torch.nn.Linear(400, 1000)
    for ours, theirs in ((kernel, layer.weight), (bias, layer.bias)):
        theirs = theirs.detach().numpy()
        np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.05)
        np.testing.assert_allclose(abs(ours).max(), abs(theirs).max(), rtol=0.01)
        assert abs(ours).max() <= 0.05  # 1 / sqrt(400)


def test_normal_is_standard_normal_for_kernel_and_bias():
    kernel, bias = draw_weights("normal", 300, 2000, np.random.default_rng(1))
    for numbers in (kernel, bias):
        assert abs(numbers.mean()) < 0.06
        np.testing.assert_allclose(numbers.std(), 1.0, rtol=0.05)
        assert abs(numbers).max() > 2.5


@pytest.mark.parametrize(("name", "spread"), [("normal:0.3", 0.3), ("uniform:0.3", 0.3)])
def test_a_number_states_the_spread_of_the_kernel_alone(name, spread):
    kernel, bias = draw_weights(name, 300, 500, np.random.default_rng(1))
    measured = kernel.std() if "normal" in name else abs(kernel).max()
    np.testing.assert_allclose(measured, spread, rtol=0.01)
    assert not bias.any()


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (7, 7)])
def test_orthogonal_is_the_decomposition_of_keras_for_the_same_normal_numbers(shape):
    kernel, _ = draw_weights("orthogonal", *shape, np.random.default_rng(2))
    normal = np.random.default_rng(2).standard_normal((max(shape), min(shape)))
    q, r = np.linalg.qr(normal)
    q *= np.sign(np.diag(r))
    np.testing.assert_allclose(kernel, q if shape[0] >= shape[1] else q.T, atol=1e-6)


# Digests with NumPy 2.4. The tests of every backend compare with the same ones.
GOLDEN = {
    "glorot_uniform": "08f0c5867cbe8a90",
    "glorot_normal": "edadd5829d1c7027",
    "he_uniform": "2c75fcdcd1b37725",
    "he_normal": "30aa63eb6f114ae1",
    "lecun_uniform": "6c33d418826ef9c8",
    "lecun_normal": "15c05d1a8da70dee",
    "pytorch": "0e3e586cf4633ff1",
    "normal": "cfa2e159c1592f2b",
    "orthogonal": "81685f0b2e9d6808",
    "zeros": "0c6d15efe280625d",
    "ones": "1cbf356aaf525fb5",
    "normal:0.05": "166f2c721f1c8c36",
    "uniform:0.1": "d8f32b72092aaaf7",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes_on_every_backend(name):
    model = build_mlp(width=16, depth=2, initializer=name, seed=3)
    digest = hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights()))
    assert digest.hexdigest()[:16] == GOLDEN[name]


def test_weights_of_other_seeds_and_layers_differ():
    one, other = (build_mlp(width=784, depth=2, seed=seed).get_weights() for seed in (0, 1))
    assert not np.array_equal(one[0], other[0])
    assert not np.array_equal(one[0], one[2])


def test_the_model_starts_with_the_drawn_weights():
    weights = build_mlp(depth=1, width=8, initializer="pytorch", seed=5).get_weights()
    drawn = draw_weights("pytorch", 784, 8, generator(5, Purpose.WEIGHTS, 0))
    assert all(map(np.array_equal, weights, drawn))


def test_an_unknown_initializer_is_refused_with_the_nearest_one():
    with pytest.raises(UnknownNameError, match='"he_normal"'):
        draw_weights("he_norml", 2, 2, np.random.default_rng())


@pytest.mark.once
@pytest.mark.parametrize(
    "text",
    ["normal:0", "normal:-1", "normal:x", "uniform:nan", "uniform", "zeros:1", "normal:"],
)
def test_a_number_that_cannot_be_used_is_refused(text):
    with pytest.raises(UnknownNameError, match=f"{text}'"):
        check_initializer(text)


@pytest.mark.once
def test_one_initializer_has_one_spelling():
    assert RunConfig(initializer="normal:5e-2") == RunConfig(initializer="normal:.050")
    assert RunConfig(initializer="uniform:1.0").initializer == "uniform:1"


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_of_the_model_draws_from_the_same_distribution(name):
    model = build_mlp(width=400, depth=2, initializer=name)
    copy = keras.models.clone_model(model)
    for ours, theirs in zip(model.get_weights(), copy.get_weights(), strict=True):
        assert ours.any() == theirs.any()
        if ours.size > 1000 and ours.std():  # enough to estimate a standard deviation
            assert not np.array_equal(ours, theirs)
            np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.05)
            assert abs(theirs.mean()) < 0.1 * ours.std()
