"""The runs that did not learn, and what a study keeps of its dataset to tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kmlp.model.config import RunConfig
from kmlp.model.constant_losses import constant_loss
from kmlp.model.metrics import ACCURACY, R2, Metric
from kmlp.model.run_data import dataset_of
from kmlp.statistics import chance_limit
from kmlp.training.run import Run

LAST_EPOCHS = 3
"""The number of last epochs over which accuracy is averaged."""
CERTAIN = 1 / 4
"""The part of the way from chance to an accuracy of 1 that no network has without training.
Of 560 untrained ones, with 10 classes, the best had 24 %."""
CLEARLY = 0.005
"""The part by which a loss must be smaller than that of a constant prediction. The losses
of untrained networks differ by chance, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataFacts:
    """The facts about a dataset that a study keeps, to be shown without the dataset."""

    chance_limit: float | None
    """The validation accuracy up to which a run did not learn; see
    `statistics.chance_limit`. None: that of a regression, which has no accuracy."""
    validation_images: int | None = None
    """The number of validation images. None: unknown, in studies of earlier versions."""
    classes: int | None = None
    """The number of classes. None: none, in a regression; or unknown, in studies of earlier
    versions."""

    def to_dict(self) -> dict[str, Any]:
        """Return the facts by name, as a study of one dataset stores them."""
        return asdict(self)

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> DataFacts:
        """Return the facts of a study of one dataset from its stored progress."""
        return cls(
            chance_limit=stored["chance_limit"],
            validation_images=stored.get("validation_images"),
            classes=stored.get("classes"),
        )


def facts_of(config: RunConfig) -> DataFacts:
    """Return the facts about the dataset of a configuration.

    Raises:
        DataError: if the dataset cannot be read.
    """
    dataset = dataset_of(config)
    if config.folds:
        dataset = dataset.on_fold(config.folds, config.seed)
    size = len(dataset.validation)
    return DataFacts(
        chance_limit=chance_limit(dataset.chance, size) if dataset.class_names else None,
        validation_images=size,
        classes=dataset.num_classes or None,
    )


def facts_to_lists(facts: Iterable[DataFacts]) -> dict[str, list[Any]]:
    """Return the facts of all levels by name, as a study stores them.

    Example:
    >>> facts_to_lists([DataFacts(chance_limit=0.12, validation_images=100, classes=10)])
    {'chance_limits': [0.12], 'validation_images': [100], 'classes': [10]}
    """
    facts = list(facts)
    return {
        "chance_limits": [fact.chance_limit for fact in facts],
        "validation_images": [fact.validation_images for fact in facts],
        "classes": [fact.classes for fact in facts],
    }


def facts_from_lists(progress: Mapping[str, Any]) -> list[DataFacts]:
    """Return the facts of all levels from the stored progress of a study."""
    limits = progress["chance_limits"]
    unknown = [None] * len(limits)
    images, classes = (
        progress.get(name, unknown) for name in ("validation_images", "classes")
    )
    return [
        DataFacts(chance_limit=limit, validation_images=size, classes=count)
        for limit, size, count in zip(limits, images, classes, strict=True)
    ]


def learned(run: Run, facts: DataFacts) -> bool:
    """Return False if a finished run is no better than a network without training.

    Its last epochs have at most the accuracy of chance. Or their accuracy is one that an
    untrained network can have by chance, and in no epoch was the training or the validation
    loss clearly smaller than that of the best constant prediction. The validation loss
    counts because the training loss of a first epoch includes its untrained beginning.

    An accuracy above that shows that the run learned, however large its loss is. A
    regression did not learn if it predicts nothing of the variance: its R² in the last
    epochs is at most 0.

    Args:
        run: The run, which finished.
        facts: The facts about its dataset.
    """
    if facts.chance_limit is None:
        part = _last_mean(run, R2)  # nan, without R2, says nothing
        return math.isnan(part) or part > 0
    accuracy = _last_mean(run, ACCURACY)
    if accuracy <= facts.chance_limit:
        return False
    if accuracy > facts.chance_limit + CERTAIN * (1 - facts.chance_limit):
        return True
    config = run.config
    constant = facts.classes and constant_loss(config.loss, config.output, facts.classes)
    if constant is None:
        return True
    least = min(min(record.loss, record.val_loss) for record in run.history)
    return least < constant - CLEARLY * abs(constant)


def _last_mean(run: Run, metric: Metric) -> float:
    """Return the mean validation value of a metric over the last epochs."""
    last = run.values(metric)[-LAST_EPOCHS:]
    return math.fsum(last) / len(last)
