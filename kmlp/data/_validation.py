"""The choice of the validation examples, and what must be left for training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmlp.data._examples import Examples
from kmlp.data._split import Split, hold_out
from kmlp.errors import ConfigError


def training_and_validation(
    name: str, examples: Examples, validation_fraction: float | None
) -> tuple[Split, Split]:
    """Divide the training examples of a dataset.

    The examples for training are in an order whose every prefix is stratified.

    Args:
        name: Name of the dataset.
        examples: Training and test examples.
        validation_fraction: See `kmlp.data._dataset.make_dataset`.

    Returns:
        The examples for training and those for validation.

    Raises:
        ConfigError: if a split would be empty, or if the examples left for training lack
            a class or have only one class, or only one target.
    """
    noun = examples.train.noun
    size = round(len(examples.train) * (validation_fraction or 0))
    if validation_fraction is not None and not 0 < size < len(examples.train):
        raise ConfigError(
            [
                f"The value of `validation_fraction` is {validation_fraction}, which is "
                f"{size} of the {len(examples.train)} training {noun} of {name}. Choose "
                f"one that leaves {noun} both for training and for validation."
            ]
        )
    train, validation = hold_out(examples.train, size)
    if examples.class_names:
        _check_classes(name, examples, train, validation_fraction)
    elif train.y.min() == train.y.max():
        raise ConfigError(
            [
                f"The value of `validation_fraction` is {validation_fraction}, which "
                f"leaves {len(train)} {noun} of {name} for training, all with the target "
                f"{train.y[0]:g}. Choose a smaller one."
            ]
        )
    return train, examples.test if validation_fraction is None else validation


def _check_classes(
    name: str, examples: Examples, train: Split, validation_fraction: float | None
) -> None:
    """Check that the examples left for training have all classes, and at least two.

    Raises:
        ConfigError: if they do not.
    """
    noun = train.noun
    classes = len(examples.class_names)
    left = np.bincount(train.y, minlength=classes)
    lost = np.flatnonzero(
        (left == 0) & (np.bincount(examples.train.y, minlength=classes) > 0)
    )
    if lost.size:
        raise ConfigError(
            [
                f"The value of `validation_fraction` is {validation_fraction}, which "
                f"leaves no {noun.removesuffix('s')} of {_list_classes(examples, lost)} "
                f"for training. Choose a smaller one, or add {noun} to {name}."
            ]
        )
    if train.y.min() == train.y.max():
        raise ConfigError(
            [
                f"{name} has training {noun} of only one class, "
                f"{_list_classes(examples, train.y)}, but a classifier needs at least two. "
                "Import the dataset again, with more classes."
            ]
        )


def _list_classes(examples: Examples, labels: NDArray[np.integer[Any]]) -> str:
    names = [examples.class_names[label] for label in np.unique(labels)]
    return ", ".join(names[:5]) + (", ..." if names[5:] else "")
