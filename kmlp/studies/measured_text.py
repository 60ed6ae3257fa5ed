"""Sentences about figures of training, which differ from those of validation in more than
the images.
"""

from __future__ import annotations

from collections.abc import Iterable

from kmlp._util.text import enumerated
from kmlp.model.config import RunConfig
from kmlp.model.metrics import ACCURACY, LOSS, Metric

_CHANGES = {
    "dropout": ("dropout", "input_dropout"),
    "noise": ("gaussian_noise",),
    "augmentation": ("augmentation",),
    "noisy labels": ("label_noise",),
}
"""The changes of what a training step sees, each with its fields."""
_LOSSES = {"penalties": ("l1", "l2"), "label smoothing": ("label_smoothing",)}
"""The terms of the training loss that no other loss has, each with its fields."""


def accuracy_text(configs: Iterable[RunConfig]) -> str:
    """Return a sentence about the training accuracy of runs.

    Example:
    >>> accuracy_text([RunConfig(dropout=0.5), RunConfig(augmentation="flip")])
    'The training accuracy is measured during the epoch, each mini-batch before its
    update, with dropout and augmentation.'
    """
    used = _used(_CHANGES, configs)
    how = f", with {enumerated(used)}" if used else ""
    return (
        "The training accuracy is measured during the epoch, each mini-batch before its "
        f"update{how}."
    )


def training_text(metric: Metric, configs: Iterable[RunConfig]) -> str:
    """Return a sentence about the training values of a metric; see `accuracy_text`.

    Example:
    >>> training_text(LOSS, [RunConfig(dropout=0.5, l2=0.01)])
    'The training loss is measured during the epoch, each mini-batch before its update,
    with dropout. The training loss is with penalties, all other losses without.'
    """
    configs = list(configs)
    text = accuracy_text(configs).replace(ACCURACY.title, metric.title)
    if metric.name == LOSS.name and (losses := loss_text(configs)):
        text += f" {losses}"
    return text


def gap_text(metric: Metric) -> str:
    """Return the definition of the gap by a metric, which is positive in overfitting.

    Example:
    >>> gap_text(ACCURACY)
    'training accuracy minus validation accuracy'
    >>> gap_text(LOSS)
    'validation loss minus training loss'
    """
    parts = [metric.named("train"), metric.named("val")]
    return " minus ".join(parts if metric.higher_is_better else reversed(parts))


def loss_text(configs: Iterable[RunConfig]) -> str:
    """Return a sentence about the losses of runs; empty if all are of one kind.

    Example:
    >>> loss_text([RunConfig(l2=0.01, label_smoothing=0.1)])
    'The training loss is with penalties and label smoothing, all other losses without.'
    >>> loss_text([RunConfig()])
    ''
    """
    used = _used(_LOSSES, configs)
    if not used:
        return ""
    return f"The training loss is with {enumerated(used)}, all other losses without."


def _used(terms: dict[str, tuple[str, ...]], configs: Iterable[RunConfig]) -> list[str]:
    """Return the terms that any of the runs has."""
    configs = list(configs)
    return [
        term
        for term, fields in terms.items()
        if any(getattr(it, name) not in (0, "none") for it in configs for name in fields)
    ]
