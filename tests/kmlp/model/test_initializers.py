"""Initial weights have the distributions of Keras and PyTorch, and equal bytes."""

import hashlib

import keras
import numpy as np
import pytest
import torch

from kmlp import UnknownNameError, build_mlp
from kmlp._util.seeds import Purpose, generator
from kmlp.model._initializers import INITIALIZERS, draw_weights

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
}


@pytest.mark.parametrize("name", INITIALIZERS)
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


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_copy_of_the_model_draws_from_the_same_distribution(name):
    model = build_mlp(width=400, depth=2, initializer=name)
    copy = keras.models.clone_model(model)
    for ours, theirs in zip(model.get_weights(), copy.get_weights(), strict=True):
        assert ours.any() == theirs.any()
        if ours.size > 1000:  # enough to estimate a standard deviation
            assert not np.array_equal(ours, theirs)
            np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.05)
            assert abs(theirs.mean()) < 0.1 * ours.std()
