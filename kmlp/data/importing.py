"""`kmlp data import`: a user's files become a dataset of the cache."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from kmlp.data import cache
from kmlp.data.dataset import Images
from kmlp.data.known import BUNDLED, KNOWN, check_content, check_own_name
from kmlp.data.sources import load_images, run_tfds
from kmlp.data.user_files import is_idx_folder, read_idx_folder, read_npz
from kmlp.errors import DataError


def import_dataset(
    name: str,
    path: Path,
    *,
    size: tuple[int, int] | None = None,
    tfds_data_dir: Path | None = None,
) -> Images:
    """Makes a dataset of a user's files, which `load_dataset` knows by its name then.

    Files of `fashion_mnist` are made TFDS's own dataset, too, so that
    `tfds.load("fashion_mnist", download=False)` reads it.

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
    """
    check_own_name(name)
    known = KNOWN.get(name)
    try:
        class_folders = path.is_dir() and not is_idx_folder(path)
        path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error
    if class_folders and known is not None:
        raise DataError(
            f"{path}: {name} is imported from its four IDX files or a .npz file, whose "
            "content can be compared with the published one. Give class folders a name of "
            "their own."
        )
    if size is not None and not class_folders:
        raise DataError("--size is for folders of image files; arrays have one size.")
    if not class_folders:
        read = read_idx_folder if path.is_dir() else read_npz
        images = read(path, class_names=known.class_names if known else None)
        check_content(name, images)
        if name == BUNDLED:
            return load_images(BUNDLED)  # the same images
    with cache.locked(name):
        before = cache.find(name)
        with suppress(_Same), cache.replacing(name) as folder:
            if class_folders:
                run_tfds(
                    "read_class_folders",
                    folder=str(folder),
                    name=name,
                    path=str(path.resolve()),
                    size=size,
                )
            else:
                cache.write(folder, name, images, imported=known is None)
            if before is not None:
                _compare(before, cache.entry_of(folder))
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


class _Same(Exception):  # noqa: N818  (no error: there is nothing to do)
    """What is imported is there already."""


def _compare(before: cache.Entry, made: cache.Entry) -> None:
    """Raises what keeps the dataset that there is, unless it is damaged."""
    if (before.fingerprint, before.class_names) != (made.fingerprint, made.class_names):
        raise DataError(
            f"There is another dataset {before.name} already, of {before.source}. Remove "
            f"it first: `kmlp data rm {before.name}`. Or choose another name."
        )
    with suppress(cache.Damaged):
        cache.open_images(before)
        raise _Same
