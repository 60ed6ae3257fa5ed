"""Import a user's files as a dataset of the array cache, and remove datasets."""

from __future__ import annotations

import os
import warnings

from kmlp._util.user_files import expanded, why_unreadable
from kmlp.data import cache
from kmlp.data._entry import DamagedError, read_examples
from kmlp.data._examples import Examples
from kmlp.data.known import BUNDLED, KNOWN, check_content, check_import_name
from kmlp.data.listing import Listing, is_folder
from kmlp.data.sources.arrays import is_idx_folder, read_idx_folder, read_npz
from kmlp.data.sources.class_folders import read_class_folders
from kmlp.data.sources.lookup import load_examples, run_tfds
from kmlp.errors import DataError, unknown_name


def import_dataset(
    name: str,
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    tfds_data_dir: str | os.PathLike[str] | None = None,
) -> Examples:
    """Import a user's files as a dataset, which `load_dataset` then loads by its name.

    Files of `fashion_mnist` also become TFDS's own dataset, which
    `tfds.load("fashion_mnist", download=False)` reads.

    Args:
        name: Name of the dataset: small letters, digits and _; or a name in `KNOWN`,
            whose content is compared with the published one.
        path: A folder with four IDX files, gzipped or not; a `.npz` file with the
            arrays `x_train`, `y_train`, `x_test` and `y_test`; a folder with a folder
            of PNG or JPEG images for each class; or a folder with two folders of that
            kind, `train` and `test`.
        size: Height and width to which images are resized, in pixels; only for class
            folders. Defaults to None: images are not resized.
        tfds_data_dir: Folder of TFDS. Defaults to None: TFDS_DATA_DIR, or TFDS's own
            default.

    Returns:
        The imported images.

    Raises:
        DataError: if a file is missing or damaged, if images differ in size, if the name
            is not valid, or if the name belongs to other images.
        ConfigError: if the path cannot be one.

    Warns:
        UserWarning: once, with the names of the files that were left out.
    """
    check_import_name(name)
    path = expanded(path, "`path`")
    known = KNOWN.get(name)
    arrays_file = not is_folder(path)
    if arrays_file and (reason := why_unreadable(path)) is not None:
        raise DataError(f"{path}: cannot be read: {reason}.")
    class_folders = not arrays_file and not is_idx_folder(path)
    if class_folders and known is not None:
        raise DataError(
            f"{path}: {name} can be imported only from its four IDX files or a .npz file, "
            "whose content can be compared with the published one. Import class folders "
            "under another name."
        )
    if size is not None and not class_folders:
        raise DataError("`size` is only for folders of image files: arrays have one size.")
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
        return load_examples(BUNDLED)  # `check_content` has shown that they are the same
    with cache.locked(name):
        if not _has_intact(name, images):
            with cache.atomic_folder(name) as folder:
                cache.write(folder, name, images, imported=known is None)
    images = load_examples(name)
    if known is not None:
        data_dir = os.fspath(tfds_data_dir) if tfds_data_dir else None
        try:
            run_tfds("prepare_own", name=name, data_dir=data_dir)
        except DataError as error:
            raise DataError(
                f"{name} is imported, and runs can train on it, but it could not become "
                f"TFDS's own dataset: {error}"
            ) from error
    return images


def remove_dataset(name: str) -> None:
    """Remove a dataset from the array cache. Files of TFDS are not removed.

    Args:
        name: The dataset's name.

    Raises:
        DataError: if the cache does not have the dataset, or if it comes with kmlp.
    """
    if not cache.has(name):
        if name == BUNDLED:
            raise DataError(f"{name} comes with kmlp, and cannot be removed.")
        names = [entry.name for entry in cache.entries()]
        raise DataError(unknown_name("dataset of the cache", name, names))
    cache.remove(name)


def _has_intact(name: str, images: Examples) -> bool:
    """Return True if the cache has these images under the name, and they are not damaged.

    Raises:
        DataError: if the cache has other images under the name, or may have them.
    """
    remedy = (
        f"Remove it first (`kmlp.data.remove_dataset({name!r})`), or choose another name."
    )
    try:
        existing = cache.find(name)
    except DamagedError as error:
        if name in KNOWN:  # the content of this name is known, and `images` has it
            return False
        raise DataError(f"{error} {remedy}") from error
    if existing is None:
        return False
    if (existing.fingerprint, existing.class_names) != (
        images.fingerprint,
        images.class_names,
    ):
        raise DataError(
            f"There is already another dataset {name}, from {existing.source}. {remedy}"
        )
    try:
        read_examples(existing)
    except DamagedError:
        return False
    return True
