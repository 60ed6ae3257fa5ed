"""The losses of predictions that are the same for every image, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

Formula = Callable[[int], float]
"""The loss by the number of classes."""


def constant_loss(loss: str, output: str | None, classes: int) -> float | None:
    """Return the smallest loss of a prediction that is the same for every image.

    If all classes are equally frequent, no such prediction has a smaller loss. If they are
    not, the best one has a smaller loss, and always the same largest output.

    Args:
        loss: The name of the loss.
        output: The activation of the output layer. None: that of the loss.
        classes: The number of classes, at least 2.

    Returns:
        The mean loss; None for a custom loss, and for an output layer for which there is no
        closed form.

    Example:
    >>> round(constant_loss("cross_entropy", None, 10), 4)
    2.3026
    >>> constant_loss("mse", "tanh", 10) is None
    True
    """
    formulas = _FORMULAS.get(loss, {})
    formula = formulas.get(output or next(iter(formulas), ""))
    return None if formula is None else formula(classes)


def _mean(k: int, right: float, wrong: float) -> float:
    """Return the mean over the outputs, of which one stands for the right class."""
    return (right + (k - 1) * wrong) / k


def _binary_entropy(k: int) -> float:
    return _mean(k, math.log(k), -math.log1p(-1 / k))


def _binary_focal(k: int) -> float:
    return _mean(k, (1 - 1 / k) ** 2 * math.log(k), -math.log1p(-1 / k) / k**2)


def _log_error(k: int, x: float) -> float:
    return _mean(k, (math.log(2) - math.log1p(x)) ** 2, math.log1p(x) ** 2)


def _log_cosh(k: int, x: float) -> float:
    return _mean(k, math.log(math.cosh(1 - x)), math.log(math.cosh(x)))


def _log_cosh_output(k: int) -> float:
    """Return the output `x` with the smallest loss: `(k - 1) tanh(x) = tanh(1 - x)`."""
    one = math.tanh(1)
    root = math.sqrt(k**2 - 4 * (k - 1) * one**2)
    return math.atanh((k - root) / (2 * (k - 1) * one))


# Losses are convex and treat all classes alike, so that with equally frequent classes, the
# best constant prediction has equal outputs: 1 / k after a softmax, where k is the number
# of classes. Other outputs can be any number (linear), or one from 0 to 1 (sigmoid).
def _of(
    formula: Formula, *outputs: str, **others: Formula | None
) -> dict[str, Formula | None]:
    """Return the formula of several output layers, of which the first is the default."""
    return {**dict.fromkeys(outputs, formula), **others}


_PROBABILITIES = ("softmax", "sigmoid")
_ANY = ("softmax", "sigmoid", "linear")
_SQUARED = _of(lambda k: (1 - 1 / k) / k, *_ANY)
_ABSOLUTE = _of(
    lambda k: 2 * (1 - 1 / k) / k,
    "softmax",
    sigmoid=lambda k: 1 / k,  # of outputs of 0
    linear=lambda k: 1 / k,
)
_FORMULAS: Mapping[str, Mapping[str, Formula | None]] = {
    "cross_entropy": _of(math.log, "linear", "log_softmax"),
    "nll": _of(math.log, "log_softmax"),
    "multi_margin": _of(lambda k: 1 - 1 / k, "linear", "log_softmax"),
    "mse": _SQUARED,
    "mae": _ABSOLUTE,
    # The first three divide the outputs by their sum.
    "sparse_categorical_crossentropy": _of(math.log, *_PROBABILITIES),
    "categorical_crossentropy": _of(math.log, *_PROBABILITIES),
    "categorical_focal_crossentropy": _of(
        lambda k: 0.25 * (1 - 1 / k) ** 2 * math.log(k), *_PROBABILITIES
    ),
    "kl_divergence": _of(math.log, "softmax"),  # outputs of 1 after a sigmoid have no loss
    "poisson": _of(lambda k: (1 + math.log(k)) / k, *_PROBABILITIES),
    "mean_squared_logarithmic_error": _of(
        lambda k: _log_error(k, 1 / k),
        "softmax",
        sigmoid=lambda k: _log_error(k, 2 ** (1 / k) - 1),
    ),
    "binary_crossentropy": _of(_binary_entropy, *reversed(_PROBABILITIES)),
    "binary_focal_crossentropy": {"sigmoid": None, "softmax": _binary_focal},
    "mean_squared_error": _SQUARED,
    "mean_absolute_error": _ABSOLUTE,
    "cosine_similarity": _of(lambda k: -1 / math.sqrt(k), *_ANY),
    "huber": _of(lambda k: 0.5 * (1 - 1 / k) / k, *_ANY),
    "log_cosh": _of(
        lambda k: _log_cosh(k, 1 / k),
        "softmax",
        sigmoid=lambda k: _log_cosh(k, _log_cosh_output(k)),
        linear=lambda k: _log_cosh(k, _log_cosh_output(k)),
    ),
    "hinge": _of(
        lambda k: 2 / k,  # of outputs of -1
        "linear",
        softmax=lambda k: (1 - 1 / k) * (1 + 2 / k),
        sigmoid=lambda k: 1.0,  # of outputs of 0
    ),
    "squared_hinge": _of(
        lambda k: 4 / k * (1 - 1 / k),  # of outputs of 2 / k - 1
        "linear",
        softmax=lambda k: _mean(k, (1 - 1 / k) ** 2, (1 + 1 / k) ** 2),
        sigmoid=lambda k: 1.0,  # of outputs of 0
    ),
    "categorical_hinge": _of(lambda k: 1.0, "linear", *_PROBABILITIES),
}
