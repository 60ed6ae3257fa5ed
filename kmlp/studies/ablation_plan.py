"""The configurations of an ablation, checked before training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kmlp.data import facts_of
from kmlp.errors import ConfigError, call_all, raise_problems, shown
from kmlp.model.config import RunConfig
from kmlp.model.metrics import ACCURACY, Metric
from kmlp.model.params import param_field
from kmlp.studies.auto_seeds import AutoSeeds, read_seeds
from kmlp.studies.axis import Axis, axis_of
from kmlp.studies.judging import check_at
from kmlp.studies.ranges import values_text
from kmlp.studies.replicates import on_folds
from kmlp.training.checks import check_count, check_trainable
from kmlp.training.run import At

Seeds = int | str | Sequence[int]
"""A number of seeds, a list of them, or `auto` or `auto:N`: see `read_seeds`."""
SEEDS = 5
"""The default number of seeds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedLevel:
    """A value of an ablation, with the runs that it reads."""

    value: Any
    """The value of the parameter."""
    configs: list[RunConfig]
    """The configurations of the runs, one for each seed; the largest number of seeds if the
    study chooses it."""
    epochs: int
    """The number of epochs that the value needs of each run."""


def plan(
    param: str,
    values: Sequence[Any],
    *,
    base: RunConfig,
    seeds: Seeds = SEEDS,
    epochs: int | None = None,
    patience: int | None = None,
    fused: bool = True,
) -> list[PlannedLevel]:
    """Return what `ablate` trains, for each value. Nothing is trained.

    Takes the arguments of `ablate`, and raises the same errors.

    Example:
    >>> levels = plan("width", [32, 64], base=RunConfig(), seeds=2)
    >>> [[(config.width, config.seed) for config in level.configs] for level in levels]
    [[(32, 0), (32, 1)], [(64, 0), (64, 1)]]
    >>> levels = plan("epochs", [5, 20], base=RunConfig(), seeds=1)
    >>> [(level.epochs, len(level.configs)) for level in levels]
    [(5, 1), (20, 1)]
    """
    field, axis = param_field(param), axis_of(param)
    try:
        given = list(values)
    except TypeError:
        given = []
    if not given or isinstance(values, str):
        raise ConfigError(
            [f"The values of `{param}` are {values!r}, but must be a list of at least one."]
        )
    replicates, _, *converted = call_all(
        [
            partial(all_seeds, seeds, base.seed, base.folds),
            lambda: epochs is None or check_count("epochs", epochs),
            *(partial(field.convert, value) for value in given),
        ]
    )
    if base.depth == 0 and param in ("width", "activation"):
        raise ConfigError(
            [
                f"`{param}` has no effect if `depth` is 0: there are no hidden layers. "
                "Give a `depth` of at least 1."
            ]
        )
    if axis.on_test and base.validates_on_test:
        noun = facts_of(base.dataset).noun
        raise ConfigError(
            [
                f"The values of `{param}` are compared on the test {noun}, so the "
                f"validation {noun} must be others. Give a `validation_fraction` from 0 "
                "to 1."
            ]
        )
    longest = axis.longest(converted, epochs)
    axis.patience(patience, check_count("epochs", longest))
    rows = call_all(partial(_row, base, axis, value, replicates) for value in converted)
    values = [axis.value(row[0], value) for row, value in zip(rows, converted, strict=True)]
    raise_problems(
        f"The value {shown(value)} of `{param}` is given {values.count(value)} times. "
        "Give each value once. To repeat runs, use more seeds."
        for value in values
        if values.count(value) > 1
    )
    check_trainable([row[0] for row in rows], epochs=longest, fused=fused)
    return [
        PlannedLevel(value=value, configs=row, epochs=axis.epochs(value, longest))
        for value, row in zip(values, rows, strict=True)
    ]


def _row(base: RunConfig, axis: Axis, value: Any, seeds: list[int]) -> list[RunConfig]:
    return [axis.config(base, value, seed) for seed in seeds]


def all_seeds(seeds: Seeds, first: int = 0, folds: int | None = None) -> list[int]:
    """Return the seeds of all runs, or the most seeds if a study chooses their number.

    Args:
        seeds: As `seed_list` takes it, or a text such as `auto`.
        first: As `seed_list` takes it. Defaults to 0.
        folds: The number of folds, on each of which every seed is used. Defaults to None:
            no folds.

    Raises:
        ConfigError: as `seed_list`, or if the number of seeds is to be chosen with folds.
    """
    read = read_seeds(seeds)
    if not isinstance(read, AutoSeeds):
        return on_folds(seed_list(read, first), folds)
    if folds is not None:
        raise ConfigError(
            [
                f"The value of `seeds` is {read}, but `folds` is {folds}: the corrections "
                "for looks and for folds do not go together. Give a number of `seeds`, "
                "each of which is used on every fold."
            ]
        )
    return seed_list(read.most, first)


def seed_list(seeds: int | Sequence[int], first: int = 0) -> list[int]:
    """Return the seeds that the argument `seeds` of `ablate` stands for.

    Args:
        seeds: The seeds, or their number.
        first: The first seed, if their number is given. Defaults to 0.

    Raises:
        ConfigError: if there is no seed, or a seed is given twice.
    """
    try:
        given = list(seeds)  # type: ignore[arg-type]  # a number raises TypeError
    except TypeError:
        count = check_count("seeds", seeds)
        return list(range(first, first + count))
    configs = call_all(partial(RunConfig, seed=seed) for seed in given)
    checked = [config.seed for config in configs]
    if not checked or len(set(checked)) < len(checked):
        raise ConfigError(
            [f"The seeds are {checked}, but must be at least one, each given once."]
        )
    return checked


def check_baseline(param: str, values: Sequence[Any], baseline: Any) -> int:
    """Return the index of the baseline among the values.

    Args:
        param: The parameter of the ablation.
        values: The values of its levels.
        baseline: The value that the others are compared with.

    Raises:
        ConfigError: if the baseline is not one of the values.

    Example:
    >>> check_baseline("width", [32, 128], 128)
    1
    """
    field = param_field(param)
    converted = field.convert(baseline)
    if converted not in values:
        raise ConfigError(
            [
                f"The baseline is {field.text(converted)}, but must be one of the values "
                f"of `{param}`: {values_text(param, values)}."
            ]
        )
    return list(values).index(converted)


def check_margin(margin: Any, metric: Metric = ACCURACY) -> float:
    """Return the margin up to which values of a metric count as the same.

    Args:
        margin: The margin; that of accuracies is from 0 to 1.
        metric: The metric. Defaults to accuracy.

    Raises:
        ConfigError: if it is not a number above 0, and below 1 for a share.

    Example:
    >>> check_margin(0.002)
    0.002
    """
    most = 1 if metric.share else math.inf
    number = isinstance(margin, (int, float)) and not isinstance(margin, bool)
    if not (number and 0 < margin < most) and not metric.share:
        raise ConfigError(
            [
                f"The margin is {margin!r}, but must be a difference of two values of "
                f"{metric.title}: above 0."
            ]
        )
    if not (number and 0 < margin < most):
        raise ConfigError(
            [
                f"The margin is {margin!r}, but must be a difference of two accuracies: "
                "above 0 and below 1. 0.002 is 0.2 points."
            ]
        )
    return float(margin)


def check_target(
    target: Any, target_accuracy: float | None, metric: Metric
) -> float | None:
    """Return the target of which a study shows how long it took to reach.

    Args:
        target: A validation value of the metric; None: no target.
        target_accuracy: The same, of a study that is compared by accuracy.
        metric: The metric of the study.

    Raises:
        ConfigError: if both are given, if the target is not a finite number, or if
            `target_accuracy` is given and the metric is another.
    """
    if target_accuracy is not None and metric.name != ACCURACY.name:
        raise ConfigError(
            [
                f"`target_accuracy` is {target_accuracy!r}, but the metric is "
                f"{metric.name}. Give a value of the metric by `target`."
            ]
        )
    if target is not None and target_accuracy is not None:
        raise ConfigError(["`target` and `target_accuracy` are both given. Leave one out."])
    if target is None:
        return target_accuracy
    if not (isinstance(target, (int, float)) and math.isfinite(target)):
        raise ConfigError([f"`target` is {target!r}, but must be a finite number."])
    return float(target)


def check_epoch(param: str, at: Any, patience: int | None = None) -> At:
    """Return the epoch at which the values of a parameter are judged.

    Raises:
        ConfigError: if it is neither "best" nor "last", if the values state another, or if
            it is "last" after early stopping.
    """
    own = axis_of(param).at
    chosen = check_at(at or own or "best", None if own else patience)
    raise_problems(
        f"`at` is {chosen}, but the values of `{param}` state the epoch at which they are "
        "judged. Leave `at` out."
        for _ in [own]
        if own not in (None, chosen)
    )
    return chosen


def read_value(param: str, value: Any) -> Any:
    """Return a value of a parameter that may be given as its text."""
    return param_field(param).parse(value) if isinstance(value, str) else value
