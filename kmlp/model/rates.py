"""The ranges in which the learning rates of optimizers are searched by default."""

from kmlp.model.domains import Range
from kmlp.model.optimizers import optimizer_defaults

_RATES = {
    "sgd": (1e-3, 1.0),
    "adadelta": (1e-2, 10.0),
    "adafactor": (1e-3, 1.0),
    "adagrad": (1e-3, 1.0),
    "ftrl": (1e-2, 10.0),
    "lion": (1e-5, 1e-2),
}
"""The ranges of learning rates that differ from the usual one: see `rates_of`."""


def rates_of(optimizer: str) -> Range:
    """Return the range in which the learning rate of an optimizer is searched by default.

    Every optimizer has a range of its own, because a common one would decide which
    optimizer seems best. A range spans three powers of ten around the rates with the best
    accuracies of small MLPs on MNIST. For most optimizers, and for custom ones, that is
    from a tenth of the default rate to a hundred times the default rate.

    Example:
    >>> rates_of("sgd")
    Range(low=0.001, high=1.0, sampling='log')

    Reference: D. Choi, C. Shallue, Z. Nado, J. Lee, C. Maddison, G. Dahl (2019), On
    empirical comparisons of optimizers for deep learning, arXiv:1910.05446.
    """
    rate = optimizer_defaults(optimizer)["learning_rate"]
    low, high = _RATES.get(optimizer, (rate / 10, rate * 100))
    return Range(low, high, "log")
