"""The sentences about the validation examples of a study, which intervals cover or not."""

from __future__ import annotations

from kmlp._util.text import percent_text
from kmlp.data import is_at_hand
from kmlp.errors import KmlpError
from kmlp.model.config import RunConfig
from kmlp.model.metrics import ACCURACY
from kmlp.model.run_data import dataset_of
from kmlp.statistics import proportion_error
from kmlp.studies.level_result import LevelResult
from kmlp.studies.results import StudyResult

ENOUGH = 1000
"""The number of validation examples from which their choice matters little: the sampling
error of an accuracy of 90 % is then below a point."""


def split_text(study: StudyResult) -> str | None:
    """Return sentences about the choice of the validation examples, and their number.

    The image error, or the sampling error of rows, is the standard error of an accuracy
    that comes from the choice of the examples. Without `resplit`, no interval covers it. It
    is known for accuracy only.

    Args:
        study: The study.

    Returns:
        The sentences, for a single seed only those on the error and the number of examples;
        None if there is nothing to say.

    Formula: `sqrt(p (1 - p) / N)`, where `p` is the accuracy of the best level and `N` the
    number of its validation examples. Where test accuracies are compared: those of the test
    """
    best = study.best()
    if best is None:
        return None
    sentences = [_coverage_text(study), _error_text(study, best), _number_text(study)]
    return " ".join(sentence for sentence in sentences if sentence) or None


def few_text(
    config: RunConfig, noun: str, size: int | None = None, *, part: str = ""
) -> str | None:
    """Return a sentence if a configuration has few validation examples; else None.

    Args:
        config: The configuration.
        noun: The word for its examples: see `Run.noun`.
        size: The number of its validation examples. Defaults to None: they are counted,
            if the dataset is at hand.
        part: "test" if test examples are compared. Defaults to "": validation examples.
    """
    on_test = part == "test" or config.validates_on_test
    if config.folds and not on_test:
        return None  # all validate in turn
    size = size or _count_examples(config, part or "validation")
    if size is None or size >= ENOUGH:
        return None
    if on_test:
        return f"Only {size} test {noun}."
    return (
        f"Only {size} validation {noun}: with `folds`, all training {noun} validate in "
        "turn."
    )


def _coverage_text(study: StudyResult) -> str | None:
    """Return what the intervals cover; None without intervals."""
    if len(study.seeds) == 1:
        return None
    if study.folds:
        return (
            f"Each of {study.folds} folds validates the runs that are trained on the "
            f"others. Their training {study.noun} overlap, so intervals and p-values have "
            "the variance of Nadeau and Bengio (2003): s^2 (1 / n + 1 / (folds - 1))."
        )
    if all(run.config.resplit for run in study.runs):
        return "Each seed has a validation split of its own: intervals cover the split."
    if study.validates_on_test:
        return f"Intervals do not cover the choice of the test {study.noun}."
    return "All seeds share one validation split: intervals do not cover the split."


def _error_text(study: StudyResult, best: LevelResult) -> str | None:
    """Return the image or sampling error; None if it is zero or not known."""
    on_test = study.part == "test"
    own_examples = study.images_differ or study.folds is not None
    if study.metric != ACCURACY or (own_examples and not on_test):
        return None
    size = _size(study, best)
    accuracy = best.test_accuracy if on_test else best.val_accuracy
    if size is None or accuracy is None:
        return None
    error = percent_text(proportion_error(accuracy.mean, size))
    if float(error) == 0:
        return None
    error_of = "image error" if study.noun == "images" else "sampling error"
    name = "a test accuracy" if on_test else "an accuracy"
    return f"The {error_of} of {name} is about {error} points at {size:,} {study.noun}."


def _number_text(study: StudyResult) -> str | None:
    """Return a sentence if a level has few validation examples; else None."""
    part = "test" if study.part == "test" else ""
    sizes = {level: _size(study, level) for level in study.levels}
    known = {level: size for level, size in sizes.items() if size is not None}
    if not known:
        return None
    fewest = min(known, key=lambda level: known[level])
    run = fewest.runs[0]
    return few_text(run.config, run.noun, known[fewest], part=part)


def _size(study: StudyResult, level: LevelResult) -> int | None:
    """Return the number of examples on which a level is compared; None if unknown."""
    config = level.runs[0].config
    if study.part == "test":
        return _count_examples(config, "test")
    return level.validation_images or _count_examples(config, "validation")


def _count_examples(config: RunConfig, split: str) -> int | None:
    """Return the number of examples of a split; None if the dataset is not at hand."""
    try:
        here = is_at_hand(config.dataset)
        return len(getattr(dataset_of(config), split)) if here else None
    except KmlpError:
        return None
