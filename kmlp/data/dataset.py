"""What a dataset is: images and labels in three splits, with a fingerprint."""

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
"""Of the training images, unless something else is asked for."""

TEST_FRACTION = 1 / 6
"""Of a dataset without test images, held out as such."""

_COPIES = 3
"""How often a dataset is in memory while it is read, at the most."""
_LABEL = 8
"""Bytes of a label, at the most."""


@dataclass(frozen=True, slots=True)
class Split:
    """Images with their labels."""

    x: NDArray[np.uint8]
    """Pixels from 0 to 255, of shape `(size, *input_shape)`."""
    y: NDArray[np.int32]
    """Classes from 0, of shape `(size,)`."""

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.intp]) -> Split:
        """The images of these rows, in their order."""
        return Split(x=self.x[rows], y=self.y[rows])


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """What a dataset's source has: training and test images."""

    train: Split
    test: Split
    class_names: tuple[str, ...]
    source: str
    """Where they come from, in words."""
    fingerprint: str
    """SHA-256 of all arrays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A dataset in memory. Its splits are fixed: no run's seed changes them."""

    name: str
    train: Split
    validation: Split
    """Chooses: among hyperparameters, among epochs."""
    test: Split
    """Is evaluated and shown, and never chooses anything, unless it validates."""
    class_names: tuple[str, ...]
    fingerprint: str
    """SHA-256 of the training images, the validation images among them, and the test
    images: equal fingerprints mean equal data."""

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self.train.x.shape[1:]

    @property
    def validates_on_test(self) -> bool:
        """Whether the validation images are the test images."""
        return self.validation is self.test

    @property
    def chance(self) -> float:
        """Validation accuracy of naming the most frequent class always."""
        counts = np.bincount(self.validation.y, minlength=self.num_classes)
        return float(counts.max() / len(self.validation))

    def with_train_size(self, size: int | None) -> Dataset:
        """The dataset with a stratified subset of the training images.

        Smaller subsets are contained in larger ones. The fingerprint stays:
        it names the whole dataset.

        Raises:
            ConfigError: if there are fewer images, or if it has those of one class alone.
        """
        if size is None:
            return self
        if size > len(self.train):
            raise ConfigError(
                [
                    f"The value of `train_size` is {size}, but {self.name} has "
                    f"{len(self.train)} training images. Give at most that."
                ]
            )
        train = Split(x=self.train.x[:size], y=self.train.y[:size])
        if len(np.unique(train.y)) < 2:
            raise ConfigError(
                [
                    f"The value of `train_size` is {size}, of which all are images of the "
                    f"class {self.class_names[train.y[0]]}. Give one that leaves images "
                    "of two classes at least."
                ]
            )
        return replace(self, train=train)


def make_images(
    train: Split,
    test: Split,
    *,
    class_names: Sequence[str] | None = None,
    source: str,
    ordered: bool = False,
) -> Images:
    """Checks what a source has, and states its fingerprint.

    Args:
        train: Training images; a last axis of one channel is left out.
        test: Test images, likewise.
        class_names: A name for every class. Defaults to None: the classes are those
            of the training labels, and their numbers name them.
        source: Where they come from, in words.
        ordered: Whether they keep their order. Defaults to False: they get the
            canonical one.

    Raises:
        DataError: if they make no dataset.
    """
    splits = {"training": _squeezed(train), "test": _squeezed(test)}
    classes = len(class_names) if class_names is not None else None
    if classes is not None and classes < 2:
        raise DataError(
            f"{source}: has one class, but there must be two at least: a model tells one "
            "from another."
        )
    for name in class_names or ():
        if (problem := name_problem(name)) is not None:
            raise DataError(f"{source}: has a class {name!a}, whose name {problem}.")
    for what, split in splits.items():
        if len(split.x) != len(split.y):
            raise DataError(
                f"{source}: has {len(split.x)} {what} images, but {len(split.y)} labels."
            )
        if len(split) == 0:
            raise DataError(f"{source}: has no {what} images.")
        if 0 in split.x.shape:
            raise DataError(f"{source}: has {what} images of {split.x.shape[1:]} pixels.")
        if classes is None:
            classes = _count_classes(split.y, source)
        if split.y.min() < 0 or split.y.max() >= classes:
            raise DataError(
                f"{source}: has {what} labels from {split.y.min()} to {split.y.max()}, "
                f"but they must be from 0 to {classes - 1}."
            )
    train, test = splits.values()
    if len(np.unique(train.y)) < 2:
        raise DataError(
            f"{source}: has training images of the class {train.y[0]} alone, but there "
            "must be images of two classes at least."
        )
    if train.x.shape[1:] != test.x.shape[1:]:
        raise DataError(
            f"{source}: training images have shape {train.x.shape[1:]}, but test images "
            f"{test.x.shape[1:]}. All must have one."
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
    """Like `make_images`; without test images, a sixth of the others becomes these.

    Raises:
        DataError: if they make no dataset.
    """
    if test is None:
        size = round(len(train) * TEST_FRACTION)
        if size == 0:
            raise DataError(
                f"{source}: has {len(train)} images, and no test images. Of so few, none "
                "can be held out for testing."
            )
        everything = canonical_order(train)
        train, test = hold_out(everything, size)
        for label in np.setdiff1d(everything.y, train.y):
            raise DataError(
                f"{source}: has too few images of {class_names[label]}: a sixth of all is "
                "held out for testing, and none of this class is left to train on."
            )
        source += "; a sixth of the images, stratified, was held out for testing"
    return make_images(train, test, class_names=class_names, source=source)


def check_memory(what: str, count: int, shape: Sequence[int]) -> None:
    """Raises `DataError` if so many images are too large to be read into memory."""
    import psutil

    needed = _COPIES * count * (math.prod(shape) + _LABEL)
    available = psutil.virtual_memory().available
    if needed > available:
        raise DataError(
            f"{what} is too large for memory: {count:,} images of shape {tuple(shape)} "
            f"take {needed / 2**30:.1f} GiB to read, but {available / 2**30:.1f} GiB are "
            "free."
        )


def _squeezed(split: Split) -> Split:
    if split.x.ndim == 4 and split.x.shape[-1] == 1:
        return Split(x=split.x[..., 0], y=split.y)
    return split


def _count_classes(labels: NDArray[np.int32], source: str) -> int:
    """How many classes there are, by the labels of the training images."""
    classes = int(labels.max()) + 1
    if classes < 2:
        raise DataError(
            f"{source}: has no training label above {labels.max()}, but there must be two "
            "classes at least, labelled 0 and 1."
        )
    # Such a label is no class, and the model would be that large.
    if classes > len(labels):
        raise DataError(
            f"{source}: has a training label {labels.max()}, but only {len(labels)} "
            "training images: classes are counted from 0."
        )
    return classes


def make_dataset(
    name: str, images: Images, *, validation_fraction: float | None
) -> Dataset:
    """Takes a stratified validation split off the training images.

    The training images end up in an order whose every prefix is stratified. Where the
    fraction is None, all of them are trained on, and the test images validate.

    Raises:
        ConfigError: if one of the two has no image, if there is nothing left to train on
            of a class, or if there is one class alone.
    """
    size = round(len(images.train) * (validation_fraction or 0))
    if validation_fraction is not None and not 0 < size < len(images.train):
        raise ConfigError(
            [
                f"The value of `validation_fraction` is {validation_fraction}, which is "
                f"{size} of the {len(images.train)} training images of {name}. Give one "
                "that leaves images to train on and to validate on."
            ]
        )
    kept, held_out = hold_out(images.train, size)
    lost = np.setdiff1d(images.train.y, kept.y)
    if lost.size:
        raise ConfigError(
            [
                f"The value of `validation_fraction` is {validation_fraction}, which "
                f"leaves no image of {_listed(images, lost)} to train on. Give a smaller "
                f"one, or add images to {name}."
            ]
        )
    if len(np.unique(kept.y)) < 2:
        raise ConfigError(
            [
                f"{name} has training images of {_listed(images, kept.y)} alone, but a "
                "model tells two classes at least apart. Import it again, with more."
            ]
        )
    if validation_fraction is None:
        held_out = images.test
    for split in (kept, held_out, images.test):
        # Shared by all runs of the process, under one fingerprint.
        split.x.setflags(write=False)
        split.y.setflags(write=False)
    return Dataset(
        name=name,
        train=kept,
        validation=held_out,
        test=images.test,
        class_names=images.class_names,
        fingerprint=images.fingerprint,
    )


def _listed(images: Images, labels: NDArray[np.int32]) -> str:
    names = [images.class_names[label] for label in np.unique(labels)]
    return ", ".join(names[:5]) + (", ..." if names[5:] else "")


def hold_out(split: Split, size: int) -> tuple[Split, Split]:
    """Takes a stratified share off a split; returns what is left, and the share.

    What is left is in an order whose every prefix is stratified.
    """
    order = stratified_order(split.y)
    return split.take(order[size:]), split.take(np.sort(order[:size]))


def stratified_order(labels: NDArray[np.int32]) -> NDArray[np.intp]:
    """An order of the examples in which every prefix has the classes' shares.

    Each class' examples are shuffled, and the k-th of n is put at (k + 0.5) / n.
    Depends on the labels alone.

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
    """The split in an order that depends on its content alone.

    So a dataset is the same, and trains to the same numbers, whether it was read
    from files or from TFDS, which shuffles.
    """
    digests = bytearray()
    for image, label in zip(split.x, split.y, strict=True):
        digest = hashlib.blake2b(image.tobytes(), digest_size=16)
        digest.update(np.int32(label).astype("<i4").tobytes())
        digests += digest.digest()
    high, low = np.frombuffer(digests, ">u8").reshape(-1, 2).T
    return split.take(np.lexsort((low, high)))


def fingerprint(train: Split, test: Split) -> str:
    """SHA-256 of all arrays, with their types and shapes."""
    digest = hashlib.sha256()
    for name, split in (("train", train), ("test", test)):
        for array in (split.x, split.y):
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
