"""Scalings of pixels, which are from 0 to 255, before the first layer.

| name | pixels | formula |
|---|---|---|
| unit | 0 to 1 | x / 255 |
| symmetric | -1 to 1 | (x / 255 - 0.5) / 0.5 |
| standard | mean 0, standard deviation 1 | (x - mean) / sd |
| none | 0 to 255 | x |

In torchvision, the first is `ToTensor()`, and the second is `ToTensor()` followed by
`Normalize(0.5, 0.5)`. The third is `Normalize(mean, sd)` with one mean and one standard
deviation, over all pixels of all training images of the run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from kmlp._util.numbers import as_number
from kmlp.errors import ConfigError, UnknownNameError, shown, unknown_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FIXED = {"unit": (1 / 255, 0.0), "symmetric": (2 / 255, -1.0), "none": (1.0, 0.0)}
"""The factor and the offset of each scaling that is the same for all images."""

SCALINGS = (*_FIXED, "standard")
"""The names of all scalings."""


def check_scaling(name: str) -> None:
    """Check the name of a scaling.

    Raises:
        UnknownNameError: if there is no scaling of that name.
    """
    if name not in SCALINGS:
        raise UnknownNameError(unknown_name("scaling", name, SCALINGS))


def scale_and_offset(scaling: str, pixels: Any = None) -> tuple[float, float]:
    """Return the factor that pixels are multiplied by, and the number that is then added.

    Args:
        scaling: The name of the scaling.
        pixels: The mean and the standard deviation of the pixels of the training images,
            which "standard" needs. Defaults to None: neither.

    Raises:
        ConfigError: if the scaling needs the numbers and they are missing or wrong, or if
            it does not need them.

    Example:
    >>> scale_and_offset("standard", (50.0, 100.0))
    (0.01, -0.5)
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
        return _FIXED[scaling]
    numbers = list(map(as_number, pixels)) if isinstance(pixels, tuple | list) else []
    match numbers:
        case [float() as mean, float() as sd] if math.isfinite(mean) and 0 < sd < math.inf:
            return 1 / sd, -mean / sd
    raise ConfigError(
        [
            f'The value of `pixels` is {shown(pixels)}, but the scaling "standard" needs '
            "the mean and the standard deviation (above 0) of the training images' pixels. "
            "Give `pixels=(images.mean(), images.std())`, or another `scaling`."
        ]
    )


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
