"""Use a model of a table: load it with its columns, predict rows and evaluate it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kmlp.data import Dataset, Examples, Rows, Schema, Split, read_rows
from kmlp.errors import ConfigError
from kmlp.inference.classifier import (
    Classifier,
    as_classifier,
    gives_one_number,
    load_model,
)
from kmlp.inference.evaluation import Evaluation, evaluate_classifier
from kmlp.inference.regression import (
    RegressionEvaluation,
    evaluate_regression,
    predict_numbers,
)
from kmlp.model.input_table import InputTable

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TableModel:
    """A model of a table, with the columns that it takes."""

    model: keras.Model
    """The Keras model, which takes raw rows without missing values."""
    table: InputTable
    """The columns, the classes, and what is filled in for missing values."""
    classifier: Classifier | None
    """The model as a classifier; None for a regression."""

    def read(self, source: str | os.PathLike[str] | Any, **options: Any) -> Rows:
        """Read the rows of a file or a frame, and fill in their missing values.

        Args:
            source: See `kmlp.data.read_rows`.
            **options: The options `header`, `delimiter` and `decimal` of `read_rows`.

        Raises:
            DataError: with row and column, if the rows do not fit the model's columns.
        """
        rows = read_rows(
            source, self.table.schema, class_names=self.table.class_names, **options
        )
        return replace(rows, x=self.table.filled(rows.x))

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the model's predictions for complete rows.

        Args:
            x: Raw rows, of shape `(size, features)`.

        Returns:
            The confidence in each class, of shape `(size, num_classes)`; for a regression
            the numbers in the target's unit, of shape `(size,)`.
        """
        if self.classifier is None:
            return predict_numbers(self.model, x)
        return self.classifier.class_probabilities(x)

    def evaluate(
        self, x: NDArray[np.float32], y: NDArray[Any]
    ) -> Evaluation | RegressionEvaluation:
        """Evaluate the model on complete rows whose targets are known."""
        if self.classifier is not None:
            names = self.table.class_names
            return evaluate_classifier(self.classifier, x, y, class_names=names)
        schema = self.table.schema
        return evaluate_regression(self.model, x, y, target=schema.target, unit=schema.unit)

    def rows_of(self, dataset: Dataset, split: Split) -> Split:
        """Return rows of a dataset, with what the model fills in for missing values.

        Args:
            dataset: The dataset.
            split: Some of its rows, with their missing values.

        Raises:
            ConfigError: if the dataset has other columns or classes than the model.
        """
        ours, theirs = self.table, dataset
        if theirs.schema is None or (
            (ours.schema.features, ours.class_names)
            != (theirs.schema.features, theirs.class_names)
        ):
            raise ConfigError(
                [
                    f"The model takes the columns {_listed(ours.schema.features)} and "
                    f"predicts {_predicted(ours.schema, ours.class_names)}, but "
                    f"{dataset.name} does not have these columns in this order and this "
                    "target. Choose the dataset that the model was trained on."
                ]
            )
        return replace(split, x=ours.filled(split.x))


def table_model(model: keras.Model, table: InputTable, name: str) -> TableModel:
    """Return a Keras model with the table that it takes.

    Args:
        model: The model.
        table: The table.
        name: Name of the model in messages.

    Raises:
        ConfigError: if the model does not fit the table.
    """
    regression = gives_one_number(model, name)
    classifier = None if regression else as_classifier(model, name)
    outputs = 1 if classifier is None else classifier.num_classes
    features = (len(table.schema.features),)
    expected = len(table.class_names) or 1
    if tuple(model.input_shape[1:]) != features or outputs != expected:
        raise ConfigError(
            [
                f"{name} takes {model.input_shape[1:]} and gives {outputs} numbers, but "
                f"its table has {features[0]} features and {expected} outputs."
            ]
        )
    return TableModel(model=model, table=table, classifier=classifier)


def table_of_examples(examples: Examples) -> InputTable | None:
    """Return the table of a dataset, for a model that does not have it; None for images.

    Missing values are refused then: what the model's run filled in is unknown.
    """
    if examples.schema is None:
        return None
    return InputTable(
        schema=replace(examples.schema, missing=None), class_names=examples.class_names
    )


def load_table_model(
    path: Path, table: InputTable, *, custom: Sequence[str] = ()
) -> TableModel:
    """Load the model of a table from a `.keras` file.

    Args:
        path: The file.
        table: The table: the result of `kmlp.model.input_table.table_of_file`.
        custom: See `kmlp.inference.classifier.load_model`. Defaults to none.

    Raises:
        ConfigError: if the file cannot be loaded, or if the model does not fit the table.
    """
    return table_model(load_model(path, custom=custom), table, str(path))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (", ..." if names[5:] else "")


def _predicted(schema: Schema, class_names: tuple[str, ...]) -> str:
    return f"{schema.target} ({_listed(class_names)})" if class_names else schema.target
