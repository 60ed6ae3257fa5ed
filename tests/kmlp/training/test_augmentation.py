"""Images are shifted, rotated and flipped as SciPy does with the same amounts."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from helpers.draws import by_numpy
from scipy import ndimage

from kmlp import ConfigError, RunConfig, load_dataset
from kmlp.training import checks
from kmlp.training._augmentation import augment
from kmlp.training._draws import draw_key, streams
from kmlp.training.checks import check_trainable

COUNT = 40
RNG = np.random.default_rng(0)
GREY = RNG.integers(1, 256, (COUNT, 6, 9)).astype("uint8")
COLOUR = RNG.integers(1, 256, (COUNT, 6, 9, 3)).astype("uint8")


def augmented(images, **numbers):
    """Images of a step, with the key of seed 0 and index 0 for every change."""
    key = keras.ops.convert_to_tensor(draw_key(0, 0)[None])
    stream = streams(key, keras.ops.convert_to_tensor(np.int32(0)))[0]
    drawn = {
        word: (stream, keras.ops.convert_to_tensor(np.float32(number)))
        for word, number in numbers.items()
    }
    result = augment(keras.ops.convert_to_tensor(images), drawn)
    return keras.ops.convert_to_numpy(result)


def draws(*shape):
    return by_numpy(0, 0, 0, shape).astype("int64")


def channels(images):
    """Each image with an axis of channels."""
    return images.reshape(*images.shape[:3], -1)


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_shift_moves_whole_pixels_and_zeros_in(images):
    result = augmented(images, shift=2)
    assert result.shape == images.shape
    amounts = ((draws(COUNT, 2) >> 16 & 0xFFFF) * 5 >> 16) - 2
    assert {*amounts.ravel()} == {-2, -1, 0, 1, 2}
    for before, after, (down, right) in zip(
        channels(images), channels(result), amounts, strict=True
    ):
        expected = ndimage.shift(before, (down, right, 0), order=0)
        np.testing.assert_array_equal(after, expected)


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_rotation_is_bilinear_about_the_centre(images):
    result = augmented(images, rotate=30)
    angles = np.radians(30) * ((draws(COUNT) >> 8) + 0.5) / 2**23
    assert angles.min() < np.radians(-20)
    assert angles.max() > np.radians(20)
    middle = np.array([2.5, 4.0])
    for before, after, angle in zip(
        channels(images), channels(result), angles, strict=True
    ):
        matrix = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
        for channel in range(before.shape[-1]):
            expected = ndimage.affine_transform(
                before[..., channel].astype(float), matrix, middle - matrix @ middle,
                order=1, mode="grid-constant",
            )  # fmt: skip
            np.testing.assert_allclose(after[..., channel], expected, atol=0.01)


@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_flip_mirrors_half_of_the_images_left_to_right(images):
    result = augmented(images, flip=1)
    flipped = draws(COUNT) < 0
    assert 10 < flipped.sum() < 30
    for before, after, mirrored in zip(images, result, flipped, strict=True):
        np.testing.assert_array_equal(after, before[:, ::-1] if mirrored else before)


def test_several_changes_are_a_shift_then_a_rotation_then_a_flip():
    result = augmented(GREY, shift=1, rotate=180, flip=1)
    one_by_one = augmented(GREY, shift=1)
    for word, number in (("rotate", 180), ("flip", 1)):
        one_by_one = augmented(one_by_one, **{word: number})
    inner = np.s_[2:-2, 2:-2]
    exact = [
        np.allclose(one[inner], other[inner], atol=0.01)
        for one, other in zip(result, one_by_one, strict=True)
    ]
    assert all(exact)


@pytest.mark.once
def test_data_that_are_not_images_and_shifts_out_of_the_image_are_refused(monkeypatch):
    mnist = load_dataset("mnist")
    with pytest.raises(ConfigError, match=r"shift:28.*at most 27"):
        check_trainable([RunConfig(augmentation="shift:28")], epochs=1)
    check_trainable([RunConfig(augmentation="shift:27")], epochs=1)
    flat = {
        name: replace(getattr(mnist, name), x=getattr(mnist, name).x.reshape(-1, 784))
        for name in ("train", "validation", "test")
    }
    monkeypatch.setattr(checks, "dataset_of", lambda config: replace(mnist, **flat))
    with pytest.raises(ConfigError, match=r"\(784,\), and are not images"):
        check_trainable([RunConfig(augmentation="flip")], epochs=1)
