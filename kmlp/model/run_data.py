"""The images of a run: its dataset, and what its configuration does to them."""

from typing import TYPE_CHECKING

from kmlp.errors import ConfigError
from kmlp.model.config import RunConfig
from kmlp.model.scaling import pixel_statistics

if TYPE_CHECKING:
    from kmlp.data import Dataset


def dataset_of(config: RunConfig) -> "Dataset":
    """Return the dataset that a configuration names, with all of its training images.

    Raises:
        DataError: if the dataset cannot be read.
        ConfigError: if the `validation_fraction` is not possible for the dataset.
    """
    from kmlp.data import load_dataset

    fraction = None if config.folds else config.validation_fraction
    return load_dataset(config.dataset, validation_fraction=fraction)


def split_for(config: RunConfig, dataset: "Dataset") -> "Dataset":
    """Return the dataset with the images and labels of one run.

    Args:
        config: The run's configuration.
        dataset: The result of `dataset_of`, which all seeds share.

    Raises:
        ConfigError: if the dataset has too few images for the `train_size` or the
            `label_noise`.
    """
    split = dataset
    if config.folds:
        split = dataset.on_fold(config.folds, config.seed)
    elif config.resplit:
        split = dataset.resplit(config.seed)
    sized = split.with_train_size(config.train_size)
    return sized.with_label_noise(config.label_noise, config.seed)


def training_size(config: RunConfig, dataset: "Dataset | None" = None) -> int:
    """Return the number of training examples of a run, without dividing the dataset.

    Args:
        config: The run's configuration.
        dataset: The result of `dataset_of`. Defaults to None: the dataset is loaded.
    """
    if config.train_size is not None:
        return config.train_size
    dataset = dataset or dataset_of(config)
    if config.folds:
        return dataset.fold_sizes(config.folds, config.seed)[0]
    return len(dataset.train)


def pixels_of(config: RunConfig, dataset: "Dataset") -> tuple[float, float] | None:
    """Return the mean and the standard deviation of the pixels of a run's training images.

    Args:
        config: The run's configuration.
        dataset: The whole dataset that the configuration names.

    Returns:
        The two numbers; None if the scaling does not need them.

    Raises:
        ConfigError: if all pixels are equal.
    """
    if config.scaling != "standard":
        return None
    mean, sd = pixel_statistics(split_for(config, dataset).train.x)
    if sd == 0:
        raise ConfigError(
            [
                f"All pixels of the training images of {dataset.name} are {mean:g}, and "
                'cannot be scaled to a standard deviation of 1. Choose the scaling "unit".'
            ]
        )
    return mean, sd
