"""Scalings of pixels, which are from 0 to 255, before the first layer.

| name | pixels | formula |
|---|---|---|
| unit | 0 to 1 | x / 255 |
| symmetric | -1 to 1 | (x / 255 - 0.5) / 0.5 |

In torchvision, the first is `ToTensor()`, and the second is `ToTensor()` followed by
`Normalize(0.5, 0.5)`.
"""

from __future__ import annotations

from kmlp.errors import UnknownNameError, unknown_name

SCALINGS = {"unit": (1 / 255, 0.0), "symmetric": (2 / 255, -1.0)}
"""The factor that pixels are multiplied by, and the number that is then added, by name."""


def check_scaling(name: str) -> None:
    """Check the name of a scaling.

    Raises:
        UnknownNameError: if there is no scaling of that name.
    """
    if name not in SCALINGS:
        raise UnknownNameError(unknown_name("scaling", name, SCALINGS))
