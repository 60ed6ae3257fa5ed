"""Losses by name, each with its output layer and the encoding of its targets.

In a regression, `mse`, `mae`, `huber` and `log_cosh` compare one number with its target. In
a classification, they compare the outputs of all classes with the one-hot target.

Values and gradients are equal to those of the corresponding functions of PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

from kmlp import backend
from kmlp.errors import ConfigError, UnknownNameError
from kmlp.model.activations import ACTIVATIONS
from kmlp.model.registry import Registry

if TYPE_CHECKING:
    from kmlp.data import Task

Targets = Literal["index", "one_hot", "number"]
_TARGETS = get_args(Targets)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """A loss function with its requirements for a model's output and targets.

    Raises:
        ConfigError: if the output is not an activation, is not among `outputs`, or
            if the targets are not "index", "one_hot" or "number".
    """

    function: Callable[[Any, Any], Any]
    """`function(y_true, y_pred)` returns the loss of each example, of shape
    `(batch_size,)`, or the mean of these losses. A `keras.losses.Loss` is allowed."""
    output: str = "linear"
    """The activation of the output layer. Defaults to "linear"."""
    targets: Targets = "index"
    """The form of `y_true`: "index" is the class as an integer, of shape
    `(batch_size, 1)`; "one_hot" is of shape `(batch_size, num_classes)`; "number" is the
    target of a regression, of shape `(batch_size, 1)`. Defaults to "index"."""
    outputs: tuple[str, ...] | None = None
    """The output activations that the loss accepts. Defaults to None: any."""

    def __post_init__(self) -> None:
        problems = []
        try:
            ACTIVATIONS.check(self.output)
        except UnknownNameError as error:
            problems.append(str(error))
        if self.outputs is not None and self.output not in self.outputs:
            problems.append(
                f'The `output` "{self.output}" must be one of `outputs`: '
                f"{', '.join(self.outputs)}."
            )
        if self.targets not in _TARGETS:
            problems.append(
                f'The value of `targets` is "{self.targets}", but must be '
                '"index", "one_hot" or "number".'
            )
        if problems:
            raise ConfigError(problems)

    def resolve_output(self, output: str | None, subject: str = "this loss") -> str:
        """Return the output activation of a model.

        Args:
            output: The chosen activation. None: the loss's own.
            subject: Name of the loss in messages. Defaults to "this loss".

        Raises:
            ConfigError: if the loss does not accept the chosen activation.
        """
        if output is None:
            return self.output
        if self.outputs is not None and output not in self.outputs:
            raise ConfigError(
                [
                    f'The value of `output` is "{output}", but {subject} needs '
                    f"{' or '.join(self.outputs)}. Leave `output` out, or choose "
                    "another loss."
                ]
            )
        return output


def nll(y_true: Any, y_pred: Any) -> Any:
    """Return the negative log-likelihood of the true class.

    Args:
        y_true: Classes, integers of shape `(batch_size,)` or `(batch_size, 1)`.
        y_pred: Log-probabilities, of shape `(batch_size, num_classes)`.

    Returns:
        The loss of each example, of shape `(batch_size,)`.

    Formula: `loss = -y_pred[y_true]`

    Example:
    >>> import numpy as np
    >>> y_pred = np.log(np.array([[0.5, 0.25, 0.25]], "float32"))
    >>> round(float(nll(np.array([0]), y_pred)[0]), 4)
    0.6931

    Reference: `torch.nn.NLLLoss`.
    """
    return -_entry_of_class(y_true, y_pred)


def multi_margin(y_true: Any, y_pred: Any) -> Any:
    """Return the multi-class margin loss, with margin 1 and exponent 1.

    Args:
        y_true: Classes, integers of shape `(batch_size,)` or `(batch_size, 1)`.
        y_pred: Scores, of shape `(batch_size, num_classes)`.

    Returns:
        The loss of each example, of shape `(batch_size,)`.

    Formula: `loss = sum_{j != y} max(0, 1 - x_y + x_j) / num_classes`

    Example:
    >>> import numpy as np
    >>> float(multi_margin(np.array([1]), np.array([[0.5, 2.0, 1.5]], "float32"))[0])
    0.1666666716337204

    Reference: `torch.nn.MultiMarginLoss`.
    """
    ops = backend.load().ops
    y_pred = ops.convert_to_tensor(y_pred)
    num_classes = y_pred.shape[-1]
    margins = ops.relu(1.0 - _entry_of_class(y_true, y_pred)[:, None] + y_pred)
    # `ops.one_hot` would read values on PyTorch, and could not be traced.
    others = ops.not_equal(ops.arange(num_classes), _classes(y_true)[:, None])
    return ops.sum(ops.where(others, margins, 0.0), axis=-1) / num_classes


def _classes(y_true: Any) -> Any:
    ops = backend.load().ops
    return ops.reshape(ops.cast(y_true, "int32"), (-1,))


def _entry_of_class(y_true: Any, y_pred: Any) -> Any:
    """Return the entry of each example's true class, of shape `(batch_size,)`."""
    ops = backend.load().ops
    index = _classes(y_true)[:, None]
    return ops.squeeze(ops.take_along_axis(y_pred, index, axis=-1), axis=-1)


# Log-probabilities are logits, too, and have the same cross entropy.
_SCORES = ("linear", "log_softmax")


def _with_outputs(function: Callable[[Any, Any], Any], *outputs: str) -> Loss:
    return Loss(function=function, output=outputs[0], outputs=outputs)


def _cross_entropy() -> Loss:
    keras = backend.load()
    function = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return _with_outputs(function, *_SCORES)


_PROBABILITIES = ("softmax", "sigmoid")


def _from_keras(
    name: str, output: str, targets: Targets, outputs: tuple[str, ...] | None = None
) -> Loss:
    keras = backend.load()
    return Loss(
        function=keras.losses.get(name), output=output, targets=targets, outputs=outputs
    )


# Keras' losses for a classifier with one label for each image, with the intended output
# activation, the form of the targets, and the output activations that the loss accepts.
_KERAS: dict[str, tuple[str, Targets] | tuple[str, Targets, tuple[str, ...]]] = {
    "sparse_categorical_crossentropy": ("softmax", "index", _PROBABILITIES),
    "categorical_crossentropy": ("softmax", "one_hot", _PROBABILITIES),
    "categorical_focal_crossentropy": ("softmax", "one_hot", _PROBABILITIES),
    "kl_divergence": ("softmax", "one_hot", _PROBABILITIES),
    "poisson": ("softmax", "one_hot", _PROBABILITIES),
    "mean_squared_logarithmic_error": ("softmax", "one_hot", _PROBABILITIES),
    "binary_crossentropy": ("sigmoid", "one_hot", _PROBABILITIES),
    "binary_focal_crossentropy": ("sigmoid", "one_hot", _PROBABILITIES),
    "mean_squared_error": ("softmax", "one_hot"),
    "mean_absolute_error": ("softmax", "one_hot"),
    "cosine_similarity": ("softmax", "one_hot"),
    "huber": ("softmax", "one_hot"),
    "log_cosh": ("softmax", "one_hot"),
    "hinge": ("linear", "one_hot"),
    "squared_hinge": ("linear", "one_hot"),
    "categorical_hinge": ("linear", "one_hot"),
}
_UNUSABLE = {
    "circle": "it compares pairs of embeddings.",
    "ctc": "it is for sequences.",
    "dice": "it is for segmentation masks.",
    "tversky": "it is for segmentation masks.",
    "mean_absolute_percentage_error": "it divides by targets, which may be 0.",
    "categorical_generalized_cross_entropy": "it needs a number. Register a function.",
}


REGRESSION_LOSSES = (
    *("mse", "mae", "huber", "log_cosh"),
    *("mean_squared_error", "mean_absolute_error"),
)
"""The names of the losses that a regression can have."""
DEFAULT_LOSSES: dict[Task, str] = {"classification": "cross_entropy", "regression": "mse"}
"""The default loss of each task."""


def _to_loss(item: object) -> Loss:
    if isinstance(item, Loss):
        return item
    if not callable(item):
        raise TypeError(f"{item!r} is neither a `kmlp.Loss` nor callable.")
    return Loss(function=item)


LOSSES: Registry[Loss] = Registry(
    "loss",
    {
        "cross_entropy": _cross_entropy,
        "nll": partial(_with_outputs, nll, "log_softmax"),
        "multi_margin": partial(_with_outputs, multi_margin, *_SCORES),
        "mse": partial(_from_keras, "mean_squared_error", "softmax", "one_hot"),
        "mae": partial(_from_keras, "mean_absolute_error", "softmax", "one_hot"),
        **{name: partial(_from_keras, name, *spec) for name, spec in _KERAS.items()},
    },
    _to_loss,
    _UNUSABLE,
)


def register_loss(
    name: str,
    function: Loss | Callable[[Any, Any], Any],
    *,
    output: str = "linear",
    targets: Targets = "index",
    replace: bool = False,
) -> None:
    """Register a custom loss under a name.

    Args:
        name: A new name, which must be an identifier.
        function: `function(y_true, y_pred)`, which returns the loss of each example, of
            shape `(batch_size,)`, or the mean of these losses. If it uses only
            `keras.ops`, it works on every backend. Or a `Loss`, whose own output and
            targets are used.
        output: Activation of the output layer. Defaults to "linear".
        targets: "index", "one_hot" or, for a regression, "number": see `Loss`. Defaults to
            "index".
        replace: True to replace another custom loss of that name. Defaults to False.

    Raises:
        ConfigError: if the name is taken, or if `output` or `targets` are not allowed.
        TypeError: if `function` is not callable.

    Example:
    >>> from kmlp import register_loss
    >>> register_loss("brier", lambda y, p: ((y - p) ** 2).sum(-1),
    ...               output="softmax", targets="one_hot")
    """
    if not isinstance(function, Loss):
        if not callable(function):
            raise TypeError(f"{function!r} is neither a `kmlp.Loss` nor callable.")
        function = Loss(function=function, output=output, targets=targets)
    LOSSES.register(name, function, replace=replace)


def get_loss(name: str, task: Task = "classification") -> Loss:
    """Return the loss of that name.

    Args:
        name: The name of a loss.
        task: "classification" or "regression". Defaults to "classification".

    Raises:
        UnknownNameError: if there is none, with the allowed names and the nearest one.
        ConfigError: if the loss is not one for the task.

    Example:
    >>> from kmlp import get_loss
    >>> get_loss("mse").output, get_loss("mse", "regression").output
    ('softmax', 'linear')
    """
    loss = LOSSES.get(name)
    if (problem := task_problem(name, task)) is not None:
        raise ConfigError([problem])
    if task == "regression":
        return Loss(function=loss.function, targets="number", outputs=("linear",))
    return loss


def task_problem(name: str, task: Task) -> str | None:
    """Return the reason why a loss is not one for a task; None if it is.

    Args:
        name: The name of a loss, which exists.
        task: "classification" or "regression".
    """
    if not LOSSES.is_custom(name):
        if task == "classification" or name in REGRESSION_LOSSES:
            return None
        return (
            f'The loss "{name}" compares classes, but the target of a regression is a '
            f"number. Choose a `loss` of {', '.join(REGRESSION_LOSSES[:4])}, or register "
            'one with `targets="number"`.'
        )
    targets = LOSSES.get(name).targets
    if (targets == "number") == (task == "regression"):
        return None
    if task == "regression":
        return (
            f'The loss "{name}" has `targets="{targets}"`, which are classes, but the '
            f"target of a regression is a number. State that the loss takes numbers: "
            '`targets="number"` of `register_loss` or `Loss`.'
        )
    return (
        f'The loss "{name}" has `targets="number"`, but the targets of a classification '
        'are classes. Choose another `loss`, or state `targets="index"` or '
        '`targets="one_hot"`.'
    )
