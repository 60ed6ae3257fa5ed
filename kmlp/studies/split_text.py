"""The sentence about the validation images of a study, which intervals cover or not."""

from __future__ import annotations

from kmlp._util.text import percent_text
from kmlp.data import is_at_hand
from kmlp.errors import KmlpError
from kmlp.model.config import RunConfig
from kmlp.model.metrics import ACCURACY
from kmlp.model.run_data import dataset_of
from kmlp.statistics import Estimate, proportion_error
from kmlp.studies.level_result import LevelResult
from kmlp.studies.results import StudyResult


def split_text(study: StudyResult) -> str | None:
    """Return a sentence about the choice of the validation images, and the image error.

    The image error is the standard error of an accuracy that comes from the choice of the
    images. Without `resplit`, no interval covers it. It is known for accuracy only.

    Args:
        study: The study.

    Returns:
        The sentence, for a single seed only that on the image error; None if there is
        nothing to say.

    Formula: `sqrt(p (1 - p) / N)`, where `p` is the accuracy of the best level and `N` the
    number of its validation images; of the test images where test accuracies are compared
    """
    best = study.best()
    if best is None:
        return None
    if study.part == "test":
        error = _test_image_error(best)
    else:
        error = None if study.images_differ else _image_error(best)
    if study.metric != ACCURACY:
        error = None
    if len(study.seeds) == 1:  # without intervals
        return error
    if all(run.config.resplit for run in study.runs):
        sentence = "Each seed has a validation split of its own: intervals cover the split"
    elif study.validates_on_test:
        sentence = "Intervals do not cover the choice of the test images"
    else:
        sentence = "All seeds share one validation split: intervals do not cover the split"
    return sentence + (f". {error}" if error else ".")


def _image_error(level: LevelResult) -> str | None:
    """Return a sentence with the image error; None if it is zero or not known."""
    size = level.validation_images or _count_images(level.runs[0].config, "validation")
    return _error_text(level.val_accuracy, size, "an accuracy")


def _test_image_error(level: LevelResult) -> str | None:
    """Return the same sentence about the test images."""
    size = _count_images(level.runs[0].config, "test")
    return _error_text(level.test_accuracy, size, "a test accuracy")


def _error_text(accuracy: Estimate | None, size: int | None, name: str) -> str | None:
    if size is None or accuracy is None:
        return None
    error = percent_text(proportion_error(accuracy.mean, size))
    if float(error) == 0:
        return None
    return f"The image error of {name} is about {error} points at {size:,} images."


def _count_images(config: RunConfig, split: str) -> int | None:
    """Return the number of images of a split; None if the dataset is not at hand."""
    try:
        here = is_at_hand(config.dataset)
        return len(getattr(dataset_of(config), split)) if here else None
    except KmlpError:
        return None
