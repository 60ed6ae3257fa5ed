"""Datasets as values: examples in three splits, with a fingerprint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kmlp._util.seeds import Purpose, generator
from kmlp.data._examples import Examples
from kmlp.data._missing import fill_values, filled
from kmlp.data._schema import Schema, Task
from kmlp.data._split import Split, exchanged, joined, protect, without_fold
from kmlp.data._validation import training_and_validation
from kmlp.errors import ConfigError, DataError

if TYPE_CHECKING:
    from kmlp.data._table_examples import MissingRule
    from kmlp.data.sources.tables import Table

VALIDATION_FRACTION = 1 / 6
"""The default fraction of the training examples that is used for validation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A dataset in memory. The splits are fixed, unless `resplit` draws others."""

    name: str
    """The name of the dataset."""
    train: Split
    """The examples to train on."""
    validation: Split
    """The examples by which hyperparameters and epochs are chosen."""
    test: Split
    """The examples for reported results. They are not used for choices, unless they are
    the validation examples, too."""
    class_names: tuple[str, ...]
    """The names of the classes; empty for a regression."""
    fingerprint: str
    """SHA-256 of the training examples, including the validation examples, of the test
    examples and of the schema. Equal fingerprints mean equal data."""
    schema: Schema | None = None
    """The schema of a table. Defaults to None: the examples are images."""

    @property
    def task(self) -> Task:
        """What is predicted: "classification" or "regression"."""
        return "classification" if self.class_names else "regression"

    @property
    def num_classes(self) -> int:
        """The number of classes; 0 for a regression."""
        return len(self.class_names)

    @property
    def outputs(self) -> int:
        """The number of a model's outputs: one for each class, or for the target."""
        return self.num_classes or 1

    @property
    def noun(self) -> str:
        """The word for the examples: "images", or "rows" of a table."""
        return self.train.noun

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return self.train.x.shape[1:]

    @property
    def validates_on_test(self) -> bool:
        """True if the validation examples are the test examples."""
        return self.validation is self.test

    @property
    def chance(self) -> float:
        """The validation accuracy of always predicting the most frequent class; 0 for a
        regression, which has no accuracy.
        """
        if not self.class_names:
            return 0.0
        counts = np.bincount(self.validation.y, minlength=self.num_classes)
        return float(counts.max() / len(self.validation))

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        target: str,
        name: str | None = None,
        task: Task | None = None,
        missing: MissingRule | None = None,
        test: Any = None,
        unit: str = "",
        exclude: Sequence[str] = (),
    ) -> Dataset:
        """Make a dataset of a frame, and keep it in the array cache under a name.

        Runs name their dataset, so `kmlp.ablate("width", [8, 32], dataset="houses")` then
        trains on it, now and in later sessions. `kmlp.data.remove_dataset` removes it.

        Args:
            frame: A frame of pandas or polars, a `pyarrow.Table`, or another object with
                Arrow's method `__arrow_c_stream__`. An index is left out.
            target: The name of the column to predict.
            name: The name of the dataset: small letters, digits and _. A name that another
                dataset has is refused. Defaults to None: "table_" with the beginning of
                the fingerprint.
            task: See `kmlp.data.import_dataset`.
            missing: See `kmlp.data.import_dataset`.
            test: A frame of the test rows, with the same columns in any order. Defaults to
                None: a stratified sixth of the rows is held out.
            unit: See `kmlp.data.import_dataset`.
            exclude: See `kmlp.data.import_dataset`.

        Returns:
            The dataset as `kmlp.load_dataset` loads it.

        Raises:
            DataError: if the frame is not a dataset (with row and column), or if the name
                is not valid or belongs to another dataset.

        Warns:
            UserWarning: about columns that are constant, or that float32 rounds.

        Example:
        >>> import pandas as pd
        >>> area = [30.0 + number for number in range(40)]
        >>> frame = pd.DataFrame({"area": area, "price": [9.5 * size for size in area]})
        >>> houses = Dataset.from_frame(frame, target="price", name="example_houses")
        >>> houses.task, houses.input_shape, len(houses.train), len(houses.test)
        ('regression', (1,), 27, 7)
        """
        from kmlp.data.sources.frames import table_of_frame

        tables = (
            table_of_frame(frame, "the frame"),
            None if test is None else table_of_frame(test, "the test frame"),
        )
        return _imported(
            name, tables, target=target, task=task, missing=missing, unit=unit,
            exclude=exclude,
        )  # fmt: skip

    @classmethod
    def from_arrays(
        cls,
        x: Any,
        y: Any,
        *,
        name: str | None = None,
        x_test: Any = None,
        y_test: Any = None,
        columns: Sequence[str] | None = None,
        target: str = "y",
        task: Task | None = None,
        missing: MissingRule | None = None,
        unit: str = "",
    ) -> Dataset:
        """Make a dataset of arrays, and keep it in the array cache under a name.

        Runs name their dataset: see `Dataset.from_frame`.

        Args:
            x: The rows: numbers, of shape `(rows, columns)`. nan is a missing value.
            y: The targets of shape `(rows,)`: numbers, texts or booleans.
            name: See `Dataset.from_frame`.
            x_test: The test rows. Defaults to None: a stratified sixth of the rows is held
                out.
            y_test: The targets of the test rows.
            columns: The names of the columns. Defaults to None: x1, x2, ...
            target: The name of the target. Defaults to "y".
            task: See `kmlp.data.import_dataset`.
            missing: See `kmlp.data.import_dataset`.
            unit: See `kmlp.data.import_dataset`.

        Returns:
            The dataset as `kmlp.load_dataset` loads it.

        Raises:
            DataError: if the arrays are not a dataset, or if the name is not valid or
                belongs to another dataset.

        Warns:
            UserWarning: about columns that are constant, or that float32 rounds.

        Example:
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> corners = Dataset.from_arrays(x, x[:, 0] > x[:, 1], name="example_corners")
        >>> corners.class_names, corners.input_shape
        (('False', 'True'), (2,))
        """
        from kmlp.data.sources.frames import table_of_arrays

        if (x_test is None) != (y_test is None):
            raise DataError("Only one of `x_test` and `y_test` is given. Give both.")
        pairs = [("the arrays", x, y), ("the test arrays", x_test, y_test)]
        train, test = (
            None
            if rows is None
            else table_of_arrays(rows, targets, source, columns=columns, target=target)
            for source, rows, targets in pairs
        )
        assert train is not None
        return _imported(
            name, (train, test), target=target, task=task, missing=missing, unit=unit
        )

    def with_train_size(self, size: int | None) -> Dataset:
        """Return the dataset with a stratified subset of the training examples.

        Larger subsets contain smaller ones. The fingerprint does not change, because it
        identifies the whole dataset.

        Args:
            size: Number of training examples. None: all of them.

        Raises:
            ConfigError: if there are fewer examples, or if the subset has only one class.
        """
        if size is None:
            return self
        if size > len(self.train):
            raise ConfigError(
                [
                    f"The value of `train_size` is {size}, but {self.name} has "
                    f"{len(self.train)} training {self.noun}. Choose at most that many."
                ]
            )
        train = Split(x=self.train.x[:size], y=self.train.y[:size])
        if train.y.min() == train.y.max():
            raise ConfigError(
                [
                    f"The value of `train_size` is {size}, but all of these {self.noun} "
                    f"are of {self._target_text(train.y[0])}. Choose a larger one, with "
                    f"{self.noun} of at least two."
                ]
            )
        return replace(self, train=train)

    def with_label_noise(self, share: float, seed: int) -> Dataset:
        """Return the dataset with wrong labels for a share of the training examples.

        The share is rounded to a number of examples, which are drawn uniformly. Each gets
        one of the other classes, all equally probable. Of one seed, the examples with a
        smaller share are among those with a larger one, with the same wrong labels. The
        validation and test examples keep their labels. The fingerprint does not change,
        because it identifies the dataset without noise.

        Args:
            share: The share of the training examples, `0 <= share <= 1`.
            seed: The seed of the choice, `seed >= 0`.

        Raises:
            ConfigError: if the share is less than half an example, but not 0; or if there
                are no classes.

        Example:
        >>> from kmlp import load_dataset
        >>> mnist = load_dataset("mnist")
        >>> noisy = mnist.with_label_noise(0.3, seed=0)
        >>> float((noisy.train.y != mnist.train.y).mean())
        0.3
        """
        if share == 0:
            return self
        if not self.class_names:
            raise ConfigError(
                [
                    f"The value of `label_noise` is {share}, but {self.name} has no "
                    f"classes: its target {self.target} is a number. Leave `label_noise` "
                    "out."
                ]
            )
        labels = self.train.y.copy()
        count = round(share * len(labels))
        if count == 0:
            raise ConfigError(
                [
                    f"The value of `label_noise` is {share}, which is less than one of the "
                    f"{len(labels)} training {self.noun}. Choose a larger one, or 0."
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
        """Return the dataset with another validation split of the training examples.

        The examples of each class are shuffled among the training and the validation
        examples; in a regression, those of each tenth of the sorted targets. The classes
        keep their order, so that every prefix of the training examples stays stratified.
        The fingerprint does not change, because it identifies the whole dataset.

        Args:
            seed: The seed of the split, `seed >= 0`. Each seed has a split of its own,
                which also differs from the fixed one.

        Raises:
            ConfigError: if the validation examples are the test examples.

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
                    f"{self.name} has no validation split to draw, because the test "
                    f"{self.noun} are the validation {self.noun}. Load it with a "
                    "`validation_fraction`."
                ]
            )
        train, validation = exchanged(self.train, self.validation, seed)
        protect(train, validation)
        return replace(self, train=train, validation=validation)

    def fold_sizes(self, folds: int, seed: int) -> tuple[int, int]:
        """Return the numbers of training and validation examples that `on_fold` gives."""
        both = len(self.train) + (0 if self.validates_on_test else len(self.validation))
        held_out = len(range(seed % folds, both, folds))
        return both - held_out, held_out

    def on_fold(self, folds: int, seed: int) -> Dataset:
        """Return the dataset with one of several folds as the validation examples.

        The training and validation examples are divided into folds of equal size, up to one
        example, and stratified: by class, or by the tenths of the sorted targets. The fold
        with the index `seed % folds` becomes the validation examples; the others are for
        training. Every `folds` seeds have one division, and the next ones another. The
        fingerprint does not change, because it identifies the whole dataset.

        Args:
            folds: The number of folds, from 2 to the number of examples.
            seed: The seed of the run, `seed >= 0`.

        Raises:
            ConfigError: if there are fewer examples than folds, or if a class would be
                without training examples.

        Example:
        >>> from kmlp import load_dataset
        >>> iris = load_dataset("iris")
        >>> [len(iris.on_fold(4, seed).validation) for seed in range(4)]
        [32, 31, 31, 31]
        """
        parts = [self.train] if self.validates_on_test else [self.train, self.validation]
        both = joined(*parts)
        if folds > len(both):
            raise ConfigError(
                [
                    f"The value of `folds` is {folds}, but {self.name} has {len(both)} "
                    f"{self.noun} to divide. Choose at most that many."
                ]
            )
        train, validation = without_fold(both, folds, seed)
        for label in np.setdiff1d(both.y, train.y) if self.class_names else ():
            raise ConfigError(
                [
                    f"The value of `folds` is {folds}, but of {self._target_text(label)} "
                    f"{self.name} has only one of its {self.noun} to divide: where it is "
                    "held out, none is left for training. Leave `folds` out, or add "
                    f"{self.noun}."
                ]
            )
        protect(train, validation)
        return replace(self, train=train, validation=validation)

    def fill_values(self) -> NDArray[np.float32] | None:
        """Return what is filled in for a missing value of each feature of a table.

        It is learnt on the training rows alone.

        Returns:
            The values, of shape `(features,)`; None if no value can be missing.

        Raises:
            ConfigError: if all values of a column are missing in the training rows.
        """
        if self.schema is None or self.schema.missing is None:
            return None
        return fill_values(self.schema, self.train.x)

    def with_missing_filled(self, values: NDArray[np.float32] | None) -> Dataset:
        """Return the dataset with values in the place of missing ones.

        The fingerprint does not change, because it identifies the dataset with the missing
        values.

        Args:
            values: The result of `fill_values`. None: no value is missing.
        """
        if values is None:
            return self
        train, validation, test = (
            Split(x=filled(split.x, values), y=split.y)
            for split in (self.train, self.validation, self.test)
        )
        if self.validates_on_test:
            validation = test
        protect(train, validation, test)
        return replace(self, train=train, validation=validation, test=test)

    @property
    def target(self) -> str:
        """The name of what is predicted; "class" for images."""
        return self.schema.target if self.schema else "class"

    def _target_text(self, target: np.generic) -> str:
        """Return a class or a number of the target for a message."""
        if not self.class_names:
            return f"the {self.target} {target:g}"
        return f"the class {self.class_names[int(target)]}"


def _imported(
    name: str | None, tables: tuple[Table, Table | None], **options: Any
) -> Dataset:
    """Import tables under a name, and return them as a dataset."""
    from kmlp.data._importing import import_tables

    name, examples = import_tables(name, *tables, **options, stacklevel=4)
    return make_dataset(name, examples, validation_fraction=VALIDATION_FRACTION)


def make_dataset(
    name: str, examples: Examples, *, validation_fraction: float | None
) -> Dataset:
    """Return a dataset whose validation examples are taken from the training examples.

    The training examples are put into an order whose every prefix is stratified.

    Args:
        name: Name of the dataset.
        examples: Training and test examples.
        validation_fraction: Fraction of the training examples that is used for
            validation, stratified. None: all of them are used for training, and the
            test examples for validation.

    Raises:
        ConfigError: if a split would be empty, or if the examples left for training lack
            a class or have only one class, or only one target.
    """
    train, validation = training_and_validation(name, examples, validation_fraction)
    protect(train, validation, examples.test)
    return Dataset(
        name=name,
        train=train,
        validation=validation,
        test=examples.test,
        class_names=examples.class_names,
        fingerprint=examples.fingerprint,
        schema=examples.schema,
    )
