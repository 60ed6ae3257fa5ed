"""Metrics: the measures by which runs and studies are compared.

A metric has a name, a title, a unit, a direction and a format. Training records its value
on each part of the data; a study chooses one of those that its runs have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from kmlp._util.text import percent_text
from kmlp.errors import ConfigError, unknown_name

Part = Literal["train", "val", "test"]
"""A part of the data: the training, validation or test examples."""
Task = Literal["classification", "regression"]
"""The kind of target: a class, or a number."""

_PREFIXES: dict[Part, str] = {"train": "", "val": "val_", "test": "test_"}
_WORDS: dict[Part, str] = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure by which runs are compared."""

    name: str
    """The name in logs, options and stores, such as `rmse`."""
    title: str
    """The name in texts, such as `RMSE`."""
    higher_is_better: bool
    target_unit: str = ""
    """The unit of the target, perhaps empty. Defaults to empty."""
    in_target_unit: bool = False
    """True for a number in the unit of the target. Defaults to False: it has no unit."""
    share: bool = False
    """True for a number from 0 to 1 that is shown in percent, and its differences in
    points. Defaults to False."""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    """The smallest and the largest possible value."""
    perfect: float | None = None
    """The value of a model without errors: its distance is the error. None: none is known
    to be the best."""
    margin: float | None = None
    """The default difference up to which two values count as the same. None: there is no
    such default."""
    plural: str = ""
    """The title of several values. Defaults to empty: the title itself."""

    def figure(self, part: Part = "val") -> str:
        """Return the name of the metric on a part, as logs have it.

        Example:
        >>> ACCURACY.figure(), LOSS.figure("train"), RMSE.figure("test")
        ('val_accuracy', 'loss', 'test_rmse')
        """
        return f"{_PREFIXES[part]}{self.name}"

    def named(self, part: Part = "val") -> str:
        """Return the title with the part, such as `validation accuracy`."""
        return f"{_WORDS[part]} {self.title}"

    @property
    def titles(self) -> str:
        """The title of several values, such as `accuracies`."""
        return self.plural or self.title

    @property
    def capital_titles(self) -> str:
        """The same with a capital first letter, to begin a sentence."""
        return f"{self.titles[0].upper()}{self.titles[1:]}"

    @property
    def unit(self) -> str:
        """The unit of values as texts: `%` for a share; perhaps empty."""
        if self.share:
            return "%"
        return self.target_unit if self.in_target_unit else ""

    @property
    def factor(self) -> float:
        """The factor from a value to the number that is shown: 100 for a share."""
        return 100.0 if self.share else 1.0

    def headed(self, title: str) -> str:
        """Return the header of a column: a title with the unit.

        Example:
        >>> ACCURACY.headed("test acc."), LOSS.headed("test loss")
        ('test acc. %', 'test loss')
        """
        return f"{title} {self.unit}".rstrip()

    def axis_title(self, part: Part = "val") -> str:
        """Return the title of an axis, with the unit.

        Example:
        >>> ACCURACY.axis_title(), LOSS.axis_title("test")
        ('validation accuracy (%)', 'test loss')
        """
        named = self.named(part)
        return f"{named} ({self.unit})" if self.unit else named

    def number(self, value: float, *, signed: bool = False, digits: int = 4) -> str:
        """Return a value as text, without the unit.

        A share is in percent with two decimals. Any other value has significant digits.

        Args:
            value: The value.
            signed: True for a plus before a positive value. Defaults to False.
            digits: The number of significant digits. Defaults to 4.

        Example:
        >>> ACCURACY.number(0.975), LOSS.number(0.081234), RMSE.number(53123.4)
        ('97.50', '0.08123', '53123')
        """
        if self.share:
            return percent_text(value, signed=signed)
        return significant(value, digits, signed=signed)

    def text(self, value: float) -> str:
        """Return a value as text, with its unit.

        Example:
        >>> ACCURACY.text(0.975), LOSS.text(0.08123)
        ('97.50 %', '0.08123')
        """
        return f"{self.number(value)} {self.unit}".rstrip()

    @property
    def difference_unit(self) -> str:
        """The unit of differences: points for a share; perhaps empty."""
        return "points" if self.share else self.unit

    def difference_text(self, value: float) -> str:
        """Return a difference, such as a margin, with its unit.

        Example:
        >>> ACCURACY.difference_text(0.002), RMSE.difference_text(1.5)
        ('0.2 points', '1.5')
        """
        return f"{self.factor * value:.4g} {self.difference_unit}".rstrip()

    @property
    def sign(self) -> int:
        """1 if higher is better, else -1: values times this are better if higher."""
        return 1 if self.higher_is_better else -1

    @property
    def best_word(self) -> str:
        """`highest` or `lowest`."""
        return "highest" if self.higher_is_better else "lowest"

    @property
    def least_words(self) -> str:
        """The words before a target: `at least` or `at most`."""
        return "at least" if self.higher_is_better else "at most"

    def best(self, values: Iterable[float]) -> float:
        """Return the best of some values, at least one."""
        return max(values) if self.higher_is_better else min(values)

    def best_place(self, values: Sequence[float]) -> int:
        """Return the place of the first of the best values, from 0.

        Example:
        >>> ACCURACY.best_place([0.9, 0.95, 0.95]), LOSS.best_place([0.3, 0.2, 0.2])
        (1, 1)
        """
        return max(range(len(values)), key=lambda place: self.sign * values[place])

    def is_better(self, value: float, other: float) -> bool:
        """Return True if a value is better than another one; False for nan."""
        return self.sign * value > self.sign * other

    def gap(self, train: float, validation: float) -> float:
        """Return how much better a model is on its training data: the generalisation gap.

        Formula: training minus validation; validation minus training if lower is better.
        """
        return self.sign * (train - validation)

    def error(self, value: float) -> float | None:
        """Return the error: the distance from `perfect`; None if there is no perfect value.

        Formula: `1 - value` for a share; the value itself if it is an error, such as RMSE.

        Example:
        >>> ACCURACY.error(0.75), RMSE.error(2.0)
        (0.25, 2.0)
        """
        return None if self.perfect is None else self.sign * (self.perfect - value)

    def of_error(self, error: float) -> float:
        """Return the value that has an error: the inverse of `error`."""
        assert self.perfect is not None
        return self.perfect - self.sign * error

    def scale(self, values: Iterable[float]) -> float:
        """Return the power of two by which values are divided before they are compared.

        Statistics round numbers of the size 1, and a value in the unit of a target can
        have any size. A power of two changes no digit of a value.

        Returns:
            1 for a metric with both bounds. Else the largest power of two up to the
            largest absolute value.
        """
        if all(map(math.isfinite, self.bounds)):
            return 1.0
        largest = max((abs(it) for it in values if math.isfinite(it)), default=0.0)
        return 2.0 ** (math.frexp(largest)[1] - 1) if largest else 1.0

    def with_unit(self, unit: str) -> Metric:
        """Return the metric of runs whose target has a unit, such as `mg/dl`.

        Example:
        >>> RMSE.with_unit("mg/dl").text(53.12), R2.with_unit("mg/dl").text(0.5)
        ('53.12 mg/dl', '0.5000')
        """
        return replace(self, target_unit=unit)

    def to_dict(self) -> dict[str, Any]:
        """Return the metric as plain values that JSON can hold."""
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
        }


def significant(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number with significant digits, and without an exponent where possible.

    Example:
    >>> significant(0.0123456, 3), significant(1234567.8, 3), significant(-2, 2)
    ('0.0123', '1234568', '-2.0')
    """
    sign = "+" if signed else ""
    if not math.isfinite(value):
        return f"{value:{sign}}"
    exponent = math.floor(math.log10(abs(value))) if value else 0
    if not -5 <= exponent < 15:
        return f"{value:{sign}.{digits - 1}e}"
    return f"{value:{sign}.{max(0, digits - 1 - exponent)}f}"


ACCURACY = Metric(
    "accuracy",
    "accuracy",
    higher_is_better=True,
    share=True,
    bounds=(0.0, 1.0),
    perfect=1.0,
    margin=0.002,
    plural="accuracies",
)
"""The share of the examples that are classified correctly.

Formula: `correct / N`
"""
BALANCED_ACCURACY = replace(
    ACCURACY,
    name="balanced_accuracy",
    title="balanced accuracy",
    plural="balanced accuracies",
)
"""The mean over the classes of the share of their examples that is classified correctly.

Formula: `mean over classes c of (correct_c / N_c)`; classes without an example are left out

Reference: K. H. Brodersen, C. S. Ong, K. E. Stephan, J. M. Buhmann (2010), The balanced
accuracy and its posterior distribution, ICPR.
"""
MACRO_F1 = replace(ACCURACY, name="macro_f1", title="macro F1", plural="")
"""The mean over the classes of F1, the harmonic mean of precision and recall.

Formula: `mean over classes c of 2 TP_c / (2 TP_c + FP_c + FN_c)`

Reference: D. D. Lewis (1991), Evaluating text categorization, HLT.
"""
LOSS = Metric("loss", "loss", higher_is_better=False, perfect=0.0, plural="losses")
"""The mean of the loss function over the examples, as the loss function defines it.

Values of different loss functions cannot be compared.
"""
RMSE = Metric(
    "rmse",
    "RMSE",
    higher_is_better=False,
    in_target_unit=True,
    bounds=(0.0, math.inf),
    perfect=0.0,
)
"""The root of the mean squared error, in the unit of the target.

Formula: `sqrt(mean((y - prediction) ** 2))`
"""
MAE = replace(RMSE, name="mae", title="MAE")
"""The mean absolute error, in the unit of the target.

Formula: `mean(|y - prediction|)`
"""
R2 = Metric("r2", "R²", higher_is_better=True, bounds=(-math.inf, 1.0), perfect=1.0)
"""The coefficient of determination: the part of the variance that is predicted.

Always predicting the mean has 0. A worse model has a negative value.

Formula: `1 - sum((y - prediction) ** 2) / sum((y - mean(y)) ** 2)`

Reference: N. R. Draper, H. Smith (1998), Applied Regression Analysis, 3rd edition, Wiley.
"""

METRICS: dict[Task, dict[str, Metric]] = {
    "classification": {
        metric.name: metric for metric in (ACCURACY, LOSS, BALANCED_ACCURACY, MACRO_F1)
    },
    "regression": {metric.name: metric for metric in (RMSE, MAE, R2, LOSS)},
}
"""The metrics by task and name. The first one of a task is the default."""

METRICS_BY_NAME: dict[str, Metric] = {
    name: metric for task in METRICS.values() for name, metric in task.items()
}
"""The metrics of all tasks by name."""

RECORDED: dict[Task, tuple[str, ...]] = {
    "classification": ("accuracy", "loss", "balanced_accuracy", "macro_f1"),
    "regression": ("rmse", "mae", "r2", "loss"),
}
"""The names of the metrics that training records, by task."""

OF_EVALUATION = ("balanced_accuracy", "macro_f1")
"""The names of the metrics that are recorded of validation and test examples alone: during
training they would cost time in every step."""


def further_figures(task: Task | None = None) -> dict[str, tuple[Metric, Part]]:
    """Return the metric and the part of every figure beside the losses and accuracies.

    Args:
        task: The task of the runs that record them. Defaults to None: both.

    Example:
    >>> list(further_figures())[:5]
    ['val_balanced_accuracy', 'test_balanced_accuracy', 'val_macro_f1', 'test_macro_f1',
    'rmse']
    """
    parts: tuple[Part, ...] = get_args(Part)
    return {
        METRICS[of][name].figure(part): (METRICS[of][name], part)
        for of in ([task] if task else METRICS)
        for name in RECORDED[of]
        if name not in ("accuracy", "loss")
        for part in parts
        if part != "train" or name not in OF_EVALUATION
    }


def default_metric(task: Task = "classification") -> Metric:
    """Return the metric by which runs of a task are compared if none is chosen.

    Example:
    >>> default_metric().name, default_metric("regression").name
    ('accuracy', 'rmse')
    """
    return next(iter(METRICS[task].values()))


def get_metric(name: str) -> Metric:
    """Return the metric of that name, of any task.

    Raises:
        ConfigError: if there is none.
    """
    if name not in METRICS_BY_NAME:
        raise ConfigError([unknown_name("metric", str(name), METRICS_BY_NAME)])
    return METRICS_BY_NAME[name]


def check_metric(metric: Any, task: Task = "classification") -> Metric:
    """Return the metric that a name stands for, if runs of the task record it.

    Args:
        metric: The name, or a `Metric`. None: the default of the task.
        task: The task. Defaults to "classification".

    Raises:
        ConfigError: if runs of the task do not record such a metric.

    Example:
    >>> check_metric("loss").higher_is_better, check_metric(None).name
    (False, 'accuracy')
    """
    if metric is None:
        return default_metric(task)
    name = metric.name if isinstance(metric, Metric) else metric
    if name not in RECORDED[task]:
        raise ConfigError([unknown_name("metric", str(name), RECORDED[task])])
    return metric if isinstance(metric, Metric) else METRICS[task][name]
