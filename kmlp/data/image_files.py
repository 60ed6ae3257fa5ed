"""A user's PNG and JPEG files as a model takes them: as MNIST's were made, or resized."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kmlp._util.files import why_unreadable
from kmlp.errors import ConfigError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MAX_PIXELS = 50_000_000
"""Of a picture: what cameras make. Reading these takes 3 s and 600 MB."""
MAX_SCANNED = 5_000_000_000
"""Pixels of a JPEG times its scans, each of which goes over all of them: programs make 10
scans, but a small file could have a million."""

_FORMATS = ("PNG", "JPEG")
_SCAN = b"\xff\xda"
_PART = 2**20
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff")
_FIELD, _BOX = 28, 20
"""Pixels of MNIST's images' sides, and of the box that a digit fits."""
_LEAST_CONTRAST = 24
"""Levels of grey, of 255, between background and stroke; less is a blank image."""
_NOISES = 9
"""Contrast, as a multiple of the noise's median: of a million pixels, normal noise has
none that is so far out."""
_BLUR = 1 / 300
"""Radius, as a share of the picture's longer side."""
_FAINT, _FULL = 0.25, 0.75
"""Shares of the contrast: what has less is background, what has more is all stroke."""


def read_image(path: Path) -> Image:
    """Reads a picture, as `plain` makes it, whatever its name ends with.

    Whoever reads a user's picture reads it here, so that a model is shown the same picture
    in training as later.

    Returns:
        A picture of mode "L" or "RGB".

    Raises:
        ConfigError: if there is none, if it is no PNG or JPEG, or if it is too large.
    """
    with _opened(path) as opened:
        opened.load()
        return plain(opened)


def check_image(path: Path) -> None:
    """Checks what a picture says of itself, without reading its pixels.

    Raises:
        ConfigError: if there is none, if it is no PNG or JPEG, or if it is too large.
    """
    with _opened(path):
        pass


@contextmanager
def _opened(path: Path) -> Iterator[ImageFile]:
    """A picture whose pixels have not been read yet; explains what goes wrong with it."""
    from PIL import Image, UnidentifiedImageError

    why = why_unreadable(path)
    if why is None and path.stat().st_size == 0:
        why = "it is empty"
    if why is not None:
        raise ConfigError([f"{path}: cannot be read: {why}."])
    try:
        # Pillow warns of damaged EXIF data, and of pictures large enough to take long.
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
            begins_well = file.read(8).startswith(_BEGINNINGS)
        problem = (
            "cannot be read: it is damaged" if begins_well else "is neither PNG nor JPEG"
        )
        raise ConfigError([f"{path}: {problem}. Save it as PNG or JPEG."]) from None
    except Image.DecompressionBombError as error:
        raise ConfigError([_too_large(path, "more")]) from error
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}."]) from None
    except Exception as error:  # a decoder may fail in any way
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
                f"have at most {MAX_SCANNED // (width * height):,}. Save it anew."
            ]
        )


def _too_large(path: Path, size: str) -> str:
    return (
        f"{path}: has {size} pixels, but must have at most {MAX_PIXELS:,} in all. Make it "
        "smaller."
    )


def _count(path: Path, marker: bytes) -> int:
    """How often a file has two bytes that follow each other."""
    found, last = 0, b""
    with path.open("rb") as file:
        while part := file.read(_PART):
            found += (last + part).count(marker)
            last = part[-1:]
    return found


def plain(image: Image) -> Image:
    """A picture turned as its EXIF data say, put on white if transparent, of 8 bits.

    Args:
        image: A picture of any mode, of PNG or JPEG.

    Returns:
        Mode "L" if it is gray, "RGB" if it has colours, a palette or transparency.
    """
    from PIL import Image, ImageOps

    with warnings.catch_warnings(action="ignore"), suppress(Exception):
        # What is damaged in EXIF data says nothing of the pixels.
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits
        return _of_16_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _of_16_bits(image: Image) -> Image:
    from PIL import Image

    deep = np.asarray(image)
    pixels = (deep >> 8).astype("uint8")
    transparent = image.info.get("transparency")
    if transparent is None:
        return Image.fromarray(pixels)
    pixels[deep == transparent] = 255
    return Image.fromarray(pixels).convert("RGB")


def like_mnist(image: Image) -> NDArray[np.uint8]:
    """A picture of one digit, or of one thing drawn, as MNIST's images were made.

    Its strokes become bright on black, whichever they were; the box around them is
    scaled to fit 20 x 20 pixels with its proportions kept and its edges smooth, and put
    so that their centre of mass is in the middle of 28 x 28. The border's median is
    taken for the background, so that must be even.

    Returns:
        Pixels from 0 to 255, of shape `(28, 28)`.

    Raises:
        ConfigError: if there is nothing on it.

    Reference: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning
    applied to document recognition, Proceedings of the IEEE 86(11), section III.A.
    """
    from PIL import Image, ImageFilter

    blur = ImageFilter.GaussianBlur(_BLUR * max(image.size))  # takes noise off
    grey = np.asarray(image.convert("L").filter(blur), "float32")
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = np.median(border)
    distance = grey - background
    if -distance.min() > distance.max():  # dark on light
        distance = -distance
    contrast = float(distance.max())
    noise = float(np.median(np.abs(border - background)))
    if contrast < max(_LEAST_CONTRAST, _NOISES * noise):
        raise ConfigError(["Nothing on it stands out from the background."])
    stroke = np.clip((distance / contrast - _FAINT) / (_FULL - _FAINT), 0, 1)
    rows, columns = (np.flatnonzero((stroke > 0).any(axis=axis)) for axis in (1, 0))
    box = Image.fromarray(stroke).crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    scale = _BOX / max(box.size)
    size = [max(1, round(scale * side)) for side in box.size]
    digit = np.asarray(box.resize(size, Image.Resampling.BILINEAR))
    field = np.zeros((_FIELD, _FIELD), "float32")
    place = tuple(
        slice(start, start + side)
        for start, side in zip(_centred(digit), digit.shape, strict=True)
    )
    field[place] = digit / digit.max()  # a thin stroke is no fainter than a thick one
    pixels: NDArray[np.uint8] = np.rint(255 * field).astype("uint8")
    return pixels


def resized(image: Image, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """A picture scaled to a size, whatever its proportions.

    Args:
        image: A picture.
        height: In pixels.
        width: In pixels.
        channels: 3 for colours, or 1 for grey.

    Returns:
        Pixels from 0 to 255, of shape `(height, width)`, or `(height, width, 3)`.
    """
    from PIL import Image

    picture = image.convert("RGB" if channels == 3 else "L")
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


def _centred(digit: NDArray[np.float32]) -> list[int]:
    """Where a digit begins, down and to the right, so that its mass is in the middle."""
    starts = []
    for axis, side in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis)
        centre = float((mass * (np.arange(side) + 0.5)).sum() / mass.sum())
        starts.append(min(max(0, math.ceil(_FIELD / 2 - centre)), _FIELD - side))
    return starts
