"""The table that a model takes, which is kept with the model.

A model takes the features of a row as numbers. To apply it to a table of a user, more is
needed: the columns in their order, the categories of those of text, and what is filled in
for missing values. This is part of the configuration of the Keras model, under a key of
kmlp's: `model.save` writes it into the `.keras` file, and Keras ignores it when it loads
the file.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import name_problem
from kmlp.data import Dataset, Schema, Task, filled
from kmlp.errors import ConfigError
from kmlp.model.config import RunConfig
from kmlp.model.run_data import selected_for

if TYPE_CHECKING:
    import keras

_KEY = "kmlp_table"
"""The key in the configuration of a Keras model."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class InputTable:
    """The table that a model takes."""

    schema: Schema
    """The columns, and the target."""
    class_names: tuple[str, ...]
    """The names of the classes; empty for a regression."""
    fill_values: NDArray[np.float32] | None = None
    """What is filled in for a missing value of each feature, of shape `(features,)`.
    Defaults to None: no value can be missing."""

    @property
    def task(self) -> Task:
        """What is predicted: "classification" or "regression"."""
        return "classification" if self.class_names else "regression"

    def filled(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows with what is filled in for missing values.

        Args:
            rows: Of shape `(rows, features)`, with nan where a value is missing.
        """
        return rows if self.fill_values is None else filled(rows, self.fill_values)

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain values for JSON."""
        values = self.fill_values
        return {
            "schema": json.loads(self.schema.to_bytes()),  # with lists for tuples
            "class_names": list(self.class_names),
            "fill_values": None if values is None else values.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Return the table of plain values, which may come from anybody.

        Raises:
            ValueError: if the values are not those of a table.
        """
        match values:
            case {"schema": dict() as schema, "class_names": list() as names,
                  "fill_values": fill, **others} if (
                not others and all(isinstance(name, str) for name in names)
            ):  # fmt: skip
                table = cls(
                    schema=Schema.from_dict(schema),
                    class_names=tuple(names),
                    fill_values=None if fill is None else _numbers(fill),
                )
                table._check()
                return table
        raise ValueError("it is not a description of a table")

    def _check(self) -> None:
        """Raise `ValueError` if parts do not fit together, or if a name is not safe."""
        count = len(self.schema.features)
        if self.fill_values is not None and self.fill_values.shape != (count,):
            raise ValueError(f"it does not have {count} values to fill in")
        if len(self.class_names) == 1:
            raise ValueError("it has one class")
        names = [self.schema.target, *self.class_names]
        for column in self.schema.columns:
            names += [column.name, *column.categories]
        for name in names + [self.schema.unit] * bool(self.schema.unit):
            if (problem := name_problem(name)) is not None:
                raise ValueError(f"the name {name!a} {problem}")


def _numbers(values: Any) -> NDArray[np.float32]:
    if not isinstance(values, list) or not all(
        type(value) in (int, float) and abs(value) < _LARGEST for value in values
    ):
        raise ValueError("the values to fill in are not numbers")
    return np.array(values, "float32")


_LARGEST = float(np.finfo("float32").max)


def input_table_of(config: RunConfig, dataset: Dataset) -> InputTable:
    """Return the table that the model of a run takes.

    Args:
        config: The run's configuration.
        dataset: The whole dataset that the configuration names: a table.

    Raises:
        ConfigError: if all values of a column are missing in the run's training rows.
    """
    assert dataset.schema is not None
    return InputTable(
        schema=dataset.schema,
        class_names=dataset.class_names,
        fill_values=selected_for(config, dataset).fill_values(),
    )


def describe_input(model: keras.Model, table: InputTable) -> None:
    """Keep a table with a model, so that every file of the model has it."""
    get_config = model.get_config
    model.get_config = lambda: {**get_config(), _KEY: table.to_dict()}


def table_of_model(model: keras.Model) -> InputTable | None:
    """Return the table that is kept with a model; None if there is none."""
    values = model.get_config().get(_KEY)
    return None if values is None else InputTable.from_dict(values)


def table_of_file(path: Path) -> InputTable | None:
    """Return the table that is kept with the model in a file; None if there is none.

    Args:
        path: A `.keras` file, which `kmlp.model.keras_files` has checked.

    Raises:
        ConfigError: if the table is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        description = json.loads(archive.read("config.json"))
    try:
        values = description["config"].get(_KEY)
        return None if values is None else InputTable.from_dict(values)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ConfigError(
            [f"{path}: the description of its table cannot be used: {error}."]
        ) from error
