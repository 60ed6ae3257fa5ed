"""What kmlp knows of datasets before it has them: names, fingerprints, folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kmlp.data.dataset import Images
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
"""Image sets that TFDS has, of the many, to tell of."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(/[A-Za-z0-9_.+-]+)?(:[0-9]+\.[0-9*]+\.[0-9*]+)?")
_LONGEST_NAME = 200
_OWN_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A dataset whose content is known."""

    fingerprint: str
    """Of its images in their canonical order."""
    class_names: tuple[str, ...]
    count: int
    """Of all its images."""
    shape: tuple[int, ...]
    """Of one."""
    system_folders: tuple[Path, ...] = ()
    """Where systems put its four IDX files."""
    ways: tuple[str, ...] = ()
    """How to get it where there is no network."""


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
            "`kmlp.data.import_dataset('fashion_mnist', folder)`, of its four IDX files",
            "on Debian, `apt install dataset-fashion-mnist`",
        ),
    ),
}


def known_of(name: str) -> Known | None:
    """What is known of a dataset, whichever version of it is named."""
    return KNOWN.get(name.partition(":")[0])


def is_name(name: str) -> bool:
    """Whether a dataset can have that name: `name`, `name/config` or with `:version`."""
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def check_content(name: str, images: Images) -> None:
    """Compares images with the published ones, where they are known.

    Raises:
        DataError: if they are others.
    """
    known = known_of(name)
    if known is not None and images.fingerprint != known.fingerprint:
        raise DataError(
            f"{images.source}: is not the published {name}: the SHA-256 of its images and "
            f"labels is {images.fingerprint}, but must be {known.fingerprint}. To use it "
            "all the same, import it under a name of its own."
        )


def check_own_name(name: str) -> None:
    """Raises `DataError` if a user's dataset cannot have that name."""
    if not _OWN_NAME.fullmatch(name):
        raise DataError(
            f'The name "{name}" cannot be given to a dataset: it must be of small letters, '
            "digits and _, and begin with a letter."
        )
    if name not in KNOWN and name in tfds_names():
        raise DataError(
            f'The name "{name}" is that of a dataset of TFDS, and kmlp cannot tell whether '
            f"yours is the same. Give it another one, such as my_{name}."
        )


def check_tfds_name(name: str, also: Iterable[str] = ()) -> None:
    """Raises `UnknownNameError` if TFDS has no dataset of that name.

    Args:
        name: As `name`, `name/config` or `name/config:version`.
        also: Names to tell of beside those of TFDS. Defaults to none.
    """
    if not is_tfds_name(name):
        known = {*SUGGESTED, *also}
        near = unknown_name("dataset", name, {*known, *tfds_names()})
        hint = near.partition("?")[0] + "?" if "?" in near else near.partition(".")[0] + "."
        raise UnknownNameError(
            f"{hint} Allowed: {', '.join(sorted(known))}, and every image classification "
            "set of TFDS. `kmlp.data.import_dataset` makes a dataset of your own images."
        )


def is_tfds_name(name: str) -> bool:
    """Whether TFDS has a dataset of that name; imports TFDS, but no TensorFlow."""
    return is_name(name) and re.split("[/:]", name)[0] in tfds_names()


@cache
def tfds_names() -> frozenset[str]:
    """The names of all datasets of TFDS; imports TFDS, but no TensorFlow."""
    import tensorflow_datasets as tfds

    return frozenset(tfds.list_builders(with_community_datasets=False))
