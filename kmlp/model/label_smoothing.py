"""Losses with label smoothing, which moves a part of each target to all classes alike.

With the smoothing `s` and `k` classes, the target `y` of a class, 1 or 0, becomes
`y (1 - s) + s / k`. With a loss of each class by itself, the binary ones, it becomes
`y (1 - s) + s / 2`.

Reference: C. Szegedy et al. (2016), Rethinking the Inception architecture for computer
vision, CVPR, section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from kmlp import backend
from kmlp.model.losses import Loss, get_loss

if TYPE_CHECKING:
    from kmlp.data import Task


class _Smoothed(NamedTuple):
    """The loss of Keras that is equal to a loss and can smooth its targets."""

    keras_class: str
    """The class, one of `keras.losses`."""
    options: dict[str, Any]
    """The arguments other than `label_smoothing`."""


# The outputs of `nll` are log-probabilities, which are logits, too.
_SCORES = _Smoothed("CategoricalCrossentropy", {"from_logits": True})
_PROBABILITIES = _Smoothed("CategoricalCrossentropy", {})
_SMOOTHED = {
    "cross_entropy": _SCORES,
    "nll": _SCORES,
    "sparse_categorical_crossentropy": _PROBABILITIES,
    "categorical_crossentropy": _PROBABILITIES,
    "categorical_focal_crossentropy": _Smoothed("CategoricalFocalCrossentropy", {}),
    "binary_crossentropy": _Smoothed("BinaryCrossentropy", {}),
    "binary_focal_crossentropy": _Smoothed("BinaryFocalCrossentropy", {}),
}

SMOOTHED_LOSSES = tuple(_SMOOTHED)
"""The names of the losses that can smooth their targets: the cross-entropies."""


def loss_for(
    name: str, label_smoothing: float | None, task: Task = "classification"
) -> Loss:
    """Return the loss of that name with label smoothing, or without.

    Args:
        name: The name of a loss; one of `SMOOTHED_LOSSES` with label smoothing.
        label_smoothing: The part of each target that is moved, from 0 to below 1. 0: the
            loss as it is. None: the loss of smoothed targets, which does not smooth them.
        task: "classification" or "regression". Defaults to "classification".
    """
    loss = get_loss(name, task)
    if label_smoothing == 0:
        return loss
    keras_class, options = _SMOOTHED[name]
    function = getattr(backend.load().losses, keras_class)(
        label_smoothing=label_smoothing or 0.0, **options
    )
    return Loss(
        function=function, output=loss.output, outputs=loss.outputs, targets="one_hot"
    )


def smooth(name: str, targets: Any, label_smoothing: Any) -> Any:
    """Return smoothed targets, by the formula of Keras' losses.

    Args:
        name: The name of the loss, one of `SMOOTHED_LOSSES`.
        targets: One-hot targets, of shape `(batch_size, num_classes)`.
        label_smoothing: The part of each target that is moved, from 0 to below 1.
    """
    binary = _SMOOTHED[name].keras_class.startswith("Binary")
    moved = 0.5 * label_smoothing if binary else label_smoothing / targets.shape[-1]
    return targets * (1.0 - label_smoothing) + moved
