"""A user's folder of class folders of images: what it has, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from kmlp.errors import DataError

_READ = (".png", ".jpg", ".jpeg")
_NOT_READ = (".bmp", ".gif", ".tif", ".tiff", ".webp")
_SPLITS = ("train", "test")
_GRAY = ("1", "L")
_OPAQUE = (255, 255)


def find_splits(path: Path) -> dict[str, Path]:
    """The folders that hold class folders: `path` itself, or its `train` and `test`.

    Raises:
        DataError: if it has no class folders.
    """
    folders = {folder.name: folder for folder in _folders(path)}
    inner = {name: _folders(folder) for name, folder in folders.items()}
    if "train" in folders and inner["train"]:
        splits = {name: folder for name, folder in folders.items() if inner[name]}
        if set(splits) <= set(_SPLITS):
            return splits
    elif any(_is_image(it) for folder in folders.values() for it in _entries(folder)):
        return {"train": path}
    raise DataError(
        f"{path}: must have a folder of PNG or JPEG images for each class, or two folders "
        f"`train` and `test` of such, but has {_listed(path)}."
    )


def check_files(splits: dict[str, Path], *, resized: bool) -> tuple[int, int, int]:
    """Opens every image; says the shape that they have, `(height, width, channels)`.

    Args:
        splits: What `find_splits` found.
        resized: Whether images of several sizes will be made one. Their height and
            width mean nothing then.

    Raises:
        DataError: if one cannot be read, if sizes differ, or if a class has none.
    """
    first: tuple[Path, tuple[int, int]] | None = None
    all_gray = True
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
                size, gray = _check_file(file)
                all_gray &= gray
                first = first or (file, size)
                if size != first[1] and not resized:
                    raise DataError(
                        f"{file}: is {_text(size)} pixels, but {first[0]} is "
                        f"{_text(first[1])}. All must have one size: `--size "
                        f"{_text(first[1])}` resizes them to that."
                    )
    assert first is not None
    return *first[1], 1 if all_gray else 3


def _check_file(file: Path) -> tuple[tuple[int, int], bool]:
    """An image's height and width, and whether it is gray."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            image.load()
            transparent = image.has_transparency_data and (
                image.convert("RGBA").getchannel("A").getextrema() != _OPAQUE
            )
            found = (image.height, image.width), image.mode in _GRAY
    except Exception as error:  # a decoder may fail in any way
        raise DataError(f"{file}: cannot be read: {error}") from error
    if transparent:
        raise DataError(
            f"{file}: is transparent in places, and what is seen there depends on the page "
            "that it lies on. Save it on a background."
        )
    return found


def _is_image(entry: Path) -> bool:
    return entry.suffix.lower() in _READ and entry.is_file()


def _images(folder: Path) -> list[Path]:
    found = []
    for entry in _entries(folder):
        if entry.is_dir():
            raise DataError(
                f"{entry}: is a folder within a class folder, whose images would be left "
                f"out. Move them into {folder}."
            )
        if entry.suffix.lower() in _NOT_READ:
            raise DataError(f"{entry}: is not read. Save it as PNG or JPEG.")
        if _is_image(entry):
            found.append(entry)
    return found


def _folders(path: Path) -> list[Path]:
    return [entry for entry in _entries(path) if entry.is_dir()]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from error


def _text(size: tuple[int, int]) -> str:
    return "x".join(map(str, size))


def _listed(path: Path) -> str:
    names = [entry.name for entry in _entries(path)]
    return ", ".join(names[:5]) + (", ..." if names[5:] else "") or "nothing"
