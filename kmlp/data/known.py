"""The datasets that kmlp knows in advance: names, fingerprints, folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kmlp.data._built_in import BUILT_IN
from kmlp.data._examples import Examples
from kmlp.errors import DataError, UnknownNameError, unknown_name

BUNDLED = "mnist"
"""The dataset that comes with kmlp."""

SUGGESTED = (
    BUNDLED,
    "fashion_mnist",
    "kmnist",
    "emnist/letters",
    "emnist/balanced",
    "cifar10",
    "cifar100",
    "svhn_cropped",
)
"""Datasets that are listed for users, among the many of TFDS."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(/[A-Za-z0-9_.+-]+)?(:[0-9]+\.[0-9*]+\.[0-9*]+)?")
_LONGEST_NAME = 200
_IMPORT_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A dataset whose content is known."""

    fingerprint: str
    """The fingerprint of the images in canonical order."""
    class_names: tuple[str, ...]
    """The names of the classes."""
    count: int
    """The number of images."""
    shape: tuple[int, ...]
    """The shape of one image."""
    system_folders: tuple[Path, ...] = ()
    """Folders in which operating systems install the four IDX files."""
    ways: tuple[str, ...] = ()
    """Ways to get the dataset without a network."""


KNOWN = {
    BUNDLED: Known(
        fingerprint="ca1f6d6f3804a30f822c44ddc65b9f29a8d66990f97e46f1c0f508f3f41db05c",
        class_names=tuple("0123456789"),
        count=70_000,
        shape=(28, 28),
    ),
    "fashion_mnist": Known(
        fingerprint="7e479e06b432ba52363d873ed67303e2e4d73cb7023189483e2f48838153aa04",
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        count=70_000,
        shape=(28, 28),
        system_folders=(Path("/usr/share/datasets/fashion-mnist"),),
        ways=(
            "`kmlp.data.import_dataset('fashion_mnist', folder)` with its four IDX files",
            "on Debian, `apt install dataset-fashion-mnist`",
        ),
    ),
}


def known_of(name: str) -> Known | None:
    """Return the known dataset of a name with or without a version; None if unknown."""
    return KNOWN.get(name.partition(":")[0])


def is_name(name: str) -> bool:
    """Return True for a valid name: `name` or `name/config`, also with `:version`."""
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def check_content(name: str, images: Examples) -> None:
    """Compare images with the published ones, if the dataset is known.

    Raises:
        DataError: if the images differ.
    """
    known = known_of(name)
    if known is not None and images.fingerprint != known.fingerprint:
        raise DataError(
            f"{images.source}: is not the published {name}: the SHA-256 of its images and "
            f"labels is {images.fingerprint}, but must be {known.fingerprint}. To use "
            "these images, import them under another name."
        )


def check_import_name(name: str) -> None:
    """Check the name of a dataset to import.

    Raises:
        DataError: if the name is not valid, is that of a built-in table, or is the name of
            a dataset of TFDS whose content is unknown.
    """
    if not _IMPORT_NAME.fullmatch(name):
        raise DataError(
            f'"{name}" cannot be the name of a dataset: a name must consist of small '
            "letters, digits and _, and start with a letter."
        )
    if name in BUILT_IN:
        raise DataError(
            f'"{name}" is the name of a table that comes with kmlp. Use another name, such '
            f"as my_{name}."
        )
    if name not in KNOWN and name in tfds_names():
        raise DataError(
            f'"{name}" is the name of a dataset of TFDS, and kmlp cannot compare your '
            f"data with it. Use another name, such as my_{name}."
        )


def check_tfds_name(name: str, others: Iterable[str] = ()) -> None:
    """Check that TFDS has a dataset of that name.

    Args:
        name: A name as `name`, `name/config` or `name/config:version`.
        others: Other names to suggest in the message. Defaults to none.

    Raises:
        UnknownNameError: if TFDS lacks the dataset, with the nearest name.
    """
    if not is_tfds_name(name):
        known = {*SUGGESTED, *BUILT_IN, *others}
        parameters = "".join(name.partition(":")[1:])
        made = {base + parameters for base, table in BUILT_IN.items() if table.defaults}
        near = unknown_name("dataset", name, {*known, *made, *tfds_names()})
        hint = near.partition("?")[0] + "?" if "?" in near else near.partition(".")[0] + "."
        raise UnknownNameError(
            f"{hint} Allowed: {', '.join(sorted(known))}, and every image classification "
            "dataset of TFDS. `kmlp.data.import_dataset` imports images or a table of your "
            "own."
        )


def is_tfds_name(name: str) -> bool:
    """Return True if TFDS has a dataset of that name. Imports TFDS, but not TensorFlow."""
    return is_name(name) and re.split("[/:]", name)[0] in tfds_names()


@cache
def tfds_names() -> frozenset[str]:
    """Return the names of all datasets of TFDS. Imports TFDS, but not TensorFlow."""
    import tensorflow_datasets as tfds

    return frozenset(tfds.list_builders(with_community_datasets=False))
