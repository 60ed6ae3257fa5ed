"""The examples of a source as a value, checked, in their canonical order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kmlp._util.text import name_problem
from kmlp.data._schema import Schema, Task
from kmlp.data._split import Split, canonical_order, fingerprint, stratified_order
from kmlp.errors import DataError

TEST_FRACTION = 1 / 6
"""The fraction of the examples that is held out if a dataset has no test examples."""

COPIES = 3
"""The maximum number of copies of a dataset in memory while the dataset is read."""
_LABEL = 8
"""The maximum size of a label, in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """The training and test examples of a source: images, or rows of a table."""

    train: Split
    """The training examples, from which validation examples are taken later."""
    test: Split
    """The test examples."""
    class_names: tuple[str, ...]
    """The names of the classes; empty for a regression."""
    source: str
    """A description of the source."""
    fingerprint: str
    """SHA-256 of all arrays, and of the schema."""
    schema: Schema | None = None
    """The schema of a table. Defaults to None: images."""

    @property
    def task(self) -> Task:
        """What is predicted: "classification" or "regression"."""
        return "classification" if self.class_names else "regression"


def make_examples(
    train: Split,
    test: Split,
    *,
    class_names: Sequence[str] | None = None,
    source: str,
    ordered: bool = False,
    schema: Schema | None = None,
) -> Examples:
    """Check the examples of a source, and compute their fingerprint.

    Args:
        train: Training examples. A last axis of one channel is removed from images.
        test: Test examples. A last axis of one channel is removed from images.
        class_names: A name for every class. Defaults to None: the numbers from 0 to the
            largest training label. Of no importance for a regression.
        source: Description of the source.
        ordered: True if the examples keep their order. Defaults to False: they are put into
            their canonical order.
        schema: The schema of a table. Defaults to None: images.

    Raises:
        DataError: if the examples are not a dataset for classification or regression.
    """
    splits = {"training": _squeezed(train), "test": _squeezed(test)}
    _check_sizes(splits, source)
    if train.y.dtype.kind == "f":
        _check_targets(splits, source)
        class_names = ()
    else:
        class_names = _checked_classes(splits, class_names, source)
    train, test = splits.values()
    if not ordered:
        train, test = canonical_order(train), canonical_order(test)
    return Examples(
        train=train,
        test=test,
        class_names=tuple(class_names),
        source=source,
        fingerprint=fingerprint(train, test, schema.to_bytes() if schema else b""),
        schema=schema,
    )


def _check_sizes(splits: dict[str, Split], source: str) -> None:
    """Check the sizes of the arrays.

    Raises:
        DataError: if a split is empty, or if sizes do not fit each other.
    """
    for part, split in splits.items():
        if len(split.x) != len(split.y):
            raise DataError(
                f"{source}: has {len(split.x)} {part} {split.noun}, but {len(split.y)} "
                "labels."
            )
        if len(split) == 0:
            raise DataError(f"{source}: has no {part} {split.noun}.")
        if 0 in split.x.shape:
            raise DataError(
                f"{source}: has {part} {split.noun} of {split.x.shape[1:]} "
                f"{'columns' if split.noun == 'rows' else 'pixels'}."
            )
    train, test = splits.values()
    if train.x.shape[1:] != test.x.shape[1:]:
        raise DataError(
            f"{source}: training {train.noun} have shape {train.x.shape[1:]}, but test "
            f"{test.noun} {test.x.shape[1:]}. The shapes must be equal."
        )


def _check_targets(splits: dict[str, Split], source: str) -> None:
    """Check the targets of a regression.

    Raises:
        DataError: if a target is not finite, or if all of the training rows are equal.
    """
    for part, split in splits.items():
        if not np.isfinite(split.y).all():
            raise DataError(f"{source}: has {part} targets that are not finite numbers.")
    targets = splits["training"].y
    if targets.min() == targets.max():
        raise DataError(
            f"{source}: all training targets are {targets[0]:g}, so that there is nothing "
            "to learn."
        )


def _checked_classes(
    splits: dict[str, Split], class_names: Sequence[str] | None, source: str
) -> Sequence[str]:
    """Check the labels of a classification. Return the names of the classes.

    Raises:
        DataError: if labels or names are not those of at least two classes.
    """
    classes = len(class_names) if class_names is not None else None
    if classes is not None and classes < 2:
        raise DataError(f"{source}: has one class, but a classifier needs at least two.")
    for name in class_names or ():
        if (problem := name_problem(name)) is not None:
            raise DataError(f"{source}: has a class {name!a}, whose name {problem}.")
    for part, split in splits.items():
        if classes is None:
            classes = _count_classes(split, source)
        if split.y.min() < 0 or split.y.max() >= classes:
            raise DataError(
                f"{source}: has {part} labels from {split.y.min()} to {split.y.max()}, "
                f"but labels must be from 0 to {classes - 1}."
            )
    train = splits["training"]
    if train.y.min() == train.y.max():
        raise DataError(
            f"{source}: has training {train.noun} of only one class, {train.y[0]}, but a "
            "classifier needs at least two."
        )
    return class_names or tuple(map(str, range(classes or 0)))


def examples_of(
    train: Split,
    test: Split | None,
    *,
    class_names: Sequence[str],
    source: str,
    schema: Schema | None = None,
) -> Examples:
    """Check examples as `make_examples` does; without test examples, hold out a sixth.

    Args:
        train: See `make_examples`.
        test: See `make_examples`. None: a stratified sixth of the training examples become
            the test examples.
        class_names: See `make_examples`.
        source: See `make_examples`.
        schema: See `make_examples`. Defaults to None: images.

    Raises:
        DataError: if the examples are not a dataset for classification or regression, or
            if there are too few of them to hold some out.
    """
    ordered = test is None
    if test is None:
        size = round(len(train) * TEST_FRACTION)
        if size == 0:
            raise DataError(
                f"{source}: has only {len(train)} {train.noun} and no test {train.noun}. "
                "These are too few to hold some out for testing."
            )
        everything = canonical_order(train)
        order = stratified_order(everything.strata)
        # Sorted, the examples of each part keep their canonical order.
        test = everything.take(np.sort(order[:size]))
        train = everything.take(np.sort(order[size:]))
        for label in np.setdiff1d(everything.y, train.y) if class_names else ():
            raise DataError(
                f"{source}: has too few {train.noun} of {class_names[label]}. A sixth of "
                f"all {train.noun} is held out for testing, and none of this class is left "
                "for training."
            )
        source += f"; a sixth of the {train.noun}, stratified, was held out for testing"
    return make_examples(
        train, test,
        class_names=class_names, source=source, ordered=ordered, schema=schema,
    )  # fmt: skip


def check_memory(subject: str, count: int, shape: Sequence[int]) -> None:
    """Check that images fit into the free memory while they are read.

    Args:
        subject: The start of the message, which names the images.
        count: Number of images.
        shape: Shape of one image.

    Raises:
        DataError: if the images are too large.
    """
    needed = COPIES * count * (math.prod(shape) + _LABEL)
    check_memory_of(subject, needed, f"{count:,} images of shape {tuple(shape)}")


def check_memory_of(subject: str, needed: int, content: str) -> None:
    """Check that some content fits into the free memory.

    Args:
        subject: The start of the message, which names the file.
        needed: The memory for the content, in bytes.
        content: The content.

    Raises:
        DataError: if the content does not fit.
    """
    import psutil

    available = psutil.virtual_memory().available
    if needed > available:
        raise DataError(
            f"{subject} is too large for memory: to read {content} takes "
            f"{needed / 2**30:.1f} GiB, but only {available / 2**30:.1f} GiB are free."
        )


def _squeezed(split: Split) -> Split:
    if split.x.ndim == 4 and split.x.shape[-1] == 1:
        return Split(x=split.x[..., 0], y=split.y)
    return split


def _count_classes(train: Split, source: str) -> int:
    """Return the number of classes: the largest training label + 1."""
    labels = train.y
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
            f"training {train.noun}. Labels must count the classes from 0."
        )
    return classes
