"""`load_dataset`: a name in, a dataset out."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from kmlp.data.dataset import Dataset
from kmlp.data.mnist import load_mnist
from kmlp.errors import UnknownNameError, unknown_name

_LOADERS: dict[str, Callable[[], Dataset]] = {"mnist": load_mnist}


def check_dataset(name: str) -> None:
    """Raises `UnknownNameError` if there is no dataset of that name."""
    if name not in _LOADERS:
        raise UnknownNameError(unknown_name("dataset", name, _LOADERS))


@lru_cache(maxsize=2)
def load_dataset(name: str) -> Dataset:
    """Loads a dataset by name; the last two stay in memory.

    Args:
        name: "mnist".

    Returns:
        Its arrays, uint8 images and integer labels, in fixed stratified splits.

    Raises:
        UnknownNameError: if there is no dataset of that name.
        DataError: if its files are missing or damaged.

    Example:
    >>> mnist = load_dataset("mnist")
    >>> len(mnist.train), len(mnist.validation), len(mnist.test)
    (50000, 10000, 10000)
    >>> mnist.input_shape, mnist.num_classes
    ((28, 28), 10)
    """
    check_dataset(name)
    return _LOADERS[name]()
