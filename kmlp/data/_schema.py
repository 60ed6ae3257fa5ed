"""The schema of a table: its columns, what they are turned into, and its target."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

Task = Literal["classification", "regression"]
"""What is predicted: a class, or a number."""

Missing = Literal["mean", "most_frequent"]
"""How the missing values of a column are filled in, from the training rows of a run.

mean: numbers get the mean; text gets the most frequent category. most_frequent: both get
the most frequent value, the least of equally frequent ones.
"""
MISSING = get_args(Missing)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    """The name of the column."""
    categories: tuple[str, ...] = ()
    """The categories of a column of text, in their order: each is a feature, 1 where the
    row has it and else 0. Empty for a column of numbers, which is one feature."""

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features, the columns of the array.

        Example:
        >>> Column("age").features, Column("sex", ("f", "m")).features
        (('age',), ('sex=f', 'sex=m'))
        """
        if not self.categories:
            return (self.name,)
        return tuple(f"{self.name}={category}" for category in self.categories)


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """What the columns of a table are.

    It is part of the dataset, and is kept with a saved model, which then takes a table of
    the same columns.
    """

    columns: tuple[Column, ...]
    """The columns other than the target, in their order."""
    target: str
    """The name of the target's column."""
    unit: str = ""
    """The unit of the target of a regression. Defaults to "": unknown, or none."""
    missing: Missing | None = None
    """How missing values are filled in. Defaults to None: there are none, and a table with
    missing values is refused."""

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features of all columns, in the order of the array."""
        return tuple(name for column in self.columns for name in column.features)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as plain values for JSON."""
        return asdict(self)

    def to_bytes(self) -> bytes:
        """Return the schema as bytes, which are equal for equal schemas."""
        return json.dumps(self.to_dict(), sort_keys=True).encode()

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Return the schema of plain values.

        Raises:
            ValueError: if the values are not those of a schema.

        Example:
        >>> schema = Schema(columns=(Column("age"), Column("sex", ("f", "m"))), target="y")
        >>> Schema.from_dict(schema.to_dict()) == schema
        True
        """
        match values:
            case {"columns": list() | tuple() as columns, "target": str() as target,
                  "unit": str() as unit, "missing": missing, **others} if (
                not others and columns and missing in (None, *MISSING)
            ):  # fmt: skip
                return cls(
                    columns=tuple(map(_column, columns)),
                    target=target,
                    unit=unit,
                    missing=missing,
                )
        raise ValueError("these are not the values of a schema")


def _column(values: Any) -> Column:
    match values:
        case {"name": str() as name, "categories": list() | tuple() as categories, **rest}:
            if not rest and all(isinstance(category, str) for category in categories):
                return Column(name, tuple(categories))
    raise ValueError("these are not the values of a column")
