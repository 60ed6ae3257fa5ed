"""Pictures are read safely, and converted like MNIST's images."""

import os
import struct
import zlib

import numpy as np
import pytest
from helpers.pictures import HEIGHT, STORED_AS, WIDTH, oriented, png_of_16_bits, scene
from PIL import Image, ImageDraw

from kmlp import ConfigError, load_dataset
from kmlp.data import image_files
from kmlp.data.image_files import check_image, like_mnist, plain, read_image, resized

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def digits():
    return load_dataset("mnist").test.x[:50]


def drawn(ink=0, paper=255, size=(300, 200)):
    """A picture of a thick L outside of the centre."""
    picture = Image.new("L", size, paper)
    ImageDraw.Draw(picture).line([(40, 30), (40, 130), (90, 130)], ink, 12)
    return picture


def difference(one, other):
    """The sum of the differences of two images / the first one's brightness."""
    return np.abs(one.astype(float) - other).sum() / one.sum()


def centred_difference(one, other):
    """The least difference if one image may move by a pixel.

    The centre of mass is rounded to a pixel.
    """
    moves = [np.roll(other, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return min(difference(one, moved) for moved in moves)


def test_an_image_of_mnist_hardly_changes(digits):
    """Edges become sharper. A move by a pixel would make a much larger difference."""
    converted = [like_mnist(Image.fromarray(digit)) for digit in digits]
    assert difference(digits, np.stack(converted)) < 0.2
    moved = np.roll(digits, 1, axis=2)
    assert difference(digits, moved) > 0.4


def test_a_digit_has_mnists_size_and_place():
    image = like_mnist(drawn())
    assert (image.shape, image.dtype, image.max()) == ((28, 28), np.uint8, 255)
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    assert np.ptp(rows) + 1 == 20
    assert np.ptp(columns) + 1 == pytest.approx(20 * 56 / 106, abs=1.5)
    mass = image.astype(float)
    for axis in (0, 1):
        centre = (mass.sum(1 - axis) * np.arange(28)).sum() / mass.sum()
        assert 13.5 <= centre < 14.5  # like all images of MNIST


@pytest.mark.parametrize(
    "picture",
    [
        drawn(255, 0),
        drawn(60, 190),
        drawn(180, 40),
        drawn().convert("RGB"),
        drawn(size=(900, 700)),
    ],
    ids=["inverted", "faint", "faint and inverted", "colour", "more background"],
)
def test_colours_contrast_and_place_do_not_matter(picture):
    assert centred_difference(like_mnist(drawn()), like_mnist(picture)) < 0.2


def test_noise_does_not_matter():
    noise = np.random.default_rng(0).normal(0, 20, (200, 300))
    noisy = np.clip(np.asarray(drawn(20, 235)) + noise, 0, 255).astype("uint8")
    converted = like_mnist(Image.fromarray(noisy))
    assert centred_difference(like_mnist(drawn()), converted) < 0.1


def test_a_thin_stroke_becomes_fully_bright():
    picture = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(picture).line([(60, 60), (200, 220)], 0, 2)
    assert like_mnist(picture).max() == 255


@pytest.mark.parametrize("size", [(280, 6), (6, 280), (2, 2)])
def test_extreme_shapes_fit(size):
    image = Image.new("L", (400, 400), 255)
    image.paste(0, (60, 60, 60 + size[0], 60 + size[1]))
    converted = like_mnist(image)
    assert max(np.ptp(indices) + 1 for indices in np.nonzero(converted)) == 20


def test_a_blank_picture_is_refused():
    rng = np.random.default_rng(0)
    noise = np.clip(rng.normal(220, 8, (100, 100)), 0, 255).astype("uint8")
    for picture in (Image.new("L", (50, 50), 128), Image.fromarray(noise)):
        with pytest.raises(ConfigError, match="blank"):
            like_mnist(picture)


def test_transparency_becomes_white(tmp_path):
    picture = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    picture.paste("black", mask=Image.eval(drawn(), lambda level: 255 - level))
    for name, mode in (("a.png", "RGBA"), ("b.png", "LA"), ("c.png", "P")):
        picture.convert(mode).save(tmp_path / name)
        read = read_image(tmp_path / name)
        assert read.mode == "RGB"
        assert read.getpixel((0, 0)) == (255, 255, 255)
        assert centred_difference(like_mnist(drawn()), like_mnist(read)) < 0.05


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "I;16"])
@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_png_is_rotated_by_its_exif_data(tmp_path, orientation, mode):
    oriented(tmp_path / "a.png", orientation, mode)
    read, upright = read_image(tmp_path / "a.png"), plain(scene(mode))
    assert (read.mode, read.size) == (upright.mode, upright.size)
    np.testing.assert_array_equal(np.asarray(read), np.asarray(upright))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_jpeg_is_rotated_by_its_exif_data(tmp_path, orientation, mode):
    oriented(tmp_path / "a.jpg", orientation, mode, quality=95)
    read = np.asarray(read_image(tmp_path / "a.jpg")).astype(int)
    upright = np.asarray(scene("L" if mode == "L" else "RGB"))
    assert read.shape == upright.shape
    assert np.abs(read - upright).mean() < 5


def test_pictures_of_16_bits_are_read(tmp_path):
    deep = (np.asarray(drawn(20, 235)).astype("uint16")) << 8
    Image.fromarray(deep).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert (read.mode, read.getextrema()) == ("L", (20, 235))
    Image.fromarray(deep).save(tmp_path / "a.png", transparency=int(deep[0, 0]))
    read = read_image(tmp_path / "a.png")
    assert (read.mode, read.getpixel((0, 0))) == ("RGB", (255, 255, 255))
    png_of_16_bits(tmp_path / "a.png", np.asarray(scene()).astype(int) * 257, 2)
    assert (np.asarray(read_image(tmp_path / "a.png")) == np.asarray(scene())).all()


def test_the_first_picture_of_a_phones_file_is_read(tmp_path):
    others = [Image.new("RGB", (8, 6))] * 2
    scene().save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=others, quality=95)
    read = np.asarray(read_image(tmp_path / "a.jpg")).astype(int)
    assert np.abs(read - np.asarray(scene())).mean() < 5


def test_an_animation_is_refused(tmp_path):
    scene().save(tmp_path / "a.png", save_all=True, append_images=[scene().rotate(90)])
    with pytest.raises(ConfigError, match=r"a\.png: .*animation"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
    ],
)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_damaged_exif_data_do_not_matter(tmp_path, exif, suffix):
    scene().save(tmp_path / f"a.{suffix}", exif=exif)
    assert read_image(tmp_path / f"a.{suffix}").size == scene().size


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_the_size_in_a_picture_is_checked_before_its_pixels_are_read(
    tmp_path, monkeypatch, kind
):
    """Pillow warns above one size, and refuses above twice that. kmlp's limit is lower."""
    path = tmp_path / f"a.{kind}"
    for width, height in ((100, 90), (101, 90), (500, 90)):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
        Image.new("L", (width, height)).save(path)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
        monkeypatch.setattr(image_files, "MAX_PIXELS", 9000)
        if width == 100:
            assert read_image(path).size == (width, height)
            continue
        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
        for read in (read_image, check_image):
            with pytest.raises(ConfigError, match=r"pixels.* 9,000"):
                read(path)
        monkeypatch.undo()


def never(*_):
    raise AssertionError("the pixels were read")


def png_bomb(path, chunk, count=1):
    """Write a small picture with a chunk that unpacks to 50 MB."""
    scene().save(path)
    data = b"x\0\0" + zlib.compress(bytes(50_000_000), 9)
    packed = struct.pack(">I", len(data)) + chunk + data
    packed += struct.pack(">I", zlib.crc32(chunk + data))
    content = path.read_bytes()
    path.write_bytes(content[:33] + packed * count + content[33:])


@pytest.mark.parametrize("chunk", [b"iCCP", b"zTXt"])
def test_large_metadata_of_a_picture_are_not_unpacked(tmp_path, chunk):
    png_bomb(tmp_path / "a.png", chunk)
    with pytest.raises(ConfigError, match=r"a\.png: .*too large"):
        check_image(tmp_path / "a.png")


def test_a_jpeg_of_many_scans_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    scene().save(path, progressive=True)
    content = path.read_bytes()
    scan = content[content.rindex(b"\xff\xda") : -2]
    size = WIDTH * HEIGHT
    monkeypatch.setattr(image_files, "MAX_SCANNED", 50 * size)
    monkeypatch.setattr(image_files, "_PART", 100)
    assert read_image(path).size == (WIDTH, HEIGHT)
    path.write_bytes(content[:-2] + scan * 60 + content[-2:])
    with pytest.raises(ConfigError, match=r"a\.jpg: .* 70 scans.* 50"):
        check_image(path)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_that_is_cut_is_refused_or_has_all_pixels(tmp_path, suffix):
    scene().save(tmp_path / f"a.{suffix}")
    content = (tmp_path / f"a.{suffix}").read_bytes()
    whole = np.asarray(read_image(tmp_path / f"a.{suffix}"))
    cut = tmp_path / f"cut.{suffix}"
    for end in range(0, len(content), 7):
        cut.write_bytes(content[:end])
        try:
            read = read_image(cut)
        except ConfigError as error:
            assert str(error).startswith(f"{cut}: ")
        else:
            assert (np.asarray(read) == whole).all()


def test_a_fifo_or_folder_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ConfigError, match="FIFO"):
        read_image(tmp_path / "a.png")
    with pytest.raises(ConfigError, match="folder"):
        read_image(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no picture", "neither PNG nor JPEG"),
        (b"GIF89a", "neither PNG nor JPEG"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"\xff\xd8\xff\xe0cut", "cannot be read"),
        (b"", "empty"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_not_a_picture_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ConfigError, match=rf"a\.png: .*{message}"):
        read_image(tmp_path / "a.png")


def test_a_damaged_picture_is_refused(tmp_path):
    drawn().save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(ConfigError, match=r"a\.png"):
        read_image(tmp_path / "a.png")


def test_resizing_keeps_the_whole_picture():
    halves = Image.new("RGB", (200, 100), (250, 0, 0))
    halves.paste((0, 0, 250), (100, 0, 200, 100))
    image = resized(halves, 32, 32, 3)
    assert image.shape == (32, 32, 3)
    assert image[0, 0].tolist() == [250, 0, 0]
    assert image[-1, -1].tolist() == [0, 0, 250]
    assert resized(halves, 28, 28, 1).shape == (28, 28)
