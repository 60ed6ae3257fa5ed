"""A user's files as a dataset of the array cache: importing them, and removing it."""

from __future__ import annotations

import warnings
from pathlib import Path

from kmlp._util.files import why_unreadable
from kmlp.data import cache
from kmlp.data._entry import DamagedError, read_images
from kmlp.data.dataset import Images
from kmlp.data.known import BUNDLED, KNOWN, check_content, check_own_name
from kmlp.data.listing import Listing, is_folder
from kmlp.data.sources.arrays import is_idx_folder, read_idx_folder, read_npz
from kmlp.data.sources.class_folders import read_class_folders
from kmlp.data.sources.lookup import load_images, run_tfds
from kmlp.errors import DataError, unknown_name


def import_dataset(
    name: str,
    path: Path,
    *,
    size: tuple[int, int] | None = None,
    tfds_data_dir: Path | None = None,
) -> Images:
    """Makes a dataset of a user's files, which `load_dataset` knows by its name then.

    What is left out of a folder is told on stderr. Files of `fashion_mnist` are made
    TFDS's own dataset, too, so that `tfds.load("fashion_mnist", download=False)` reads
    it.

    Args:
        name: For it: small letters, digits and _; or a name in `KNOWN`, whose content
            is compared with the published one.
        path: A folder with four IDX files, gzipped or not; a `.npz` file with the
            arrays `x_train`, `y_train`, `x_test` and `y_test`; or a folder with a
            folder of PNG or JPEG images for each class, or with two of such, `train`
            and `test`.
        size: Height and width to which images are resized. Defaults to None: none
            is resized. Only for class folders.
        tfds_data_dir: TFDS's folder. Defaults to None: TFDS_DATA_DIR, else its own.

    Returns:
        What was imported.

    Raises:
        DataError: if a file is missing or damaged, if images have several sizes, if
            the name cannot be given or is taken by other images.

    Warns:
        UserWarning: once, with what was left out of a folder.
    """
    check_own_name(name)
    known = KNOWN.get(name)
    arrays_file = not is_folder(path)
    if arrays_file and (why := why_unreadable(path)) is not None:
        raise DataError(f"{path}: cannot be read: {why}.")
    class_folders = not arrays_file and not is_idx_folder(path)
    if class_folders and known is not None:
        raise DataError(
            f"{path}: {name} is imported from its four IDX files or a .npz file, whose "
            "content can be compared with the published one. Give class folders a name of "
            "their own."
        )
    if size is not None and not class_folders:
        raise DataError("`size` is for folders of image files; arrays have one size.")
    names = known.class_names if known else None
    listing = Listing()
    try:
        if class_folders:
            images = read_class_folders(path, size=size, listing=listing)
        elif arrays_file:
            images = read_npz(path, class_names=names)
        else:
            images = read_idx_folder(path, class_names=names, listing=listing)
    finally:
        if (left_out := listing.left_out_text()) is not None:
            warnings.warn(left_out, stacklevel=2)
    check_content(name, images)
    if name == BUNDLED:
        return load_images(BUNDLED)  # the same images
    with cache.locked(name):
        if not _is_there(name, images):
            with cache.atomic_folder(name) as folder:
                cache.write(folder, name, images, imported=known is None)
    images = load_images(name)
    if known is not None:
        data_dir = str(tfds_data_dir) if tfds_data_dir else None
        try:
            run_tfds("prepare_own", name=name, data_dir=data_dir)
        except DataError as error:
            raise DataError(
                f"{name} is imported, and can be trained on. But it could not be made "
                f"TFDS's own dataset: {error}"
            ) from error
    return images


def remove_dataset(name: str) -> None:
    """Remove a dataset from the array cache. Files of TFDS stay.

    Args:
        name: The dataset's name.

    Raises:
        DataError: if the cache does not have it, or it comes with kmlp.
    """
    if not cache.has(name):
        if name == BUNDLED:
            raise DataError(f"{name} comes with kmlp, and stays.")
        names = [entry.name for entry in cache.entries()]
        raise DataError(unknown_name("dataset of the cache", name, names))
    cache.remove(name)


def _is_there(name: str, images: Images) -> bool:
    """Whether the dataset that there is has these images, and is not damaged.

    Raises:
        DataError: if it has others, or if nobody can tell.
    """
    ways = f"Remove it first: `kmlp.data.remove_dataset({name!r})`. Or choose another name."
    try:
        before = cache.find(name)
    except DamagedError as error:
        if name in KNOWN:  # it has these, or has been written to since
            return False
        raise DataError(f"{error} {ways}") from error
    if before is None:
        return False
    if (before.fingerprint, before.class_names) != (images.fingerprint, images.class_names):
        raise DataError(
            f"There is another dataset {name} already, of {before.source}. {ways}"
        )
    try:
        read_images(before)
    except DamagedError:
        return False
    return True
