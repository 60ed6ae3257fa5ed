"""What the pixels of raw images, from 0 to 255, are scaled to before the first layer.

| name | pixels | formula |
|---|---|---|
| unit | 0 to 1 | x / 255 |
| symmetric | -1 to 1 | (x / 255 - 0.5) / 0.5 |

In torchvision, the first is `ToTensor()`, the second with `Normalize(0.5, 0.5)` after it.
"""

from __future__ import annotations

from kmlp.errors import UnknownNameError, unknown_name

SCALINGS = {"unit": (1 / 255, 0.0), "symmetric": (2 / 255, -1.0)}
"""By name, what a pixel is multiplied by, and what is added then."""


def check_scaling(name: str) -> None:
    """Raises `UnknownNameError` if there is no scaling of that name."""
    if name not in SCALINGS:
        raise UnknownNameError(unknown_name("scaling", name, SCALINGS))
