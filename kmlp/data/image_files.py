"""Read a user's PNG and JPEG files, and convert them like MNIST's images or resize them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kmlp._util.user_files import why_unreadable
from kmlp.errors import ConfigError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MAX_PIXELS = 50_000_000
"""The maximum number of pixels of a picture, as large as those of cameras. Reading them
takes 3 s and 600 MB."""
MAX_SCANNED = 5_000_000_000
"""The maximum number of pixels of a JPEG times its scans, each of which decodes all pixels.
Programs write 10 scans, but a small file could have a million."""

_FORMATS = ("PNG", "JPEG")
_SCAN = b"\xff\xda"
_PART = 2**20
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff")
_FIELD, _BOX = 28, 20
"""The side of MNIST's images and of the box that a digit is scaled to, in pixels."""
_LEAST_CONTRAST = 24
"""The minimum contrast of background and stroke, in levels of grey from 0 to 255. A
picture with less is blank."""
_NOISES = 9
"""The minimum contrast as a multiple of the noise's median. Among a million pixels, normal
noise does not reach that."""
_BLUR = 1 / 300
"""The radius of the blur as a fraction of the picture's longer side."""
_FAINT, _FULL = 0.25, 0.75
"""Fractions of the contrast: pixels below the first are background, those above the second
are full stroke."""


def read_image(path: Path) -> Image:
    """Read a picture and convert it as `plain` does. The file's suffix does not matter.

    All pictures of a user are read by this function, so that a model sees the same pixels
    in training and later.

    Returns:
        A picture of mode "L" or "RGB".

    Raises:
        ConfigError: if the file is missing, is not a PNG or JPEG, or is too large.
    """
    with _opened(path) as opened:
        opened.load()
        return plain(opened)


def check_image(path: Path) -> None:
    """Check the header of a picture, without reading the pixels.

    Raises:
        ConfigError: if the file is missing, is not a PNG or JPEG, or is too large.
    """
    with _opened(path):
        pass


@contextmanager
def _opened(path: Path) -> Iterator[ImageFile]:
    """Open a picture without reading its pixels, and translate any error within."""
    from PIL import Image, UnidentifiedImageError

    reason = why_unreadable(path)
    if reason is None and path.stat().st_size == 0:
        reason = "it is empty"
    if reason is not None:
        raise ConfigError([f"{path}: cannot be read: {reason}."])
    try:
        # Pillow warns of damaged EXIF data, and of large pictures.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(path, formats=_FORMATS) as opened,
        ):
            if opened.format == "PNG" and getattr(opened, "is_animated", False):
                raise ConfigError(
                    [f"{path}: is an animation. Save one of its pictures as PNG."]
                )
            _check_size(path, opened)
            yield opened
    except ConfigError:
        raise
    except UnidentifiedImageError:
        with path.open("rb") as file:
            known_start = file.read(8).startswith(_BEGINNINGS)
        problem = (
            "cannot be read: it is damaged" if known_start else "is neither PNG nor JPEG"
        )
        raise ConfigError([f"{path}: {problem}. Save it as PNG or JPEG."]) from None
    except Image.DecompressionBombError as error:
        raise ConfigError([_too_large(path, "more")]) from error
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}."]) from None
    except Exception as error:  # a decoder may raise anything
        raise ConfigError([f"{path}: cannot be read: {error}"]) from error


def _check_size(path: Path, opened: ImageFile) -> None:
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise ConfigError([_too_large(path, f"{width:,} x {height:,}")])
    if opened.format == "PNG":
        return
    scans = _count(path, _SCAN)
    if scans * width * height > MAX_SCANNED:
        raise ConfigError(
            [
                f"{path}: has {scans:,} scans of {width:,} x {height:,} pixels, but must "
                f"have at most {MAX_SCANNED // (width * height):,}. Save it again."
            ]
        )


def _too_large(path: Path, size: str) -> str:
    return (
        f"{path}: has {size} pixels, but must have at most {MAX_PIXELS:,} in all. Make it "
        "smaller."
    )


def _count(path: Path, marker: bytes) -> int:
    """Return the number of places where a file has the two bytes of a marker."""
    count, last = 0, b""
    with path.open("rb") as file:
        while part := file.read(_PART):
            count += (last + part).count(marker)
            last = part[-1:]
    return count


def plain(image: Image) -> Image:
    """Return a picture of 8 bits, rotated by its EXIF data, with white for transparency.

    Args:
        image: A picture of any mode, of PNG or JPEG.

    Returns:
        A picture of mode "L" if the image is grey, or of mode "RGB" if the image has
        colours, a palette or transparency.
    """
    from PIL import Image, ImageOps

    with warnings.catch_warnings(action="ignore"), suppress(Exception):
        # Damaged EXIF data do not mean damaged pixels.
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits
        return _to_8_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _to_8_bits(image: Image) -> Image:
    """Convert a grey picture of 16 bits."""
    from PIL import Image

    deep = np.asarray(image)
    pixels = (deep >> 8).astype("uint8")
    transparent = image.info.get("transparency")
    if transparent is None:
        return Image.fromarray(pixels)
    pixels[deep == transparent] = 255
    return Image.fromarray(pixels).convert("RGB")


def like_mnist(image: Image) -> NDArray[np.uint8]:
    """Convert a picture of one digit, or of one drawn thing, like MNIST's images.

    The strokes become white on black, even if they were dark on light. The box around
    them is scaled to fit 20 x 20 pixels, with its proportions and with smooth edges.
    Its centre of mass is put in the middle of 28 x 28 pixels. The background must be
    even: its level is the median of the picture's border.

    Returns:
        Pixels from 0 to 255, of shape `(28, 28)`.

    Raises:
        ConfigError: if the picture is blank.

    Reference: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning
    applied to document recognition, Proceedings of the IEEE 86(11), section III.A.
    """
    from PIL import Image, ImageFilter

    blur = ImageFilter.GaussianBlur(_BLUR * max(image.size))  # reduces noise
    grey = np.asarray(image.convert("L").filter(blur), "float32")
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = np.median(border)
    distance = grey - background
    if -distance.min() > distance.max():  # dark on light
        distance = -distance
    contrast = float(distance.max())
    noise = float(np.median(np.abs(border - background)))
    if contrast < max(_LEAST_CONTRAST, _NOISES * noise):
        raise ConfigError(["The picture is blank: nothing stands out."])
    stroke = np.clip((distance / contrast - _FAINT) / (_FULL - _FAINT), 0, 1)
    rows, columns = (np.flatnonzero((stroke > 0).any(axis=axis)) for axis in (1, 0))
    box = Image.fromarray(stroke).crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    scale = _BOX / max(box.size)
    size = [max(1, round(scale * side)) for side in box.size]
    digit = np.asarray(box.resize(size, Image.Resampling.BILINEAR))
    field = np.zeros((_FIELD, _FIELD), "float32")
    area = tuple(
        slice(start, start + side)
        for start, side in zip(_centred(digit), digit.shape, strict=True)
    )
    field[area] = digit / digit.max()  # thin strokes become as bright as thick ones
    pixels: NDArray[np.uint8] = np.rint(255 * field).astype("uint8")
    return pixels


def resized(image: Image, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Scale a picture to a size. Its proportions may change.

    Args:
        image: A picture.
        height: Height of the result, in pixels.
        width: Width of the result, in pixels.
        channels: 3 for colours, or 1 for grey.

    Returns:
        Pixels from 0 to 255, of shape `(height, width)` or `(height, width, 3)`.
    """
    from PIL import Image

    picture = image.convert("RGB" if channels == 3 else "L")
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


def _centred(digit: NDArray[np.float32]) -> list[int]:
    """Return the top and the left of a digit whose centre of mass is in the middle."""
    starts = []
    for axis, side in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis)
        centre = float((mass * (np.arange(side) + 0.5)).sum() / mass.sum())
        starts.append(min(max(0, math.ceil(_FIELD / 2 - centre)), _FIELD - side))
    return starts
