"""The checks of the Deep Learning Tuning Playbook that a comparison of levels can fail.

They ask if training was too short, if the best value is at the edge of those tried, if it
overfits, and which settings were not tuned for each value.

Source: Godbole et al. 2023, Deep Learning Tuning Playbook, "Before analyzing a given set of
experiments" and "Scientific, nuisance, and fixed hyperparameters".
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from kmlp.model.fields import Group
from kmlp.model.hyperparameters import config_fields
from kmlp.model.identity import varied_fields
from kmlp.model.metrics import Metric
from kmlp.model.params import all_fields, goes_beyond
from kmlp.studies.level_result import LevelResult
from kmlp.studies.ranges import are_numbers
from kmlp.studies.results import StudyResult
from kmlp.training.run import Run

LEAST_GAIN = 0.001
"""The smallest gain of a share in the last quarter of the epochs, from 0 to 1, that counts
as an improvement."""
LEAST_RELATIVE_GAIN = 0.01
"""The same for another metric, as a part of its value."""
LARGE_GAP = 0.5
"""The part of the validation error that the gap must exceed to be large."""


def late_gain(runs: Iterable[Run], metric: Metric) -> float:
    """Return how much the mean curve of some runs gains in the last quarter of the epochs.

    Args:
        runs: The runs.
        metric: The metric of the curves.

    Returns:
        The gain over the best epoch before that quarter, above 0 if the metric gets better.
        0 if there is none, if it is too small to matter, or for a single epoch.
    """
    columns = zip(*(run.values(metric) for run in runs), strict=False)
    curve = [metric.sign * math.fsum(column) / len(column) for column in columns]
    before = 3 * len(curve) // 4
    if not before:
        return 0.0
    best = max(curve)
    gain = best - max(curve[:before])
    least = LEAST_GAIN if metric.share else LEAST_RELATIVE_GAIN * abs(best)
    return gain if gain > least else 0.0


def improves_late(run: Run) -> bool:
    """Return True if the best epoch of a run is in the last quarter."""
    values = run.values(run.metric)
    return run.metric.best_place(values) >= 3 * len(values) // 4


def edge(study: StudyResult) -> LevelResult | None:
    """Return the best level of a study if a value beyond those tried may be better.

    It is shown to be better than another level, and not the same as its neighbor. A field
    of the data, such as the number of examples, has no edge: results do not choose it.

    Returns:
        The level; None if there is no such level.
    """
    best, field = study.best(), all_fields().get(study.param)
    values = [level.value for level in study.levels]
    if (
        field is None
        or field.group is Group.DATA
        or best is None
        or not are_numbers(values)
    ):
        return None
    shown = (
        bool(study.levels_with("worse"))
        if study.reference is best
        else best in study.levels_with("better")
    )
    if not shown:
        return None
    ordered = sorted(study.levels, key=lambda level: float(level.value))
    if best not in (ordered[0], ordered[-1]):
        return None
    larger = best is ordered[-1]
    neighbor = ordered[-2] if larger else ordered[1]
    if study.reference is best and neighbor in study.levels_with("same"):
        return None
    return best if goes_beyond(study.param, best.value, larger=larger) else None


def overfits(level: LevelResult) -> bool:
    """Return True if the generalisation gap is most of the validation error of a level.

    Formula: `gap > LARGE_GAP * error`: the model does not make this part of its errors on
    the training data.
    """
    gap, value = level.gap, level.val_value
    if gap is None or value is None:
        return False
    error = level.metric.error(value.mean)
    return error is not None and gap.mean > max(LARGE_GAP * error, LEAST_GAIN)


_SPECIAL_CASES = {
    "rmsprop": {"sgd"},
    "adam": {"sgd", "rmsprop"},
    "adamw": {"sgd", "rmsprop", "adam"},
    "nadam": {"sgd", "rmsprop", "adam"},
}
"""The optimizers that are special cases of another one, for some of its settings."""


def under_tuned(study: StudyResult) -> tuple[LevelResult, ...]:
    """Return the optimizers that are shown worse than the best, a special case of them.

    With the right settings, they are at least as good.

    Source: Choi et al. 2019, On empirical comparisons of optimizers for deep learning,
    arXiv:1910.05446, section 3.2.
    """
    best = study.best()
    if study.param != "optimizer" or best is None or study.reference is not best:
        return ()
    return tuple(
        level
        for level in study.levels_with("worse")
        if best.value in _SPECIAL_CASES.get(level.value, ())
    )


def fixed_rates(study: StudyResult) -> tuple[float, ...]:
    """Return the learning rates of a study that were not tuned for each level.

    Returns:
        The rates, each once: several if the default of each level is another. Empty if the
        levels have the best rate in common, as far as is known, or if the rate varies.
    """
    configs = [level.runs[0].config for level in study.levels]
    if "learning_rate" in study.retuned:
        return ()
    if not _changes_best_rate() & set(varied_fields(configs)):
        return ()
    rates = tuple(dict.fromkeys(config.learning_rate for config in configs))
    return rates if len(rates) == 1 or study.param in all_fields() else ()


def _changes_best_rate() -> set[str]:
    """Return the fields on which the best learning rate depends.

    They are those of the network and of the steps, which change the gradients.
    """
    steps = (Group.NETWORK, Group.TRAINING)
    names = {name for name, field in config_fields().items() if field.group in steps}
    return {*names, "scaling", "weight_decay"} - {"learning_rate"}
