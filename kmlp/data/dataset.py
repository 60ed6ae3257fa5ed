"""What a dataset is: images and labels in three splits, with a fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kmlp.errors import ConfigError
from kmlp.seeds import Purpose, generator


@dataclass(frozen=True, slots=True)
class Split:
    """Images with their labels."""

    x: NDArray[np.uint8]
    """Pixels from 0 to 255, of shape `(size, *input_shape)`."""
    y: NDArray[np.int32]
    """Classes from 0, of shape `(size,)`."""

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A dataset in memory. Its splits are fixed: no run's seed changes them."""

    name: str
    train: Split
    validation: Split
    """Chooses: among hyperparameters, among epochs."""
    test: Split
    """Is evaluated and shown, and never chooses anything."""
    num_classes: int
    fingerprint: str
    """SHA-256 of all arrays: equal fingerprints mean equal data and splits."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self.train.x.shape[1:]

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
            ConfigError: if there are fewer images.
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
        return replace(self, train=Split(x=self.train.x[:size], y=self.train.y[:size]))


def make_dataset(name: str, train: Split, test: Split, *, validation_size: int) -> Dataset:
    """Takes a stratified validation split off the training images.

    The training images end up in an order whose every prefix is stratified.
    """
    order = stratified_order(train.y)
    held_out, kept = np.sort(order[:validation_size]), order[validation_size:]
    parts = {
        "train": Split(x=train.x[kept], y=train.y[kept]),
        "validation": Split(x=train.x[held_out], y=train.y[held_out]),
        "test": test,
    }
    for split in parts.values():
        # Shared by all runs of the process, under one fingerprint.
        split.x.setflags(write=False)
        split.y.setflags(write=False)
    return Dataset(
        name=name,
        num_classes=int(max(train.y.max(), test.y.max())) + 1,
        fingerprint=_fingerprint(parts),
        **parts,
    )


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


def _fingerprint(parts: dict[str, Split]) -> str:
    digest = hashlib.sha256()
    for name, split in parts.items():
        for array in (split.x, split.y):
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
