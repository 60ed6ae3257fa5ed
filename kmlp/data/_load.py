"""Load a dataset by name."""

from __future__ import annotations

from functools import lru_cache

from kmlp.data._dataset import VALIDATION_FRACTION, Dataset, make_dataset
from kmlp.data.sources.lookup import load_examples


def load_dataset(
    name: str, *, validation_fraction: float | None = VALIDATION_FRACTION
) -> Dataset:
    """Load a dataset by name. The last four datasets stay in memory.

    MNIST and some tables come with kmlp. Other datasets are read from this machine, or
    downloaded by TensorFlow Datasets, and then kept in the array cache.

    Args:
        name: "mnist"; "iris", "wine", "breast_cancer", "digits", "diabetes", "moons",
            "circles" or "spirals", the last three also with parameters, as in
            "moons:2000:0.2" (rows, noise, seed); "fashion_mnist" or any other image
            classification dataset of TensorFlow Datasets whose images have one size, as
            `name`, `name/config` or `name/config:version`; or the name of a dataset that
            `kmlp.data.import_dataset` imported.
        validation_fraction: Fraction of the training examples that is used for
            validation, from 0 to 1: stratified, and the same examples for every run.
            None: the test examples are used for validation. Defaults to 1/6.

    Returns:
        Images as uint8, or rows of a table as float32, with integer labels or the numbers
        of a regression, in fixed stratified splits.

    Raises:
        UnknownNameError: if there is no dataset of that name.
        DataError: if the dataset is unavailable, damaged, or not a labelled set of
            equally sized images.
        ConfigError: if a split would be empty, if the examples left for training lack a
            class or have only one class, or if a parameter of a table is not valid.

    Example:
    >>> mnist = load_dataset("mnist")
    >>> len(mnist.train), len(mnist.validation), len(mnist.test)
    (50000, 10000, 10000)
    >>> mnist.input_shape, mnist.num_classes
    ((28, 28), 10)
    >>> load_dataset("wine").input_shape
    (13,)
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
