"""Splits are stratified and fixed, and unusable datasets are refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kmlp import ConfigError, DataError, load_dataset
from kmlp.data._dataset import make_dataset
from kmlp.data._examples import make_examples
from kmlp.data._split import Split, stratified_order

pytestmark = pytest.mark.once

labels = arrays.arrays("int32", st.integers(1, 200), elements=st.integers(0, 4))


@given(labels)
def test_a_stratified_order_has_each_example_once(y):
    assert sorted(stratified_order(y)) == list(range(len(y)))


@given(labels, st.integers(1, 200))
def test_every_prefix_is_stratified(y, size):
    prefix = y[stratified_order(y)[:size]]
    fraction = len(prefix) / len(y)
    classes = len(np.unique(y))
    for label in np.unique(y):
        expected = fraction * (y == label).sum()
        assert abs((prefix == label).sum() - expected) <= classes / 2 + 1e-9


def tiny(x=0, y=0, validation_fraction=0.4):
    train = Split(
        np.arange(40, dtype="uint8").reshape(10, 2, 2) + x,
        (np.arange(10, dtype="int32") + y) % 2,
    )
    test = Split(np.zeros((2, 2, 2), "uint8"), np.array([0, 1], "int32"))
    images = make_examples(train, test, class_names=("a", "b"), source="tiny")
    return make_dataset("tiny", images, validation_fraction=validation_fraction)


def test_training_and_validation_images_do_not_overlap():
    dataset = tiny()
    images = [
        bytes(image) for split in (dataset.train, dataset.validation) for image in split.x
    ]
    assert len(set(images)) == 10
    assert (len(dataset.train), len(dataset.validation)) == (6, 4)
    assert np.bincount(dataset.validation.y).tolist() == [2, 2]


def test_without_a_fraction_the_test_images_are_used_for_validation():
    dataset = tiny(validation_fraction=None)
    assert dataset.validates_on_test
    assert dataset.validation is dataset.test
    assert len({bytes(image) for image in dataset.train.x}) == 10
    assert dataset.with_train_size(4).validates_on_test
    assert not tiny().validates_on_test


def test_labels_stay_with_their_images():
    dataset = tiny()
    for split in (dataset.train, dataset.validation):
        assert (split.x[:, 0, 0] // 4 % 2 == split.y).all()


def test_different_data_have_different_fingerprints():
    assert tiny().fingerprint == tiny().fingerprint
    assert len({tiny().fingerprint, tiny(x=1).fingerprint, tiny(y=1).fingerprint}) == 3


def test_training_subsets_are_stratified_and_nested():
    mnist = load_dataset("mnist")
    small, large = (mnist.with_train_size(size).train for size in (1000, 5000))
    assert (len(small), len(large)) == (1000, 5000)
    np.testing.assert_array_equal(small.x, large.x[:1000])
    whole = np.bincount(mnist.train.y) / 50_000
    np.testing.assert_allclose(np.bincount(small.y) / 1000, whole, atol=1e-3 * 5)
    assert mnist.with_train_size(None) is mnist


def test_each_seed_has_a_stratified_validation_split_of_its_own():
    mnist = load_dataset("mnist")
    splits = [mnist, mnist.resplit(0), mnist.resplit(1)]
    validation = [set(map(bytes, split.validation.x)) for split in splits]
    assert len({frozenset(images) for images in validation}) == 3
    everything = sorted(map(bytes, [*mnist.train.x, *mnist.validation.x]))
    for split in splits:
        assert sorted(map(bytes, [*split.train.x, *split.validation.x])) == everything
        np.testing.assert_array_equal(split.train.y, mnist.train.y)
        np.testing.assert_array_equal(split.validation.y, mnist.validation.y)
        assert (split.test, split.fingerprint) == (mnist.test, mnist.fingerprint)
        assert not split.train.x.flags.writeable
    again = mnist.resplit(1)
    np.testing.assert_array_equal(again.train.x, splits[2].train.x)


@given(labels.filter(lambda y: len(np.unique(y)) > 1), st.integers(0, 9))
def test_labels_stay_with_their_images_in_the_split_of_a_seed(y, seed):
    """Each image is its label and a number of its own."""
    y = np.unique(y, return_inverse=True)[1].astype("int32")
    x = np.stack([y, np.arange(len(y))], 1).astype("uint8")[:, None]
    test = Split(x[:1], y[:1])
    images = make_examples(Split(x, y), test, source="made up", ordered=True)
    try:
        dataset = make_dataset("made up", images, validation_fraction=0.3)
    except ConfigError:
        return  # too few images
    split = dataset.resplit(seed)
    pairs = [(split.train, dataset.train), (split.validation, dataset.validation)]
    for drawn, fixed in pairs:
        np.testing.assert_array_equal(drawn.x[:, 0, 0], drawn.y)
        np.testing.assert_array_equal(drawn.y, fixed.y)
    numbers = np.concatenate([drawn.x[:, 0, 1] for drawn, _ in pairs])
    assert sorted(numbers) == list(range(len(y)))


@given(labels.filter(lambda y: len(np.unique(y)) > 1), st.integers(2, 6), st.booleans())
def test_every_example_validates_once_and_every_fold_is_stratified(y, folds, numbers):
    """Each row is its number and its target: classes, or numbers in tenths."""
    y = np.unique(y, return_inverse=True)[1].astype("float32" if numbers else "int32")
    x = np.stack([np.arange(len(y)), y], 1).astype("float32")
    rows = Split(x, y)
    examples = make_examples(rows, rows.take(np.array([0])), source="made up", ordered=True)
    dataset = make_dataset("made up", examples, validation_fraction=None)
    seeds = range(folds)
    try:
        splits = [dataset.on_fold(folds, seed) for seed in seeds]
    except ConfigError:
        assert folds > len(y) or (not numbers and np.bincount(y).min() == 1)
        return
    for seed, split in zip(seeds, splits, strict=True):
        sizes = len(split.train), len(split.validation)
        assert sizes == dataset.fold_sizes(folds, seed)
        for part in (split.train, split.validation):
            np.testing.assert_array_equal(part.x[:, 1], part.y)
        assert not set(split.train.x[:, 0]) & set(split.validation.x[:, 0])
    held_out = np.concatenate([split.validation.x[:, 0] for split in splits])
    assert sorted(held_out) == list(range(len(y)))
    if not numbers:
        for label in np.unique(y):
            counts = [(split.validation.y == label).sum() for split in splits]
            assert max(counts) - min(counts) <= 1


def test_there_cannot_be_more_folds_than_examples():
    with pytest.raises(ConfigError, match=r"`folds` is 11, but tiny has 10 images"):
        tiny().on_fold(11, 0)


def test_without_a_validation_split_there_is_none_to_draw():
    with pytest.raises(ConfigError, match=r"tiny has no validation split.*fraction"):
        tiny(validation_fraction=None).resplit(0)


def test_a_subset_cannot_be_larger_than_the_whole():
    with pytest.raises(ConfigError, match=r" 50001,.*mnist.* 50000 "):
        load_dataset("mnist").with_train_size(50_001)


def test_the_arrays_cannot_be_changed():
    mnist = load_dataset("mnist")
    for split in (mnist.train, mnist.validation, mnist.test):
        for array in (split.x, split.y):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def pixels(labels):
    return Split(
        np.random.default_rng(0).integers(0, 256, (len(labels), 2, 2), "uint8"),
        np.array(labels, "int32"),
    )


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        ([0, 0, 0], ("a",), "one class, .* two"),
        ([0, 0, 0], ("a", "b"), "training images of only one class, 0"),
        ([1, 1, 1], None, "training images of only one class, 1"),
        ([0, 0, 0], None, "has no training label above 0"),
        ([], ("a", "b"), "has no training images"),
        ([], None, "has no training images"),
        ([-1, 0, 1], None, "training labels from -1 to 1"),
        ([0, 1, 10**9], None, "a training label 1000000000, but only 3 training images"),
        ([0, 1, 10**9], ("a", "b"), "training labels from 0 to 1000000000"),
    ],
)
def test_images_that_are_not_a_classification_dataset_are_refused(labels, names, message):
    with pytest.raises(DataError, match=message):
        make_examples(pixels(labels), pixels([0]), class_names=names, source="made up")


def test_one_of_several_classes_may_have_no_images():
    """The labels of EMNIST's letters start at 1."""
    images = make_examples(pixels([1, 2, 1, 2]), pixels([1]), source="made up")
    assert images.class_names == ("0", "1", "2")


def test_a_validation_split_must_leave_training_images_of_every_class():
    images = make_examples(pixels(range(6)), pixels([0]), source="made up")
    with pytest.raises(ConfigError, match=r"no image of \d, \d, \d"):
        make_dataset("mine", images, validation_fraction=0.5)
    make_dataset("mine", images, validation_fraction=None)


def test_an_existing_dataset_of_one_class_is_refused():
    images = replace(
        make_examples(pixels([0, 1]), pixels([0]), source="made up"),
        train=pixels([0, 0, 0, 0]), class_names=("cat",),
    )  # fmt: skip
    for fraction in (0.4, None):
        with pytest.raises(ConfigError, match=r"mine .*\bcat\b"):
            make_dataset("mine", images, validation_fraction=fraction)


def changed(share, *, size=None, seed=0):
    """The training images of MNIST whose label is wrong, with that label, by number."""
    clean = load_dataset("mnist").with_train_size(size)
    noisy = clean.with_label_noise(share, seed)
    assert noisy.train.x is clean.train.x
    assert noisy.validation is clean.validation
    assert noisy.test is clean.test
    rows = np.flatnonzero(noisy.train.y != clean.train.y)
    return dict(zip(rows.tolist(), noisy.train.y[rows].tolist(), strict=True))


@pytest.mark.parametrize(("share", "count"), [(0, 0), (0.3, 15_000), (1, 50_000)])
def test_label_noise_changes_the_stated_share_of_the_training_labels(share, count):
    assert len(changed(share)) == count


def test_all_other_classes_are_equally_probable_wrong_labels():
    mnist = load_dataset("mnist")
    noisy = mnist.with_label_noise(1, seed=0)
    distances = (noisy.train.y - mnist.train.y) % 10
    counts = np.bincount(distances, minlength=10)[1:]
    assert abs(counts / 50_000 - 1 / 9).max() < 0.005


def test_less_noise_and_fewer_images_have_wrong_labels_of_more():
    most = changed(0.4)
    assert changed(0.1).items() < most.items()
    few = changed(0.4, size=1000)
    assert len(few) == 400
    shared = {row: label for row, label in most.items() if row in few}
    assert shared.items() <= few.items()
    assert len(shared) > 350
    assert changed(0.1, seed=1).keys() != changed(0.1).keys()


def test_noise_of_less_than_one_label_is_refused():
    with pytest.raises(ConfigError, match=r"`label_noise` is 0\.01.* 6 training images"):
        tiny().with_label_noise(0.01, seed=0)


def test_a_subset_must_have_at_least_two_classes():
    with pytest.raises(ConfigError, match=r"`train_size` is 1, .* class \w"):
        tiny().with_train_size(1)
    assert len(tiny().with_train_size(2).train) == 2
