"""Scalings of the input, before the first layer: of pixels, or of the columns of a table.

Pixels are from 0 to 255:

| name | pixels | formula |
|---|---|---|
| unit | 0 to 1 | x / 255 |
| symmetric | -1 to 1 | (x / 255 - 0.5) / 0.5 |
| standard | mean 0, standard deviation 1 | (x - mean) / sd |
| none | 0 to 255 | x |

In torchvision, the first is `ToTensor()`, and the second is `ToTensor()` followed by
`Normalize(0.5, 0.5)`. The third is `Normalize(mean, sd)` with one mean and one standard
deviation, over all pixels of all training images of the run.

A column of numbers is scaled by its own numbers, over the training rows of the run alone:

| name | column | formula |
|---|---|---|
| standard | mean 0, standard deviation 1 | (x - mean) / sd |
| unit | 0 to 1 | (x - min) / (max - min) |
| symmetric | -1 to 1 | (x - (max + min) / 2) / ((max - min) / 2) |
| none | as it is | x |

A column whose values are all equal is divided by 1. The features of a column of text, which
are 0 or 1, stay as they are. The formulas are those of scikit-learn's `StandardScaler` and
`MinMaxScaler`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from kmlp._util.numbers import as_number
from kmlp.errors import ConfigError, UnknownNameError, raise_problems, shown, unknown_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kmlp.data import Schema

_FIXED = {"unit": (1 / 255, 0.0), "symmetric": (2 / 255, -1.0), "none": (1.0, 0.0)}
"""The factor and the offset of each scaling that is the same for all images."""

SCALINGS = (*_FIXED, "standard")
"""The names of all scalings."""
DEFAULT_SCALINGS = {"images": "unit", "table": "standard"}
"""The default scaling of each kind of dataset."""

SMALLEST, LARGEST = 1e-7, 1e19
"""The limits of the numbers that a column is divided by. `keras.layers.Normalization`
replaces smaller ones by 1e-7, and holds their squares as float32."""


class PixelScaling(NamedTuple):
    """The scaling of pixels, `scale * x + offset`."""

    scale: float
    offset: float


class ColumnScaling(NamedTuple):
    """The scaling of the features of a table, `(x - shift) / divisor`."""

    shift: tuple[float, ...]
    """The number that is subtracted, of each feature."""
    divisor: tuple[float, ...]
    """The number that is divided by, of each feature: above 0."""


def check_scaling(name: str) -> None:
    """Check the name of a scaling.

    Raises:
        UnknownNameError: if there is no scaling of that name.
    """
    if name not in SCALINGS:
        raise UnknownNameError(unknown_name("scaling", name, SCALINGS))


def pixel_scaling(scaling: str, pixels: Any = None) -> PixelScaling:
    """Return the scaling of pixels by its name.

    Args:
        scaling: The name of the scaling.
        pixels: The mean and the standard deviation of the pixels of the training images,
            which "standard" needs. Defaults to None: neither.

    Raises:
        ConfigError: if the scaling needs the numbers and they are missing or wrong, or if
            it does not need them.

    Example:
    >>> pixel_scaling("standard", (50.0, 100.0))
    PixelScaling(scale=0.01, offset=-0.5)
    """
    if scaling != "standard":
        if pixels is not None:
            raise ConfigError(
                [
                    f"The value of `pixels` is {shown(pixels)}, but does nothing because "
                    f'`scaling` is "{scaling}". Set `scaling="standard"`, or leave '
                    "`pixels` out."
                ]
            )
        return PixelScaling(*_FIXED[scaling])
    numbers = list(map(as_number, pixels)) if isinstance(pixels, tuple | list) else []
    match numbers:
        case [float() as mean, float() as sd] if math.isfinite(mean) and 0 < sd < math.inf:
            return PixelScaling(1 / sd, -mean / sd)
    raise ConfigError(
        [
            f'The value of `pixels` is {shown(pixels)}, but the scaling "standard" needs '
            "the mean and the standard deviation (above 0) of the training images' pixels. "
            "Give `pixels=(images.mean(), images.std())`, or another `scaling`."
        ]
    )


def column_scaling(columns: Any, input_shape: Any) -> ColumnScaling:
    """Return the scaling of the features of a table by two numbers of each.

    Args:
        columns: The numbers that are subtracted, and those that are then divided by.
        input_shape: The shape of a row.

    Raises:
        ConfigError: if there are not as many numbers as features, or if a number is not
            allowed.

    Example:
    >>> column_scaling(([1, 2], [10, 20]), (2,))
    ColumnScaling(shift=(1.0, 2.0), divisor=(10.0, 20.0))
    """
    try:
        shift, divisor = (
            tuple(math.nan if (n := as_number(x)) is None else n for x in part)
            for part in columns
        )
    except (TypeError, ValueError):
        shift = divisor = ()
    if (
        (len(shift),) == (len(divisor),) == tuple(input_shape)
        and all(map(math.isfinite, shift))
        and all(map(_divides, divisor))
    ):
        return ColumnScaling(shift, divisor)
    raise ConfigError(
        [
            f"The value of `columns` is {shown(columns)}, but must be two numbers for each "
            f"column of rows of the `input_shape` {shown(input_shape)}: the one that is "
            f"subtracted, and the one that is then divided by, from {SMALLEST} to "
            f"{LARGEST}. Give `columns=(x.mean(0), x.std(0))` of the training rows `x`, "
            "with a 1 for a column whose values are all equal."
        ]
    )


def _divides(number: float) -> bool:
    return SMALLEST <= number <= LARGEST


def column_statistics(
    scaling: str, rows: NDArray[np.float32], schema: Schema
) -> ColumnScaling | None:
    """Return the scaling of the features of a table, learnt on its training rows.

    Args:
        scaling: The name of the scaling.
        rows: The training rows, of shape `(rows, features)`, without missing values.
        schema: The schema of the table.

    Returns:
        The scaling; None if the columns are not scaled.

    Raises:
        ConfigError: if a column has a spread that float32 cannot hold.

    Example:
    >>> import numpy as np
    >>> from kmlp.data import Column, Schema
    >>> schema = Schema(columns=(Column("age"), Column("sex", ("f", "m"))), target="y")
    >>> rows = np.array([[30, 0, 1], [50, 1, 0]], "float32")
    >>> column_statistics("standard", rows, schema)
    ColumnScaling(shift=(40.0, 0.0, 0.0), divisor=(10.0, 1.0, 1.0))
    """
    if scaling == "none":
        return None
    shifts: list[float] = []
    divisors: list[float] = []
    problems = []
    for column in schema.columns:
        if column.categories:
            shifts += [0.0] * len(column.features)
            divisors += [1.0] * len(column.features)
            continue
        shift, divisor = _statistics(scaling, rows[:, len(shifts)].astype("float64"))
        if not _divides(divisor):
            problems.append(
                f"The column {column.name!a} cannot be scaled: its values spread over "
                f"{divisor:.3g}, but must spread over {SMALLEST} to {LARGEST}. Import the "
                'table with this column in another unit, or choose the scaling "none".'
            )
        shifts.append(shift)
        divisors.append(divisor)
    raise_problems(problems)
    return ColumnScaling(tuple(shifts), tuple(divisors))


def _statistics(scaling: str, values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the two numbers of a column. If all values are equal, the second one is 1."""
    low, high = float(values.min()), float(values.max())
    if scaling == "standard":
        shift, divisor = float(values.mean()), float(values.std())
    elif scaling == "unit":
        shift, divisor = low, high - low
    else:
        shift, divisor = (low + high) / 2, (high - low) / 2
    return (low if low == high else shift), (1.0 if low == high else divisor)


def pixel_statistics(images: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the mean and the standard deviation of all pixels, from exact sums.

    Args:
        images: Pixels from 0 to 255, of any shape.

    Example:
    >>> import numpy as np
    >>> pixel_statistics(np.array([[0, 100], [100, 200]], "uint8"))
    (100.0, 70.71067811865476)
    """
    import numpy as np

    count = images.size
    total = squares = 0
    for start in range(0, len(images), _PART):
        part = images[start : start + _PART]
        total += int(part.sum(dtype="uint64"))
        squares += int(np.multiply(part, part, dtype="uint32").sum(dtype="uint64"))
    return total / count, math.sqrt(count * squares - total**2) / count


_PART = 1000
"""The number of images whose squares are in memory at a time."""
