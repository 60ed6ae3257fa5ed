"""`load_dataset`: a name in, a dataset out."""

from __future__ import annotations

from functools import lru_cache

from kmlp.data.dataset import VALIDATION_FRACTION, Dataset, make_dataset
from kmlp.data.sources.lookup import load_images


def load_dataset(
    name: str, *, validation_fraction: float | None = VALIDATION_FRACTION
) -> Dataset:
    """Loads a dataset by name; the last four that were asked for stay in memory.

    MNIST comes with kmlp. Everything else is read once from where it is, or
    downloaded by TensorFlow Datasets, and then kept in the array cache.

    Args:
        name: "mnist"; "fashion_mnist" or any other image classification set of
            TensorFlow Datasets whose images have one size, as `name`,
            `name/config` or `name/config:version`; or the name of a dataset that
            was imported by `kmlp data import`.
        validation_fraction: The share of the training images that validates,
            stratified, and the same for every run; None: no share, the test images
            validate. Defaults to 1/6.

    Returns:
        Its arrays, uint8 images and integer labels, in fixed stratified splits.

    Raises:
        UnknownNameError: if there is no dataset of that name.
        DataError: if it is not to be had, or is damaged, or is no set of images
            of one size with labels.
        ConfigError: if a split would have no image, or if none of a class, or those of
            one class alone, would be left to train on.

    Example:
    >>> mnist = load_dataset("mnist")
    >>> len(mnist.train), len(mnist.validation), len(mnist.test)
    (50000, 10000, 10000)
    >>> mnist.input_shape, mnist.num_classes
    ((28, 28), 10)
    """
    return _load(name, validation_fraction)


# A study asks for its dataset again for every check and every run: 27 times for three
# levels with three seeds, where MNIST takes 0.6 s to load. Workers are sent the dataset.
@lru_cache(maxsize=4)
def _load(name: str, validation_fraction: float | None) -> Dataset:
    return make_dataset(name, load_images(name), validation_fraction=validation_fraction)


def forget_datasets() -> None:
    """Lets go of what is in memory."""
    _load.cache_clear()
