"""A user's folder of class folders of images: what it has, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from kmlp.errors import DataError

_READ = (".png", ".jpg", ".jpeg")
_NOT_READ = (".bmp", ".gif", ".tif", ".tiff", ".webp")
_SPLITS = ("train", "test")
_GRAY = ("1", "L")


def find_splits(path: Path) -> dict[str, Path]:
    """The folders that hold class folders: `path` itself, or its `train` and `test`.

    Raises:
        DataError: if it has no class folders.
    """
    folders = _folders(path)
    if any(_images(folder) for folder in folders):
        return {"train": path}
    splits = {
        folder.name: folder
        for folder in folders
        if any(_images(inner) for inner in _folders(folder))
    }
    if "train" not in splits or not set(splits) <= set(_SPLITS):
        raise DataError(
            f"{path}: must have a folder of PNG or JPEG images for each class, or two "
            f"folders `train` and `test` of such, but has {_listed(path)}."
        )
    return splits


def check_files(splits: dict[str, Path], *, resized: bool) -> tuple[int, int, int]:
    """Opens every image; says the shape that they have, `(height, width, channels)`.

    Args:
        splits: What `find_splits` found.
        resized: Whether images of several sizes will be made one. Their height and
            width mean nothing then.

    Raises:
        DataError: if one cannot be read, if sizes differ, or if a class has none.
    """
    from PIL import Image, UnidentifiedImageError

    first: tuple[Path, tuple[int, int]] | None = None
    gray = True
    for folder in splits.values():
        for class_folder in _folders(folder):
            files = _images(class_folder)
            if not files:
                raise DataError(f"{class_folder}: has no image. Remove it, or fill it.")
            if not (splits["train"] / class_folder.name).is_dir():
                raise DataError(
                    f"{class_folder}: is a class of which {splits['train']} has no image."
                )
            for file in files:
                try:
                    with Image.open(file) as image:
                        image.load()
                        size, mode = image.size, image.mode
                except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
                    raise DataError(f"{file}: cannot be read: {error}") from error
                gray &= mode in _GRAY
                if first is None:
                    first = file, size
                elif size != first[1] and not resized:
                    raise DataError(
                        f"{file}: is {_size(size)} pixels, but {first[0]} is "
                        f"{_size(first[1])}. All must have one size: `--size "
                        f"{_size(first[1])}` resizes them to that."
                    )
    assert first is not None
    width, height = first[1]
    return height, width, 1 if gray else 3


def _images(folder: Path) -> list[Path]:
    found = []
    for file in sorted(folder.iterdir()):
        suffix = file.suffix.lower()
        if suffix in _NOT_READ:
            raise DataError(f"{file}: is not read. Save it as PNG or JPEG.")
        if suffix in _READ:
            found.append(file)
    return found


def _folders(path: Path) -> list[Path]:
    return [folder for folder in sorted(path.iterdir()) if folder.is_dir()]


def _size(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"


def _listed(path: Path) -> str:
    names = [entry.name for entry in sorted(path.iterdir())]
    return ", ".join(names[:5]) + (", ..." if names[5:] else "") or "nothing"
