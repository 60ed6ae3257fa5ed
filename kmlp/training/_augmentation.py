"""Change images at random: shift, rotate and flip them, in one look-up of pixels."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from kmlp.training._draws import bits, uniform


def augment(images: Any, drawn: dict[str, tuple[Any, Any]]) -> Any:
    """Return images that are shifted, then rotated, then flipped.

    The place that each pixel comes from is computed backwards. Without a rotation, places
    are whole pixels. With one, a pixel is the bilinear mean of the four around its place.

    Args:
        images: Pixels from 0 to 255, of shape `(batch_size, rows, columns)` or
            `(batch_size, rows, columns, channels)`.
        drawn: The stream and the number of each change, by word: see
            `kmlp.model.augmentation`.

    Returns:
        Pixels from 0 to 255 as float32, of the same shape.
    """
    batch_size, height, width = ops.shape(images)[:3]
    pixels = ops.reshape(images, (batch_size, height * width, *images.shape[3:]))
    row = ops.reshape(ops.arange(height, dtype="int32"), (1, height, 1))
    column = ops.reshape(ops.arange(width, dtype="int32"), (1, 1, width))
    if "flip" in drawn:
        stream, _ = drawn["flip"]
        flipped = bits(stream, (batch_size, 1, 1)) < 0
        column = ops.where(flipped, width - 1 - column, column)
    if "rotate" in drawn:
        stream, degrees = drawn["rotate"]
        angle = uniform(bits(stream, (batch_size, 1, 1))) * degrees * (math.pi / 180)
        row, column = _rotated(row, column, angle, (height - 1) / 2, (width - 1) / 2)
    if "shift" in drawn:
        stream, most = drawn["shift"]
        moved = _integers(bits(stream, (batch_size, 2)), most)
        down, right = moved[:, 0], moved[:, 1]
        row = row - ops.cast(ops.reshape(down, (-1, 1, 1)), row.dtype)
        column = column - ops.cast(ops.reshape(right, (-1, 1, 1)), column.dtype)

    def pixels_at(row: Any, column: Any) -> Any:
        """Return the pixels at whole places, which are 0 outside of the image."""
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        place = ops.clip(row * width + column, 0, height * width - 1)
        shape = (batch_size, height * width, *[1] * len(images.shape[3:]))
        place, inside = (
            ops.reshape(ops.broadcast_to(array, (batch_size, height, width)), shape)
            for array in (place, inside)
        )
        if images.shape[3:]:
            place = ops.broadcast_to(place, ops.shape(pixels))
        found = ops.cast(ops.take_along_axis(pixels, place, axis=1), "float32")
        return ops.reshape(ops.where(inside, found, 0.0), ops.shape(images))

    if "rotate" not in drawn:
        return pixels_at(row, column)
    low_row, low_column = ops.floor(row), ops.floor(column)
    axes = (..., *[None] * len(images.shape[3:]))
    down, right = (row - low_row)[axes], (column - low_column)[axes]
    top, left = ops.cast(low_row, "int32"), ops.cast(low_column, "int32")
    upper = pixels_at(top, left) * (1 - right) + pixels_at(top, left + 1) * right
    lower = pixels_at(top + 1, left) * (1 - right) + pixels_at(top + 1, left + 1) * right
    return upper * (1 - down) + lower * down


def _rotated(
    row: Any, column: Any, angle: Any, middle_row: float, middle_column: float
) -> tuple[Any, Any]:
    """Return the places that a rotation about the middle moves to these places."""
    down = ops.cast(row, "float32") - middle_row
    right = ops.cast(column, "float32") - middle_column
    cosine, sine = ops.cos(angle), ops.sin(angle)
    return (
        cosine * down + sine * right + middle_row,
        cosine * right - sine * down + middle_column,
    )


def _integers(draws: Any, most: Any) -> Any:
    """Return uniform integers from `-most` to `most`, by a product of 16 bits of each."""
    count = 2 * ops.cast(most, "int32") + 1
    sixteen = ops.bitwise_and(ops.right_shift(draws, 16), 0xFFFF)
    return ops.right_shift(sixteen * count, 16) - ops.cast(most, "int32")
