"""Pictures that a model classified, as text beside its predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style
from rich.table import Table
from rich.text import Text

from kmlp.studies.cells import share_percent
from kmlp_cli.render._rich_tables import grid

_WIDEST = 32
"""The largest width of a picture, in pixels; each pixel is a character."""
_SHADES = " .:-=+*#%@"
"""Characters for terminals without colours, from black to white."""


def prediction_table(
    image: NDArray[np.uint8], best: list[tuple[str, float]], *, colours: bool
) -> Table:
    """The picture as the model gets it, beside the most probable classes."""
    classes = grid()
    classes.add_column(overflow="fold")
    classes.add_column(justify="right", no_wrap=True)
    for place, (class_name, confidence) in enumerate(best):
        style = None if place else "bold"
        classes.add_row(class_name, f"{share_percent(confidence)} %", style=style)
    table = grid()
    table.add_column(no_wrap=True)
    table.add_row(picture_text(image, colours=colours), classes)
    return table


def picture_text(image: NDArray[np.uint8], *, colours: bool) -> Text:
    """An image as text, with two rows of pixels in each line.

    Args:
        image: The image, of shape `(height, width)` or `(height, width, 3)`. A wide image
            is shown smaller.
        colours: True if the terminal has colours. Otherwise characters stand for shades.
    """
    from kmlp.data.picture import to_picture

    picture = to_picture(image)
    picture.thumbnail((_WIDEST, _WIDEST))
    pixels = np.asarray(picture)
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:1])])
    pairs = zip(pixels[::2], pixels[1::2], strict=True)
    if colours:
        lines = [
            Text.assemble(*(("▀", _style(*pair)) for pair in zip(*rows, strict=True)))
            for rows in pairs
        ]
    else:
        lines = [
            Text("".join(_SHADES[int(shade) * len(_SHADES) // 256] for shade in shades))
            for shades in (np.mean(rows, axis=(0, 2)) for rows in pairs)
        ]
    return Text("\n").join(lines)


def _style(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> Style:
    return Style(
        color=Color.from_rgb(*upper.tolist()), bgcolor=Color.from_rgb(*lower.tolist())
    )
