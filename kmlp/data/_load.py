"""Load a dataset by name."""

from __future__ import annotations

from functools import lru_cache

from kmlp.data._dataset import VALIDATION_FRACTION, Dataset, make_dataset
from kmlp.data.sources.lookup import load_examples


def load_dataset(
    name: str, *, validation_fraction: float | None = VALIDATION_FRACTION
) -> Dataset:
    """Load a dataset by name. The last four datasets stay in memory.

    MNIST comes with kmlp. Other datasets are read from this machine, or downloaded by
    TensorFlow Datasets, and then kept in the array cache.

    Args:
        name: "mnist"; "fashion_mnist" or any other image classification dataset of
            TensorFlow Datasets whose images have one size, as `name`,
            `name/config` or `name/config:version`; or the name of a dataset that
            `kmlp.data.import_dataset` imported.
        validation_fraction: Fraction of the training images that is used for
            validation, from 0 to 1: stratified, and the same images for every run.
            None: the test images are used for validation. Defaults to 1/6.

    Returns:
        The images as uint8 and the labels as integers, in fixed stratified splits.

    Raises:
        UnknownNameError: if there is no dataset of that name.
        DataError: if the dataset is unavailable, damaged, or not a labelled set of
            equally sized images.
        ConfigError: if a split would be empty, or if the images left for training lack
            a class or have only one class.

    Example:
    >>> mnist = load_dataset("mnist")
    >>> len(mnist.train), len(mnist.validation), len(mnist.test)
    (50000, 10000, 10000)
    >>> mnist.input_shape, mnist.num_classes
    ((28, 28), 10)
    """
    return _load(name, validation_fraction)


# A study asks for its dataset again for every check and every run. MNIST takes 0.6 s to
# load. Workers are sent the dataset.
@lru_cache(maxsize=4)
def _load(name: str, validation_fraction: float | None) -> Dataset:
    return make_dataset(name, load_examples(name), validation_fraction=validation_fraction)


def forget_datasets() -> None:
    """Drop the datasets that are in memory."""
    _load.cache_clear()
