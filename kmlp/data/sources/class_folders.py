"""Reading a user's folder of class folders of pictures."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import name_problem, visible
from kmlp.data.dataset import Images, Split, check_memory, images_of
from kmlp.data.image_files import read_image, resized
from kmlp.data.listing import Listing
from kmlp.errors import ConfigError, DataError

_PICTURES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jif", ".jfif"),
    # These are refused when they are read; left out, they would be missed.
    *(".jp2", ".jxl", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".avif", ".heic", ".heif"),
    *(".pbm", ".pgm", ".ppm", ".pnm", ".pcx", ".tga", ".ico", ".svg", ".psd", ".dng"),
)
_SPLITS = ("train", "test")


def read_class_folders(
    path: Path, *, size: tuple[int, int] | None = None, listing: Listing | None = None
) -> Images:
    """Reads a folder with a folder of pictures for each class, or with two of such.

    Every file is read by `read_image`, as those are that a model is to classify.

    Args:
        path: The folder.
        size: Height and width to which pictures are resized. Defaults to None: none is
            resized, and all must have one size.
        listing: Lists the folders, and keeps what was left out. Defaults to None: a new
            one.

    Returns:
        Gray images if all pictures are gray, else images of three channels. Without a
        folder `test`, a sixth of the images is held out.

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
            f"{path}: has one class, {names[0]}, but there must be two at least, each with "
            "a folder of its own."
        )
    labels = {name: label for label, name in enumerate(names)}
    files: dict[str, list[tuple[Path, int]]] = {}
    for split, folders in classes.items():
        files[split] = []
        for name in sorted(folders):
            if name not in labels:
                raise DataError(
                    f"{folders[name]}: is a class of which {splits['train']} has no image."
                )
            pictures = _pictures(folders[name], listing)
            files[split] += [(file, labels[name]) for file in pictures]
    pixels = _read([file for part in files.values() for file, _ in part], size, path)
    parts = {}
    for split, part in files.items():
        of_part = np.array([label for _, label in part], "int32")
        parts[split] = Split(x=pixels[: len(part)], y=of_part)
        pixels = pixels[len(part) :]
    return images_of(
        parts["train"],
        parts.get("test"),
        class_names=names,
        source=visible(str(path.resolve())),
    )


def find_splits(path: Path, listing: Listing) -> dict[str, Path]:
    """The folders that hold class folders: `path` itself, or its `train` and `test`.

    Raises:
        DataError: if it has no class folders.
    """
    folders = {folder.name: folder for folder in listing.folders(path)}
    inner = {name: listing.folders(folder) for name, folder in folders.items()}
    found: dict[str, Path] | None = None
    if inner.get("train"):
        splits = {name: folder for name, folder in folders.items() if inner[name]}
        if set(splits) <= set(_SPLITS):
            found = splits
    elif any(
        _is_picture(it) for folder in folders.values() for it in listing.files(folder)
    ):
        found = {"train": path}
    if found is None:
        raise DataError(
            f"{path}: must have a folder of PNG or JPEG images for each class, or two "
            f"folders `train` and `test` of such, but has {_listed(path, listing)}."
        )
    for folder in {path, *found.values()}:
        for file in listing.files(folder):
            listing.leave_out(file)
    if path not in found.values():
        for folder in folders.values():
            if folder not in found.values():
                listing.leave_out(folder)
    return found


def _classes(folder: Path, listing: Listing) -> dict[str, Path]:
    """The class folders of a folder, by the names of their classes."""
    found: dict[str, Path] = {}
    places: dict[tuple[int, int], Path] = {}
    for entry in listing.folders(folder):
        # macOS and others write an accent in two ways, which look the same.
        name = unicodedata.normalize("NFC", entry.name).strip()
        if (problem := name_problem(name)) is not None:
            raise DataError(
                f"{entry.parent}: has a folder {entry.name!a}, which cannot be the name of "
                f"a class: it {problem}. Rename it."
            )
        if name in found:
            raise DataError(
                f"{entry}: is named as another class folder is, but for blanks or the way "
                "in which accents are written. Rename one, or move all into one."
            )
        status = entry.stat()
        place = places.setdefault((status.st_dev, status.st_ino), entry)
        if place != entry:
            raise DataError(f"{entry}: is the same folder as {place}, by a link.")
        found[name] = entry
    return found


def _pictures(folder: Path, listing: Listing) -> list[Path]:
    for entry in listing.folders(folder):
        raise DataError(
            f"{entry}: is a folder within a class folder, whose images would be left "
            f"out. Move them into {folder}."
        )
    found = []
    for file in listing.files(folder):
        if _is_picture(file):
            found.append(file)
        else:
            listing.leave_out(file)
    if not found:
        raise DataError(f"{folder}: has no image. Remove it, or fill it.")
    return found


def _read(files: list[Path], size: tuple[int, int] | None, path: Path) -> NDArray[np.uint8]:
    """The pictures' pixels, of shape `(len(files), height, width[, 3])`."""
    images: list[NDArray[np.uint8]] = []
    for file in files:
        try:
            picture = read_image(file)
        except ConfigError as error:
            raise DataError(str(error)) from error
        own = (picture.height, picture.width)
        if not images:
            sizes = size or own
            check_memory(str(path), len(files), (*sizes, len(picture.getbands())))
        elif size is None and own != sizes:
            raise DataError(
                f"{file}: is {_text(own)} pixels, but {files[0]} is {_text(sizes)}. All "
                f"must have one size: `size={sizes}` resizes them to that."
            )
        images.append(resized(picture, *sizes, len(picture.getbands())))
    if any(image.ndim == 3 for image in images):
        for index, image in enumerate(images):
            if image.ndim == 2:
                images[index] = np.repeat(image[..., None], 3, axis=2)
    return np.stack(images)


def _is_picture(entry: Path) -> bool:
    return entry.suffix.lower() in _PICTURES


def _text(size: tuple[int, int]) -> str:
    return "x".join(map(str, size))


def _listed(path: Path, listing: Listing) -> str:
    names = [entry.name for entry in listing.entries(path)]
    return ", ".join(names[:5]) + (", ..." if names[5:] else "") or "nothing"
