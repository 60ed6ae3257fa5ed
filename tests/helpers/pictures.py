"""Files of pictures of every kind that cameras, scanners and programs make."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 40, 50
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera stores an upright picture, by what it writes for the orientation."""


@dataclass(frozen=True)
class Kind:
    name: str
    """Of the file."""
    write: Callable[[Path], None]


def scene(mode="RGB"):
    """A smooth picture without any symmetry."""
    noise = np.random.default_rng(0).integers(0, 256, (5, 4, 3), "uint8")
    picture = Image.fromarray(noise).resize((WIDTH, HEIGHT))
    if mode == "I;16":
        return Image.fromarray(np.asarray(picture.convert("L")).astype("uint16") << 8)
    return picture.convert(mode)


def oriented(path, orientation, mode="RGB", **options):
    """As a camera writes it that was held in that way."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored, how = scene(mode), STORED_AS[orientation]
    (stored if how is None else stored.transpose(how)).save(path, exif=exif, **options)


def _saved(path, mode="RGB", **options):
    scene(mode).save(path, **options)


def _half_transparent(path, mode):
    picture = scene("RGBA")
    alpha = np.tile(np.linspace(0, 255, WIDTH).astype("uint8"), (HEIGHT, 1))
    picture.putalpha(Image.fromarray(alpha))
    picture.convert(mode).save(path)


def png_of_16_bits(path, pixels, colour_type):
    """Written by hand: Pillow writes none in colours."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data))
            + name
            + data
            + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
    )


def _of_a_phone(path):
    """Two pictures in a file, the second a map of depths, say."""
    exif = Image.Exif()
    exif[0x0112] = 6
    scene().save(
        path, "MPO", save_all=True, append_images=[scene("L").convert("RGB")], exif=exif
    )


KINDS = {
    **{
        f"{suffix.upper()}, orientation {number}": Kind(
            f"a.{suffix}", partial(oriented, orientation=number)
        )
        for suffix in ("jpeg", "png")
        for number in STORED_AS
    },
    "gray, orientation 5": Kind("a.jpg", partial(oriented, orientation=5, mode="L")),
    "16 bits, orientation 5": Kind("a.png", partial(oriented, orientation=5, mode="I;16")),
    "palette": Kind("a.png", partial(_saved, mode="P")),
    "palette with a transparent colour": Kind(
        "a.png", partial(_saved, mode="P", transparency=3)
    ),
    "palette with shares of transparency": Kind(
        "a.png", partial(_saved, mode="P", transparency=bytes([0, 128] * 128))
    ),
    "transparent": Kind("a.png", partial(_half_transparent, mode="RGBA")),
    "gray and transparent": Kind("a.png", partial(_half_transparent, mode="LA")),
    "gray with a transparent level": Kind(
        "a.png", partial(_saved, mode="L", transparency=100)
    ),
    "16 bits with a transparent level": Kind(
        "a.png",
        partial(_saved, mode="I;16", transparency=int(np.asarray(scene("I;16"))[0, 0])),
    ),
    "1 bit": Kind("a.png", partial(_saved, mode="1")),
    "16 bits": Kind("a.png", partial(_saved, mode="I;16")),
    "16 bits in colour": Kind(
        "a.png", lambda path: png_of_16_bits(path, np.asarray(scene()).astype(int) * 257, 2)
    ),
    "CMYK": Kind("a.jpg", partial(_saved, mode="CMYK")),
    "progressive": Kind("a.jpg", partial(_saved, progressive=True)),
    "of a phone": Kind("a.jpg", _of_a_phone),
    "PNG called JPEG": Kind("a.jpg", partial(_saved, format="PNG")),
    "JPEG called WebP": Kind("a.webp", partial(_saved, format="JPEG")),
    "capital letters": Kind("A.PNG", _saved),
    "damaged EXIF data": Kind(
        "a.jpg", partial(_saved, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    ),
}
