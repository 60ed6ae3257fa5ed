"""Import a user's files as a dataset of the array cache, and remove datasets."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kmlp._util.user_files import expanded, why_unreadable
from kmlp.data import cache
from kmlp.data._entry import DamagedError, read_examples
from kmlp.data._examples import Examples
from kmlp.data._schema import Task
from kmlp.data._table_examples import MissingRule, examples_of_table
from kmlp.data.known import BUNDLED, KNOWN, check_content, check_import_name
from kmlp.data.listing import Listing, is_folder
from kmlp.data.sources.arrays import (
    is_idx_folder,
    is_npz_of_rows,
    read_idx_folder,
    read_npz,
    read_npz_of_rows,
)
from kmlp.data.sources.class_folders import read_class_folders
from kmlp.data.sources.lookup import load_examples, run_tfds
from kmlp.data.sources.table_files import is_archive, read_table
from kmlp.data.sources.tables import Table, listed
from kmlp.errors import DataError, unknown_name


def import_dataset(
    name: str,
    path: str | os.PathLike[str],
    *,
    target: str | int | None = None,
    task: Task | None = None,
    missing: MissingRule | None = None,
    test: str | os.PathLike[str] | None = None,
    unit: str = "",
    exclude: Sequence[str] = (),
    header: bool = True,
    delimiter: str | None = None,
    decimal: str | None = None,
    size: tuple[int, int] | None = None,
    tfds_data_dir: str | os.PathLike[str] | None = None,
) -> Examples:
    """Import a user's files as a dataset, which `load_dataset` then loads by its name.

    Files of images: a folder with four IDX files, gzipped or not; a `.npz` file with the
    arrays `x_train`, `y_train`, `x_test` and `y_test`, where x are images of uint8; a
    folder with a folder of PNG or JPEG images for each class; or a folder with two folders
    of that kind, `train` and `test`. Files of `fashion_mnist` also become TFDS's own
    dataset, which `tfds.load("fashion_mnist", download=False)` reads.

    Files of a table: a CSV file in UTF-8, gzipped or not; a Parquet file; or a `.npz` file
    with `x_train` of shape `(rows, columns)`, `y_train`, and perhaps `x_test` and `y_test`,
    whose columns are called x1, x2, ... and whose target is y.

    - A column of text becomes a column of 0 and 1 for each of its different values, of
      which there can be 50. False and True are 0 and 1.
    - A value is missing if the cell is empty or is NA, N/A, NaN, null or ?.
    - Numbers are kept as float32. Infinite numbers are refused.

    Args:
        name: Name of the dataset: small letters, digits and _; or a name in `KNOWN`,
            whose content is compared with the published one.
        path: The file or folder.
        target: The column to predict, which every CSV and Parquet file needs: its name; or
            its number from 1, if there is no header. Only for tables.
        task: "classification" or "regression"; only for tables. Defaults to None: texts,
            booleans and whole numbers of at most 20 different values, each of which occurs
            twice on average, are classes; other numbers are a regression.
        missing: What is done about missing values; only for tables. "mean" and
            "most_frequent" fill them in for each run from its training rows: a number by
            the mean or by the most frequent one, a text by the most frequent one. "drop":
            rows with a missing value are left out. Defaults to None: they are refused.
        test: A file of the test rows, with the same columns in any order; only for
            tables. Defaults to None: a stratified sixth of the rows is held out.
        unit: The unit of a regression's target, such as "EUR". Defaults to "".
        exclude: The names of columns that are left out, such as ids. Defaults to none.
        header: True if the first row of a CSV file has the names of the columns.
            Otherwise they are called x1, x2, ... Defaults to True.
        delimiter: The character between two cells of a CSV file. Defaults to None: a
            comma, a semicolon, a tab or a bar, whichever fits the first rows.
        decimal: The decimal point of a CSV file, "." or ",". Defaults to None: ".".
        size: Height and width to which images are resized, in pixels; only for class
            folders. Defaults to None: images are not resized.
        tfds_data_dir: Folder of TFDS. Defaults to None: TFDS_DATA_DIR, or TFDS's own
            default.

    Returns:
        The imported images, or the rows of the table.

    Raises:
        DataError: if a file is missing or damaged, if images differ in size, if a table is
            not a dataset (with line and column), if the name is not valid, or if the name
            belongs to another dataset.
        ConfigError: if the path cannot be one.

    Warns:
        UserWarning: once, with the names of the files that were left out; or about columns
            that are constant, or that float32 rounds.
    """
    check_import_name(name)
    path = expanded(path, "`path`")
    tables = _read_tables(path, test, header, delimiter, decimal)
    if tables is not None:
        if size is not None:
            raise DataError(f"{path}: is a table, but `size` is only for images.")
        _, examples = import_tables(
            name, *tables, target=_target(tables[0], target), task=task, missing=missing,
            unit=unit, exclude=exclude, stacklevel=3,
        )  # fmt: skip
        return examples
    what = "is a folder, which can have images only" if is_folder(path) else "has images"
    _check_none_given(
        f"{path}: {what}", target=target, task=task, missing=missing,
        test=test, unit=unit, exclude=exclude, header=not header,
        delimiter=delimiter, decimal=decimal,
    )  # fmt: skip
    known = KNOWN.get(name)
    arrays_file = not is_folder(path)
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
    images = _register(name, images)
    if known is not None and name != BUNDLED:
        data_dir = os.fspath(tfds_data_dir) if tfds_data_dir else None
        try:
            run_tfds("prepare_own", name=name, data_dir=data_dir)
        except DataError as error:
            raise DataError(
                f"{name} is imported, and runs can train on it, but it could not become "
                f"TFDS's own dataset: {error}"
            ) from error
    return images


def import_tables(
    name: str | None, train: Table, test: Table | None, **options: Any
) -> tuple[str, Examples]:
    """Import tables as a dataset. Return its name and its examples.

    Args:
        name: Name of the dataset. None: "table_" with the beginning of the fingerprint.
        train: The training table.
        test: The test table. None: a stratified sixth of the rows is held out.
        **options: The other arguments of `examples_of_table`.

    Raises:
        DataError: see `import_dataset`.
    """
    if name is not None:
        check_import_name(name)
    if name in KNOWN:
        raise DataError(
            f'"{name}" is the name of published images, but {train.source} is a table. Use '
            f"another name, such as my_{name}."
        )
    examples = examples_of_table(train, test, **options)
    name = name or f"table_{examples.fingerprint[:8]}"
    return name, _register(name, examples)


def _register(name: str, examples: Examples) -> Examples:
    """Write examples into the cache under a name, and return them as the cache has them."""
    check_content(name, examples)
    if name == BUNDLED:
        return load_examples(BUNDLED)  # `check_content` has shown that they are the same
    with cache.locked(name):
        if not _has_intact(name, examples):
            with cache.atomic_folder(name) as folder:
                cache.write(folder, name, examples, imported=name not in KNOWN)
    return load_examples(name)


def _read_tables(
    path: Path,
    test: str | os.PathLike[str] | None,
    header: bool,
    delimiter: str | None,
    decimal: str | None,
) -> tuple[Table, Table | None] | None:
    """Return the training table, and the test table or None; None for images.

    Raises:
        DataError: if a file cannot be read as a table.
    """
    if is_folder(path):
        return None
    if (reason := why_unreadable(path)) is not None:
        raise DataError(f"{path}: cannot be read: {reason}.")
    if is_archive(path):
        if not is_npz_of_rows(path):
            return None
        _check_none_given(
            f"{path}: is a .npz file, which has its test rows as x_test and y_test",
            test=test, header=not header, delimiter=delimiter, decimal=decimal,
        )  # fmt: skip
        return read_npz_of_rows(path)
    train, *others = [
        read_table(file, header=header, delimiter=delimiter, decimal=decimal)
        for file in (path, *([expanded(test, "`test`")] if test is not None else []))
    ]
    return train, others[0] if others else None


def _target(table: Table, target: str | int | None) -> str:
    """Return the target of a table; that of arrays is the last column.

    Raises:
        DataError: if no target is given for a file with other columns.
    """
    if target is not None:
        return str(target)
    *_, last = table.columns
    if table.is_arrays:
        return last
    what = "the name of the column" if table.has_header else "the number of the column"
    raise DataError(
        f"{table.source}: is a table, for which `target` must be given: {what} to predict. "
        f"It has the columns {listed(list(table.columns), 20)}."
    )


def _check_none_given(context: str, **options: object) -> None:
    """Check that options have no values.

    Raises:
        DataError: if one has.
    """
    for option, value in options.items():
        if value not in (None, "", (), [], False):
            raise DataError(f"{context}, but `{option}` is given. Leave it out.")


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
