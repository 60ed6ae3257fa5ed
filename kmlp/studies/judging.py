"""The epoch at which runs are judged: the check of the choice, and its texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast, get_args

from kmlp._util.text import count_of, enumerated
from kmlp.errors import ConfigError, unknown_name
from kmlp.model.config import RunConfig
from kmlp.model.metrics import LOSS, Metric
from kmlp.training.run import At, Run


def check_at(at: Any, patience: int | None = None) -> At:
    """Return the epoch at which runs are to be judged.

    Args:
        at: The epoch, "best" or "last".
        patience: The patience of early stopping. Defaults to None: no early stopping.

    Raises:
        ConfigError: if it is neither "best" nor "last", or if it is "last" after early
            stopping.

    Example:
    >>> check_at("last")
    'last'
    """
    if at not in get_args(At):
        raise ConfigError([unknown_name("`at`", str(at), get_args(At))])
    if at == "last" and patience is not None:
        raise ConfigError(
            [
                "`at` is last, but early stopping keeps the best epoch: the last one of a "
                f"run that stops is {count_of(patience, 'epoch')} past it. Leave `at` or "
                "`patience` out."
            ]
        )
    return cast(At, at)


def stored_at(progress: Mapping[str, Any]) -> At:
    """Return the epoch at which the runs of a stored study are judged.

    Args:
        progress: The values of `StudyRecord.progress`. Older studies do not have the entry;
            they are judged at the best epoch.
    """
    return "last" if progress.get("at") == "last" else "best"


def epochs_text(epochs: int, patience: int | None = None) -> str:
    """Return the number of epochs of runs as text.

    Args:
        epochs: The number of epochs, or the most epochs with early stopping.
        patience: The patience of early stopping. Defaults to None: no early stopping.

    Example:
    >>> epochs_text(1), epochs_text(30, patience=3)
    ('1 epoch', 'up to 30 epochs (patience 3)')
    """
    text = count_of(epochs, "epoch")
    return text if patience is None else f"up to {text} (patience {patience})"


def judged_text(at: At) -> str:
    """Return the epoch at which each of several runs is judged, as text.

    Example:
    >>> judged_text("best"), judged_text("last")
    ("at each run's best validation epoch", 'after the last epoch')
    """
    if at == "last":
        return "after the last epoch"
    return "at each run's best validation epoch"


def moment_text(at: At, epochs: int, patience: int | None = None) -> str:
    """Return the epoch of runs of a number of epochs at which they are judged, as text.

    Takes the arguments of `check_at` and `epochs_text`.

    Example:
    >>> moment_text("best", 10), moment_text("last", 10), moment_text("best", 1)
    ('at the best of 10 epochs', 'after 10 epochs', 'after 1 epoch')
    """
    after = at == "last" or epochs == 1
    return f"{'after' if after else 'at the best of'} {epochs_text(epochs, patience)}"


def outcome_text(run: Run) -> str:
    """Return the epoch at which a finished run is judged, as text.

    Examples are `after 10 epochs`, and `at epoch 7 of 10, the best on the validation
    images`.
    """
    if run.at == "last" or run.epochs == 1:
        return f"after {count_of(run.epochs, 'epoch')}"
    part = "test" if run.config.validates_on_test else "validation"
    return (
        f"at epoch {run.outcome.epoch} of {run.epochs}, the best on the {part} {run.noun}"
    )


def check_same_losses(metric: Metric, configs: Iterable[RunConfig]) -> None:
    """Check that a metric can compare configurations.

    The validation losses of different loss functions cannot be compared. Penalties and
    label smoothing are part of the training loss only, so they may differ.

    Args:
        metric: The metric.
        configs: The configurations.

    Raises:
        ConfigError: if the metric is the loss, and the loss functions differ.
    """
    if metric.name != LOSS.name:
        return
    names = list(dict.fromkeys(config.loss for config in configs))
    if len(names) > 1:
        raise ConfigError(
            [
                f"The metric is loss, but the runs have different loss functions: "
                f"{enumerated(names)}. Their values cannot be compared. Choose another "
                "metric."
            ]
        )


def check_remeasured(metric: Metric, now: Metric, patience: int | None) -> None:
    """Check that runs can be compared by another metric than before.

    Args:
        metric: The metric to compare them by.
        now: The metric by which they are compared.
        patience: The patience of early stopping, of all runs. None: no early stopping.

    Raises:
        ConfigError: if the runs were stopped early by the metric of before.
    """
    if patience is not None and metric.name != now.name:
        raise ConfigError(
            [
                f"The metric is {metric.name}, but the runs stopped early by their "
                f"validation {now.title}. Leave the metric out, or train a study with it."
            ]
        )
