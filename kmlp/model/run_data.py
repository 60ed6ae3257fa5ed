"""The examples of a run: its dataset, and what its configuration does to them.

What is learnt from examples is learnt from the training examples of the run alone: the
values that are filled in for missing ones, and the numbers of the scaling.
"""

from typing import TYPE_CHECKING, Any

from kmlp.errors import ConfigError
from kmlp.model.config import RunConfig
from kmlp.model.regression import target_statistics
from kmlp.model.scaling import column_statistics, pixel_statistics

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
    """Return the dataset with the examples and labels of one run.

    Args:
        config: The run's configuration.
        dataset: The result of `dataset_of`, which all seeds share.

    Raises:
        ConfigError: if the dataset has too few examples for the `train_size` or the
            `label_noise`, or if missing values of a column cannot be filled in.
    """
    selected = selected_for(config, dataset)
    return selected.with_missing_filled(selected.fill_values())


def selected_for(config: RunConfig, dataset: "Dataset") -> "Dataset":
    """Return the dataset of one run as `split_for` does, with its missing values.

    Args:
        config: The run's configuration.
        dataset: The result of `dataset_of`, which all seeds share.

    Raises:
        ConfigError: if the dataset has too few examples for the `train_size` or the
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


def statistics_of(config: RunConfig, split: "Dataset") -> dict[str, Any]:
    """Return the numbers that the model of a run has from the run's training examples.

    Args:
        config: The run's configuration.
        split: The examples of the run: the result of `split_for`.

    Returns:
        The arguments `pixels`, `columns` and `targets` of `build_mlp`, without those that
        the run does not need.

    Raises:
        ConfigError: if all pixels are equal, or if a column cannot be scaled.
    """
    statistics: dict[str, Any] = {}
    if split.schema is not None:
        columns = column_statistics(config.scaling, split.train.x, split.schema)
        if columns is not None:
            statistics["columns"] = columns
    elif config.scaling == "standard":
        statistics["pixels"] = _pixels_of(split)
    if split.task == "regression":
        statistics["targets"] = target_statistics(split.train.y)
    return statistics


def _pixels_of(split: "Dataset") -> tuple[float, float]:
    mean, sd = pixel_statistics(split.train.x)
    if sd == 0:
        raise ConfigError(
            [
                f"All pixels of the training images of {split.name} are {mean:g}, and "
                'cannot be scaled to a standard deviation of 1. Choose the scaling "unit".'
            ]
        )
    return mean, sd
