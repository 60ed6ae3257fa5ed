"""Read a user's pictures from a folder for each class."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import name_problem, visible
from kmlp.data._examples import Examples, check_memory, examples_of
from kmlp.data._split import Split
from kmlp.data.image_files import read_image, resized
from kmlp.data.listing import Listing
from kmlp.errors import ConfigError, DataError

_PICTURES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jif", ".jfif"),
    # Files of other formats are refused when they are read, so that the user notices.
    *(".jp2", ".jxl", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".avif", ".heic", ".heif"),
    *(".pbm", ".pgm", ".ppm", ".pnm", ".pcx", ".tga", ".ico", ".svg", ".psd", ".dng"),
)
_SPLITS = ("train", "test")


def read_class_folders(
    path: Path, *, size: tuple[int, int] | None = None, listing: Listing | None = None
) -> Examples:
    """Read a folder with a folder of pictures for each class.

    The folder may also have two folders of that kind, `train` and `test`. Every file is
    read by `read_image`, like the pictures that a model classifies later.

    Args:
        path: The folder.
        size: Height and width to which pictures are resized, in pixels. Defaults to
            None: pictures are not resized, and must be of equal size.
        listing: Reader of the folders, which remembers the left-out files. Defaults to
            None: a new one.

    Returns:
        Grey images if all pictures are grey, and images of three channels otherwise.
        Without a folder `test`, a sixth of the images is held out for testing.

    Raises:
        DataError: if a file cannot be read, if sizes differ, if a class has no picture,
            or if there are fewer than two classes.
    """
    listing = listing or Listing()
    splits = find_splits(path, listing)
    classes = {name: _classes(folder, listing) for name, folder in splits.items()}
    names = sorted(classes["train"])
    if len(names) < 2:
        raise DataError(
            f"{path}: has one class, {names[0]}, but a classifier needs at least two, each "
            "with its own folder."
        )
    labels = {name: label for label, name in enumerate(names)}
    files: dict[str, list[tuple[Path, int]]] = {}
    for split, folders in classes.items():
        files[split] = []
        for name in sorted(folders):
            if name not in labels:
                raise DataError(
                    f"{folders[name]}: is a class without images in {splits['train']}."
                )
            pictures = _pictures(folders[name], listing)
            files[split] += [(file, labels[name]) for file in pictures]
    pixels = _read([file for pairs in files.values() for file, _ in pairs], size, path)
    images = {}
    for split, pairs in files.items():
        y = np.array([label for _, label in pairs], "int32")
        images[split] = Split(x=pixels[: len(pairs)], y=y)
        pixels = pixels[len(pairs) :]
    return examples_of(
        images["train"],
        images.get("test"),
        class_names=names,
        source=visible(str(path.resolve())),
    )


def find_splits(path: Path, listing: Listing) -> dict[str, Path]:
    """Return the folders that contain class folders, by name of the split.

    These are `path` itself as "train", or its folders `train` and `test`.

    Raises:
        DataError: if there are no class folders.
    """
    folders = {folder.name: folder for folder in listing.folders(path)}
    inner = {name: listing.folders(folder) for name, folder in folders.items()}
    splits: dict[str, Path] | None = None
    if inner.get("train"):
        parents = {name: folder for name, folder in folders.items() if inner[name]}
        if set(parents) <= set(_SPLITS):
            splits = parents
    elif any(
        _is_picture(file) for folder in folders.values() for file in listing.files(folder)
    ):
        splits = {"train": path}
    if splits is None:
        raise DataError(
            f"{path}: must have a folder of PNG or JPEG images for each class, or two "
            "folders `train` and `test` with such folders, but has "
            f"{_list_entries(path, listing)}."
        )
    for folder in {path, *splits.values()}:
        for file in listing.files(folder):
            listing.leave_out(file)
    if path not in splits.values():
        for folder in folders.values():
            if folder not in splits.values():
                listing.leave_out(folder)
    return splits


def _classes(folder: Path, listing: Listing) -> dict[str, Path]:
    """Return the class folders in a folder, by name of the class."""
    classes: dict[str, Path] = {}
    identities: dict[tuple[int, int], Path] = {}
    for entry in listing.folders(folder):
        # Systems encode an accent in two ways, which look the same.
        name = unicodedata.normalize("NFC", entry.name).strip()
        if (problem := name_problem(name)) is not None:
            raise DataError(
                f"{entry.parent}: has a folder {entry.name!a}, which cannot be the name of "
                f"a class: it {problem}. Rename it."
            )
        if name in classes:
            raise DataError(
                f"{entry}: has the name of another class folder, apart from blanks or the "
                "encoding of accents. Rename one of them, or move all files into one."
            )
        status = entry.stat()
        first = identities.setdefault((status.st_dev, status.st_ino), entry)
        if first != entry:
            raise DataError(f"{entry}: is the same folder as {first}, through a link.")
        classes[name] = entry
    return classes


def _pictures(folder: Path, listing: Listing) -> list[Path]:
    """Return the pictures in a class folder, and leave out its other files."""
    for entry in listing.folders(folder):
        raise DataError(
            f"{entry}: is a folder within a class folder, and its images would be left "
            f"out. Move them into {folder}."
        )
    pictures = []
    for file in listing.files(folder):
        if _is_picture(file):
            pictures.append(file)
        else:
            listing.leave_out(file)
    if not pictures:
        raise DataError(f"{folder}: has no image. Remove the folder, or fill it.")
    return pictures


def _read(files: list[Path], size: tuple[int, int] | None, path: Path) -> NDArray[np.uint8]:
    """Return the pictures' pixels, of shape `(len(files), height, width[, 3])`."""
    images: list[NDArray[np.uint8]] = []
    for file in files:
        try:
            picture = read_image(file)
        except ConfigError as error:
            raise DataError(str(error)) from error
        picture_size = (picture.height, picture.width)
        if not images:
            target = size or picture_size
            check_memory(str(path), len(files), (*target, len(picture.getbands())))
        elif size is None and picture_size != target:
            raise DataError(
                f"{file}: is {_text(picture_size)} pixels, but {files[0]} is "
                f"{_text(target)}. The sizes must be equal: `size={target}` resizes all "
                "pictures to that size."
            )
        images.append(resized(picture, *target, len(picture.getbands())))
    if any(image.ndim == 3 for image in images):
        for index, image in enumerate(images):
            if image.ndim == 2:
                images[index] = np.repeat(image[..., None], 3, axis=2)
    return np.stack(images)


def _is_picture(entry: Path) -> bool:
    return entry.suffix.lower() in _PICTURES


def _text(size: tuple[int, int]) -> str:
    return "x".join(map(str, size))


def _list_entries(path: Path, listing: Listing) -> str:
    names = [entry.name for entry in listing.entries(path)]
    return ", ".join(names[:5]) + (", ..." if names[5:] else "") or "nothing"
