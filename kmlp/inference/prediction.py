"""Classify a user's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kmlp.data.image_files import like_mnist, plain, read_image, resized
from kmlp.errors import ConfigError, call_all, unknown_name
from kmlp.inference.classifier import Classifier, shape_text

if TYPE_CHECKING:
    from PIL.Image import Image

PREPROCESSINGS = ("mnist", "resize")
"""Ways to convert a picture into the model's input: see `like_mnist` and `resized`."""
_MNIST = (28, 28, 1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prediction:
    """The prediction of a model for one picture."""

    image: NDArray[np.uint8]
    """The model's input: pixels from 0 to 255, of shape `(height, width)` or `(height,
    width, 3)`."""
    preprocessing: str
    """The conversion from picture to input, one of `PREPROCESSINGS`."""
    class_probabilities: NDArray[np.float64]
    """Probability of each class, of shape `(num_classes,)`: see
    `Classifier.class_probabilities`."""

    def best(self, count: int) -> list[tuple[int, float]]:
        """Return the most probable classes with their probabilities, the highest first.

        Args:
            count: The maximum number of classes.
        """
        order = np.argsort(-self.class_probabilities, kind="stable")[:count]
        return [(int(label), float(self.class_probabilities[label])) for label in order]


def predict(
    classifier: Classifier,
    pictures: Sequence[Image | Path],
    *,
    names: Sequence[str],
    preprocessing: str | None = None,
) -> list[Prediction]:
    """Classify pictures of any size with a model.

    Args:
        classifier: The model; see `load_classifier`.
        pictures: Files, which `read_image` reads one after the other; or pictures, which
            `plain` converts to the form that `read_image` returns.
        names: Names of the pictures in messages.
        preprocessing: One of `PREPROCESSINGS`. Defaults to None: "mnist" if the model
            takes grey images of 28 x 28, and "resize" otherwise.

    Raises:
        ConfigError: with every problem at once, if a picture is blank or cannot be read,
            or if pictures cannot be converted to the model's input.
    """
    shape = _picture_shape(classifier)
    preprocessing = preprocessing or ("mnist" if shape == _MNIST else "resize")
    check_preprocessing(preprocessing)
    if preprocessing == "mnist" and shape != _MNIST:
        raise ConfigError(
            [
                f'The preprocessing "mnist" makes images of {shape_text(_MNIST)}, but the '
                f'model takes {shape_text(shape)}. Use "resize".'
            ]
        )
    images = call_all(
        partial(_converted, picture, name, preprocessing, shape)
        for picture, name in zip(pictures, names, strict=True)
    )
    return [
        Prediction(
            image=image,
            preprocessing=preprocessing,
            class_probabilities=class_probabilities,
        )
        for image, class_probabilities in zip(
            images, classifier.class_probabilities(np.stack(images)), strict=True
        )
    ]


def check_preprocessing(preprocessing: str | None) -> None:
    """Check the name of a preprocessing. None is allowed: the model decides.

    Raises:
        ConfigError: if the name is unknown.
    """
    if preprocessing is not None and preprocessing not in PREPROCESSINGS:
        raise ConfigError([unknown_name("preprocessing", preprocessing, PREPROCESSINGS)])


def _picture_shape(classifier: Classifier) -> tuple[int, int, int]:
    """Return height, width and channels of the images that pictures are converted to."""
    if classifier.noun == "rows":
        raise ConfigError(
            [
                f"The model takes rows of {shape_text(classifier.input_shape)} features, "
                "but does not state their columns. Name the dataset that it was trained on."
            ]
        )
    height, width, *rest = classifier.input_shape
    channels = rest[0] if rest else 1
    if height is None or width is None or channels not in (1, 3):
        raise ConfigError(
            [
                f"The model takes images of {shape_text(classifier.input_shape)}, but "
                "pictures can be converted only to a fixed size with 1 or 3 channels."
            ]
        )
    return height, width, channels


def _converted(
    picture: Image | Path, name: str, preprocessing: str, shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    picture = read_image(picture) if isinstance(picture, Path) else plain(picture)
    try:
        return like_mnist(picture) if preprocessing == "mnist" else resized(picture, *shape)
    except ConfigError as error:
        raise ConfigError([f"{name}: {problem}" for problem in error.problems]) from None
