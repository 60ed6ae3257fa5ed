"""Pictures of images: one of them enlarged, and some of each class of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import visible
from kmlp.data.dataset import Images

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = 10
"""Images of a class."""

MOST_ROWS = 40
"""More classes are not shown."""

_LEAST_PIXELS = 56
"""An image is shown at least this high, each of its pixels as a square."""

_LONGEST = 100
"""Characters of a class' name that are drawn."""

_GAP = 4
_TEXT = 18


def enlargement(height: int, least: int) -> int:
    """By which whole number images are enlarged to be at least so many pixels high."""
    return max(1, -(-least // height))


def to_picture(image: NDArray[np.uint8], scale: int = 1) -> Image:
    """One image of a dataset, each of its pixels as a square of `scale * scale`."""
    from PIL import Image

    picture = Image.fromarray(_rgb(image))
    size = (picture.width * scale, picture.height * scale)
    return picture.resize(size, Image.Resampling.NEAREST)


def draw_samples(images: Images) -> Image:
    """The first training images of each class, a row a class.

    Args:
        images: Of a dataset; of more than 40 classes, the first 40 are drawn.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(_TEXT)
    names = [visible(it)[:_LONGEST] for it in images.class_names[:MOST_ROWS]]
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
        place = (left - _TEXT // 2, top + max(height, _TEXT) // 2)
        draw.text(place, name, "black", font, anchor="rm")
        members = np.flatnonzero(images.train.y == row)[:COLUMNS]
        for column, index in enumerate(members):
            shown = to_picture(images.train.x[index], scale)
            picture.paste(shown, (left + column * (width + _GAP), top))
    return picture


def _rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image with three channels; of another number, the first one is gray."""
    if image.ndim == 3 and image.shape[2] == 3:
        return np.asarray(image)
    gray = image if image.ndim == 2 else image[..., 0]
    return np.repeat(gray[..., None], 3, axis=2)
