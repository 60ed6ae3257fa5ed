"""What a model makes of a user's pictures."""

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
"""How a picture is made what a model takes: see `like_mnist` and `resized`."""
_MNIST = (28, 28, 1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prediction:
    """What a model makes of one picture."""

    image: NDArray[np.uint8]
    """What it was given: pixels from 0 to 255, of shape `(height, width)`, or `(height,
    width, 3)`."""
    preprocessing: str
    """How it was made of the picture, one of `PREPROCESSINGS`."""
    class_probabilities: NDArray[np.float64]
    """Of each class, of shape `(num_classes,)`: see `Classifier.class_probabilities`."""

    def best(self, count: int) -> list[tuple[int, float]]:
        """The classes of the highest probabilities, with these, the highest first."""
        order = np.argsort(-self.class_probabilities, kind="stable")[:count]
        return [(int(it), float(self.class_probabilities[it])) for it in order]


def predict(
    classifier: Classifier,
    pictures: Sequence[Image | Path],
    *,
    names: Sequence[str],
    preprocessing: str | None = None,
) -> list[Prediction]:
    """Has a model classify pictures of any size.

    Args:
        classifier: See `load_classifier`.
        pictures: Files, each of which `read_image` reads when it is its turn; or pictures,
            made what `read_image` gives by `plain`.
        names: What to call each in errors.
        preprocessing: One of `PREPROCESSINGS`. Defaults to None: "mnist" for a
            model that takes grey images of 28 x 28, "resize" for any other.

    Raises:
        ConfigError: with every problem at once, if a picture is blank or cannot be read,
            or if they cannot be made what the model takes.
    """
    shape = _picture_shape(classifier)
    preprocessing = preprocessing or ("mnist" if shape == _MNIST else "resize")
    check_preprocessing(preprocessing)
    if preprocessing == "mnist" and shape != _MNIST:
        raise ConfigError(
            [
                f"Pictures made as MNIST's are of {shape_text(_MNIST)}, but the model "
                f"takes {shape_text(shape)}. Have them resized."
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
    """Raises `ConfigError` if there is no such preprocessing; None: the model chooses."""
    if preprocessing is not None and preprocessing not in PREPROCESSINGS:
        raise ConfigError([unknown_name("preprocessing", preprocessing, PREPROCESSINGS)])


def _picture_shape(classifier: Classifier) -> tuple[int, int, int]:
    """Height, width and channels of what a picture is made."""
    height, width, *rest = classifier.input_shape
    channels = rest[0] if rest else 1
    if height is None or width is None or channels not in (1, 3):
        raise ConfigError(
            [
                f"The model takes images of {shape_text(classifier.input_shape)}, but "
                "pictures can be made only of one size, with 1 channel or 3."
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
