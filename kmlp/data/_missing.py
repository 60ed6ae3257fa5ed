"""What is filled in for missing values: learnt on the training rows of a run alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmlp.data._schema import Missing, Schema
from kmlp.errors import raise_problems


def fill_values(schema: Schema, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what is filled in for a missing value of each feature.

    A column of text gets the features of its most frequent category.

    Args:
        schema: The schema, whose `missing` is the strategy for columns of numbers.
        rows: The rows to learn from, of shape `(rows, features)`, with nan where a value is
            missing.

    Returns:
        The values, of shape `(features,)`.

    Raises:
        ConfigError: if all values of a column are missing.

    Example:
    >>> from kmlp.data import Column
    >>> columns = (Column("age"), Column("sex", ("f", "m")))
    >>> schema = Schema(columns=columns, target="y", missing="mean")
    >>> rows = np.array([[30, 0, 1], [50, 0, 1], [np.nan, 1, 0]], "float32")
    >>> fill_values(schema, rows).tolist()
    [40.0, 0.0, 1.0]
    """
    assert schema.missing is not None
    ends = np.cumsum([len(column.features) for column in schema.columns])
    parts = np.split(rows, ends[:-1], axis=1)
    raise_problems(
        f"The column {column.name!a} has no value in any of the {len(rows)} training rows "
        "of a run, so that its missing values cannot be filled in. Train on more rows, or "
        "import the table without this column."
        for column, part in zip(schema.columns, parts, strict=True)
        if np.isnan(part).all()
    )
    values = [
        _most_frequent_category(part)
        if column.categories
        else _number(part, schema.missing)
        for column, part in zip(schema.columns, parts, strict=True)
    ]
    return np.concatenate(values).astype("float32")


def filled(rows: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows with values in the place of missing ones; rows without any unchanged.

    Args:
        rows: Of shape `(rows, features)`, with nan where a value is missing.
        values: The value to fill in for each feature, of shape `(features,)`.
    """
    missing = np.isnan(rows)
    return np.where(missing, values, rows) if missing.any() else rows


def _number(column: NDArray[np.float32], strategy: Missing) -> NDArray[np.float64]:
    from sklearn.impute import SimpleImputer

    imputer = SimpleImputer(strategy=strategy).fit(column.astype("float64"))
    values: NDArray[np.float64] = imputer.statistics_
    return values


def _most_frequent_category(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the 0/1 features of the most frequent category, the first of equal ones."""
    values = np.zeros(features.shape[1])
    values[np.nansum(features, axis=0, dtype="float64").argmax()] = 1
    return values
