"""Datasets as values: images and labels in three splits, with a fingerprint."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kmlp._util.seeds import Purpose, generator
from kmlp._util.text import name_problem
from kmlp.errors import ConfigError, DataError

VALIDATION_FRACTION = 1 / 6
"""The default fraction of the training images that is used for validation."""

TEST_FRACTION = 1 / 6
"""The fraction of the images that is held out if a dataset has no test images."""

_COPIES = 3
"""The maximum number of copies of a dataset in memory while the dataset is read."""
_LABEL = 8
"""The maximum size of a label, in bytes."""


@dataclass(frozen=True, slots=True)
class Split:
    """Images and their labels."""

    x: NDArray[np.uint8]
    """Pixels from 0 to 255, of shape `(size, *input_shape)`."""
    y: NDArray[np.int32]
    """Classes from 0, of shape `(size,)`."""

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.intp]) -> Split:
        """Return the images of these rows, in the order of the rows."""
        return Split(x=self.x[rows], y=self.y[rows])


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """The training and test images of a source."""

    train: Split
    """The training images, from which validation images are taken later."""
    test: Split
    """The test images."""
    class_names: tuple[str, ...]
    """The names of the classes."""
    source: str
    """A description of the source."""
    fingerprint: str
    """SHA-256 of all arrays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A dataset in memory. The splits are fixed, unless `resplit` draws others."""

    name: str
    """The name of the dataset."""
    train: Split
    """The images to train on."""
    validation: Split
    """The images by which hyperparameters and epochs are chosen."""
    test: Split
    """The images for reported results. They are not used for choices, unless they are
    the validation images, too."""
    class_names: tuple[str, ...]
    """The names of the classes."""
    fingerprint: str
    """SHA-256 of the training images, including the validation images, and of the test
    images. Equal fingerprints mean equal data."""

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one image."""
        return self.train.x.shape[1:]

    @property
    def validates_on_test(self) -> bool:
        """True if the validation images are the test images."""
        return self.validation is self.test

    @property
    def chance(self) -> float:
        """The validation accuracy of always predicting the most frequent class."""
        counts = np.bincount(self.validation.y, minlength=self.num_classes)
        return float(counts.max() / len(self.validation))

    def with_train_size(self, size: int | None) -> Dataset:
        """Return the dataset with a stratified subset of the training images.

        Larger subsets contain smaller ones. The fingerprint does not change, because it
        identifies the whole dataset.

        Args:
            size: Number of training images. None: all of them.

        Raises:
            ConfigError: if there are fewer images, or if the subset has only one class.
        """
        if size is None:
            return self
        if size > len(self.train):
            raise ConfigError(
                [
                    f"The value of `train_size` is {size}, but {self.name} has "
                    f"{len(self.train)} training images. Choose at most that many."
                ]
            )
        train = Split(x=self.train.x[:size], y=self.train.y[:size])
        if len(np.unique(train.y)) < 2:
            raise ConfigError(
                [
                    f"The value of `train_size` is {size}, but all of these images are of "
                    f"the class {self.class_names[train.y[0]]}. Choose a larger one, with "
                    "images of at least two classes."
                ]
            )
        return replace(self, train=train)

    def with_label_noise(self, share: float, seed: int) -> Dataset:
        """Return the dataset with wrong labels for a share of the training images.

        The share is rounded to a number of images, which are drawn uniformly. Each gets one
        of the other classes, all equally probable. Of one seed, the images with a smaller
        share are among those with a larger one, with the same wrong labels. The validation
        and test images keep their labels. The fingerprint does not change, because it
        identifies the dataset without noise.

        Args:
            share: The share of the training images, `0 <= share <= 1`.
            seed: The seed of the choice, `seed >= 0`.

        Raises:
            ConfigError: if the share is less than half an image, but not 0.

        Example:
        >>> from kmlp import load_dataset
        >>> mnist = load_dataset("mnist")
        >>> noisy = mnist.with_label_noise(0.3, seed=0)
        >>> float((noisy.train.y != mnist.train.y).mean())
        0.3
        """
        if share == 0:
            return self
        labels = self.train.y.copy()
        count = round(share * len(labels))
        if count == 0:
            raise ConfigError(
                [
                    f"The value of `label_noise` is {share}, which is less than one of the "
                    f"{len(labels)} training images. Choose a larger one, or 0."
                ]
            )
        drawn = generator(seed, Purpose.LABEL_NOISE, 0).random(len(labels))
        shift = generator(seed, Purpose.LABEL_NOISE, 1).integers(
            1, self.num_classes, len(labels)
        )
        rows = np.argsort(drawn, kind="stable")[:count]
        labels[rows] = (labels[rows] + shift[rows]) % self.num_classes
        labels.setflags(write=False)
        return replace(self, train=Split(x=self.train.x, y=labels))

    def resplit(self, seed: int) -> Dataset:
        """Return the dataset with another validation split of the training images.

        The images of each class are shuffled among the training and the validation images.
        The labels keep their order, so that every prefix of the training images stays
        stratified. The fingerprint does not change, because it identifies the whole
        dataset.

        Args:
            seed: The seed of the split, `seed >= 0`. Each seed has a split of its own,
                which also differs from the fixed one.

        Raises:
            ConfigError: if the validation images are the test images.

        Example:
        >>> from kmlp import load_dataset
        >>> mnist = load_dataset("mnist")
        >>> other = mnist.resplit(0)
        >>> len(other.train), len(other.validation)
        (50000, 10000)
        >>> bool((other.validation.x == mnist.validation.x).all())
        False
        """
        if self.validates_on_test:
            raise ConfigError(
                [
                    f"{self.name} has no validation split to draw, because the test images "
                    "are the validation images. Load it with a `validation_fraction`."
                ]
            )
        labels = np.concatenate([self.train.y, self.validation.y])
        shuffled = generator(seed, Purpose.RESPLIT).permutation(len(labels))
        rows = np.empty_like(shuffled)
        by_class = np.argsort(labels, kind="stable")
        rows[by_class] = shuffled[np.argsort(labels[shuffled], kind="stable")]
        images = np.concatenate([self.train.x, self.validation.x])
        size = len(self.train)
        train = Split(x=images[rows[:size]], y=self.train.y)
        validation = Split(x=images[rows[size:]], y=self.validation.y)
        for split in (train, validation):
            split.x.setflags(write=False)
        return replace(self, train=train, validation=validation)


def make_images(
    train: Split,
    test: Split,
    *,
    class_names: Sequence[str] | None = None,
    source: str,
    ordered: bool = False,
) -> Images:
    """Check the images of a source, and compute their fingerprint.

    Args:
        train: Training images. A last axis of one channel is removed.
        test: Test images. A last axis of one channel is removed.
        class_names: A name for every class. Defaults to None: the numbers from 0 to the
            largest training label.
        source: Description of the source.
        ordered: True if the images keep their order. Defaults to False: the images are
            put into their canonical order.

    Raises:
        DataError: if the images and labels are not a dataset for classification.
    """
    splits = {"training": _squeezed(train), "test": _squeezed(test)}
    classes = len(class_names) if class_names is not None else None
    if classes is not None and classes < 2:
        raise DataError(f"{source}: has one class, but a classifier needs at least two.")
    for name in class_names or ():
        if (problem := name_problem(name)) is not None:
            raise DataError(f"{source}: has a class {name!a}, whose name {problem}.")
    for part, split in splits.items():
        if len(split.x) != len(split.y):
            raise DataError(
                f"{source}: has {len(split.x)} {part} images, but {len(split.y)} labels."
            )
        if len(split) == 0:
            raise DataError(f"{source}: has no {part} images.")
        if 0 in split.x.shape:
            raise DataError(f"{source}: has {part} images of {split.x.shape[1:]} pixels.")
        if classes is None:
            classes = _count_classes(split.y, source)
        if split.y.min() < 0 or split.y.max() >= classes:
            raise DataError(
                f"{source}: has {part} labels from {split.y.min()} to {split.y.max()}, "
                f"but labels must be from 0 to {classes - 1}."
            )
    train, test = splits.values()
    if len(np.unique(train.y)) < 2:
        raise DataError(
            f"{source}: has training images of only one class, {train.y[0]}, but a "
            "classifier needs at least two."
        )
    if train.x.shape[1:] != test.x.shape[1:]:
        raise DataError(
            f"{source}: training images have shape {train.x.shape[1:]}, but test images "
            f"{test.x.shape[1:]}. The shapes must be equal."
        )
    if not ordered:
        train, test = canonical_order(train), canonical_order(test)
    return Images(
        train=train,
        test=test,
        class_names=tuple(class_names or map(str, range(classes or 0))),
        source=source,
        fingerprint=fingerprint(train, test),
    )


def images_of(
    train: Split, test: Split | None, *, class_names: Sequence[str], source: str
) -> Images:
    """Check images as `make_images` does; without test images, hold out a sixth of them.

    Args:
        train: See `make_images`.
        test: See `make_images`. None: a stratified sixth of the training images becomes
            the test images.
        class_names: See `make_images`.
        source: See `make_images`.

    Raises:
        DataError: if the images and labels are not a dataset for classification, or if
            there are too few of them to hold some out.
    """
    if test is None:
        size = round(len(train) * TEST_FRACTION)
        if size == 0:
            raise DataError(
                f"{source}: has only {len(train)} images and no test images. These are too "
                "few to hold some out for testing."
            )
        everything = canonical_order(train)
        train, test = hold_out(everything, size)
        for label in np.setdiff1d(everything.y, train.y):
            raise DataError(
                f"{source}: has too few images of {class_names[label]}. A sixth of all "
                "images is held out for testing, and none of this class is left for "
                "training."
            )
        source += "; a sixth of the images, stratified, was held out for testing"
    return make_images(train, test, class_names=class_names, source=source)


def check_memory(subject: str, count: int, shape: Sequence[int]) -> None:
    """Check that images fit into the free memory while they are read.

    Args:
        subject: The start of the message, which names the images.
        count: Number of images.
        shape: Shape of one image.

    Raises:
        DataError: if the images are too large.
    """
    import psutil

    needed = _COPIES * count * (math.prod(shape) + _LABEL)
    available = psutil.virtual_memory().available
    if needed > available:
        raise DataError(
            f"{subject} is too large for memory: to read {count:,} images of shape "
            f"{tuple(shape)} takes {needed / 2**30:.1f} GiB, but only "
            f"{available / 2**30:.1f} GiB are free."
        )


def _squeezed(split: Split) -> Split:
    if split.x.ndim == 4 and split.x.shape[-1] == 1:
        return Split(x=split.x[..., 0], y=split.y)
    return split


def _count_classes(labels: NDArray[np.int32], source: str) -> int:
    """Return the number of classes: the largest training label + 1."""
    classes = int(labels.max()) + 1
    if classes < 2:
        raise DataError(
            f"{source}: has no training label above {labels.max()}, but there must be at "
            "least two classes, labelled 0 and 1."
        )
    # Such a label is a mistake, and would make the model's output as large.
    if classes > len(labels):
        raise DataError(
            f"{source}: has a training label {labels.max()}, but only {len(labels)} "
            "training images. Labels must count the classes from 0."
        )
    return classes


def make_dataset(
    name: str, images: Images, *, validation_fraction: float | None
) -> Dataset:
    """Return a dataset whose validation images are taken from the training images.

    The training images are put into an order whose every prefix is stratified.

    Args:
        name: Name of the dataset.
        images: Training and test images.
        validation_fraction: Fraction of the training images that is used for
            validation, stratified. None: all of them are used for training, and the
            test images for validation.

    Raises:
        ConfigError: if a split would be empty, or if the images left for training lack
            a class or have only one class.
    """
    size = round(len(images.train) * (validation_fraction or 0))
    if validation_fraction is not None and not 0 < size < len(images.train):
        raise ConfigError(
            [
                f"The value of `validation_fraction` is {validation_fraction}, which is "
                f"{size} of the {len(images.train)} training images of {name}. Choose one "
                "that leaves images both for training and for validation."
            ]
        )
    train, held_out = hold_out(images.train, size)
    lost = np.setdiff1d(images.train.y, train.y)
    if lost.size:
        raise ConfigError(
            [
                f"The value of `validation_fraction` is {validation_fraction}, which "
                f"leaves no image of {_list_classes(images, lost)} for training. Choose a "
                f"smaller one, or add images to {name}."
            ]
        )
    if len(np.unique(train.y)) < 2:
        raise ConfigError(
            [
                f"{name} has training images of only one class, "
                f"{_list_classes(images, train.y)}, but a classifier needs at least two. "
                "Import the dataset again, with more classes."
            ]
        )
    if validation_fraction is None:
        held_out = images.test
    for split in (train, held_out, images.test):
        # All runs of the process share these arrays, under one fingerprint.
        split.x.setflags(write=False)
        split.y.setflags(write=False)
    return Dataset(
        name=name,
        train=train,
        validation=held_out,
        test=images.test,
        class_names=images.class_names,
        fingerprint=images.fingerprint,
    )


def _list_classes(images: Images, labels: NDArray[np.int32]) -> str:
    names = [images.class_names[label] for label in np.unique(labels)]
    return ", ".join(names[:5]) + (", ..." if names[5:] else "")


def hold_out(split: Split, size: int) -> tuple[Split, Split]:
    """Hold out a stratified part of a split; return the rest, and that part.

    Every prefix of the rest is stratified.

    Args:
        split: The images.
        size: Number of images to hold out.
    """
    order = stratified_order(split.y)
    return split.take(order[size:]), split.take(np.sort(order[:size]))


def stratified_order(labels: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return an order of the examples in which every prefix is stratified.

    The examples of each class are shuffled. Of n examples, the k-th one is placed at
    (k + 0.5) / n. The order depends only on the labels.

    Example:
    >>> labels = np.array([0, 0, 0, 0, 1, 1], "int32")
    >>> labels[stratified_order(labels)].tolist()
    [0, 1, 0, 0, 1, 0]
    """
    shuffled = generator(0, Purpose.SPLIT).permutation(len(labels))
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(position, kind="stable")


def canonical_order(split: Split) -> Split:
    """Return the split in an order that depends only on its content.

    A dataset therefore has the same results whether it is read from files or from
    TFDS, which shuffles.
    """
    digests = bytearray()
    for image, label in zip(split.x, split.y, strict=True):
        digest = hashlib.blake2b(image.tobytes(), digest_size=16)
        digest.update(np.int32(label).astype("<i4").tobytes())
        digests += digest.digest()
    high, low = np.frombuffer(digests, ">u8").reshape(-1, 2).T
    return split.take(np.lexsort((low, high)))


def fingerprint(train: Split, test: Split) -> str:
    """Return the SHA-256 of all arrays, with their types and shapes."""
    digest = hashlib.sha256()
    for name, split in (("train", train), ("test", test)):
        for array in (split.x, split.y):
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
