"""Examples as arrays, and their division into splits, which is stratified."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp._util.seeds import Purpose, generator

STRATA = 10
"""The number of groups of examples with near targets, in the place of classes."""


@dataclass(frozen=True, slots=True)
class Split:
    """Examples, and their classes or targets."""

    x: NDArray[Any]
    """Images: pixels from 0 to 255 as uint8, of shape `(size, *input_shape)`. Rows of a
    table: float32, of shape `(size, columns)`, where nan is a missing value."""
    y: NDArray[Any]
    """Of shape `(size,)`: classes from 0 as int32, or the numbers of a regression as
    float32."""

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.intp]) -> Split:
        """Return the examples of these rows, in the order of the rows."""
        return Split(x=self.x[rows], y=self.y[rows])

    @property
    def noun(self) -> str:
        """The word for the examples: "images", or "rows" of a table."""
        return "rows" if self.x.ndim == 2 else "images"

    @property
    def strata(self) -> NDArray[Any]:
        """The stratum of each example, of shape `(size,)`.

        It is the class, or the tenth in which the number is if the numbers are sorted.
        """
        if self.y.dtype.kind == "i":
            return self.y
        ranks = np.empty(len(self), "int64")
        ranks[np.argsort(self.y, kind="stable")] = np.arange(len(self))
        return ranks * STRATA // max(len(self), 1)


def hold_out(split: Split, size: int) -> tuple[Split, Split]:
    """Hold out a stratified part of a split; return the rest, and that part.

    Every prefix of the rest is stratified.

    Args:
        split: The examples.
        size: Number of examples to hold out.
    """
    order = stratified_order(split.strata)
    return split.take(order[size:]), split.take(np.sort(order[:size]))


def joined(*splits: Split) -> Split:
    """Return the examples of several splits, one split after the other."""
    return Split(
        x=np.concatenate([split.x for split in splits]),
        y=np.concatenate([split.y for split in splits]),
    )


def exchanged(train: Split, validation: Split, seed: int) -> tuple[Split, Split]:
    """Shuffle the examples of each stratum among two splits, which keep their sizes.

    The strata keep their order, so that a stratified prefix stays stratified.

    Args:
        train: The examples for training.
        validation: Those for validation.
        seed: The seed of the shuffle, `seed >= 0`.
    """
    both = joined(train, validation)
    strata = both.strata
    shuffled = generator(seed, Purpose.RESPLIT).permutation(len(both))
    rows = np.empty_like(shuffled)
    by_stratum = np.argsort(strata, kind="stable")
    rows[by_stratum] = shuffled[np.argsort(strata[shuffled], kind="stable")]
    return both.take(rows[: len(train)]), both.take(rows[len(train) :])


def without_fold(split: Split, folds: int, seed: int) -> tuple[Split, Split]:
    """Divide examples into stratified folds; return all but one fold, and that fold.

    Args:
        split: The examples.
        folds: The number of folds, from 2 to the number of examples.
        seed: `seed // folds` is the seed of the division, and `seed % folds` the index of
            the fold.
    """
    shuffled = generator(seed // folds, Purpose.FOLDS).permutation(len(split))
    by_stratum = shuffled[np.argsort(split.strata[shuffled], kind="stable")]
    fold = np.empty(len(split), "int64")
    fold[by_stratum] = np.arange(len(split)) % folds
    held_out = fold == seed % folds
    return split.take(np.flatnonzero(~held_out)), split.take(np.flatnonzero(held_out))


def protect(*splits: Split) -> None:
    """Make arrays read-only: all runs of the process share them, under one fingerprint."""
    for split in splits:
        split.x.setflags(write=False)
        split.y.setflags(write=False)


def stratified_order(strata: NDArray[Any]) -> NDArray[np.intp]:
    """Return an order of the examples in which every prefix is stratified.

    The examples of each stratum are shuffled. Of n examples, the k-th one is placed at
    (k + 0.5) / n. The order depends only on the strata.

    Args:
        strata: The stratum of each example, such as its class: integers from 0.

    Example:
    >>> labels = np.array([0, 0, 0, 0, 1, 1], "int32")
    >>> labels[stratified_order(labels)].tolist()
    [0, 1, 0, 0, 1, 0]
    """
    shuffled = generator(0, Purpose.SPLIT).permutation(len(strata))
    position = np.empty(len(strata))
    for stratum in np.flatnonzero(np.bincount(strata)):
        members = shuffled[strata[shuffled] == stratum]
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(position, kind="stable")


def canonical_order(split: Split) -> Split:
    """Return the split in an order that depends only on its content.

    A dataset therefore has the same results whether it is read from files or from
    TFDS, which shuffles.
    """
    digests = bytearray()
    targets = split.y.astype(f"<{split.y.dtype.kind}4").view("uint8").reshape(-1, 4)
    for example, target in zip(split.x, targets, strict=True):
        digest = hashlib.blake2b(example.tobytes(), digest_size=16)
        digest.update(target.data)
        digests += digest.digest()
    high, low = np.frombuffer(digests, ">u8").reshape(-1, 2).T
    return split.take(np.lexsort((low, high)))


def fingerprint(train: Split, test: Split, description: bytes = b"") -> str:
    """Return the SHA-256 of all arrays, with their types and shapes.

    Args:
        train: The training examples.
        test: The test examples.
        description: What else belongs to the data: the schema of a table. Defaults to
            nothing.
    """
    digest = hashlib.sha256()
    for name, split in (("train", train), ("test", test)):
        for array in (split.x, split.y):
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    digest.update(description)
    return digest.hexdigest()
