"""Draw the images of a dataset: one of them enlarged, or some of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import visible
from kmlp.data._examples import Examples

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = 10
"""The number of images of a class."""

MOST_ROWS = 40
"""The maximum number of classes."""

_LEAST_PIXELS = 56
"""The minimum height of an image, in pixels. Each pixel of the image is a square."""

_LONGEST = 100
"""The maximum length of a class name, in characters."""

_GAP = 4
_TEXT = 18


def enlargement(height: int, least: int) -> int:
    """Return the smallest integer factor that makes images at least this high.

    Args:
        height: Height of the images, in pixels.
        least: Minimum height of the enlarged images, in pixels.
    """
    return max(1, -(-least // height))


def to_picture(image: NDArray[np.uint8], scale: int = 1) -> Image:
    """Return one image of a dataset, with a square of `scale * scale` for each pixel."""
    from PIL import Image

    picture = Image.fromarray(_rgb(image))
    size = (picture.width * scale, picture.height * scale)
    return picture.resize(size, Image.Resampling.NEAREST)


def draw_samples(images: Examples) -> Image:
    """Draw the first 10 training images of each class, one row for each class.

    Args:
        images: The images of a dataset. Only the first 40 classes are drawn.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(_TEXT)
    names = [visible(name)[:_LONGEST] for name in images.class_names[:MOST_ROWS]]
    height, width = images.train.x.shape[1:3]
    scale = enlargement(height, _LEAST_PIXELS)
    height, width = height * scale, width * scale
    left = 2 * _GAP + max(int(font.getlength(name)) for name in names) + _TEXT // 2
    size = (
        left + COLUMNS * (width + _GAP),
        _GAP + len(names) * (max(height, _TEXT) + _GAP),
    )
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    for row, name in enumerate(names):
        top = _GAP + row * (max(height, _TEXT) + _GAP)
        position = (left - _TEXT // 2, top + max(height, _TEXT) // 2)
        draw.text(position, name, "black", font, anchor="rm")
        members = np.flatnonzero(images.train.y == row)[:COLUMNS]
        for column, index in enumerate(members):
            image = to_picture(images.train.x[index], scale)
            picture.paste(image, (left + column * (width + _GAP), top))
    return picture


def _rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image with three channels: its own three, or else the first one as grey."""
    if image.ndim == 3 and image.shape[2] == 3:
        return np.asarray(image)
    gray = image if image.ndim == 2 else image[..., 0]
    return np.repeat(gray[..., None], 3, axis=2)
