"""Published values of a study, compared with ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kmlp._util.text import count_of, percent_text
from kmlp.model.config import value_text
from kmlp.model.fields import to_jsonable
from kmlp.studies.as_json import estimate_to_dict
from kmlp.studies.config_list import ConfigList
from kmlp.studies.published import (
    PublishedComparison,
    PublishedValue,
    compare_with_published,
)
from kmlp.studies.results import LevelResult, StudyResult
from kmlp.training.run import EpochRecord, Run
from kmlp_tuning.search.results import Search

PublishedValues = Mapping[str, Mapping[Any, tuple[PublishedValue, ...]]]
"""Published values by quantity, and then by level of an ablation or number of a
configuration. There is one value, after the last epoch, or one for each epoch. The
quantities are `"accuracy"` in percent, `"loss"`, `"train_loss"` and `"seconds"`.
"""

QUANTITIES = {
    "accuracy": ("validation accuracy", "%"),
    "loss": ("validation loss", ""),
    "train_loss": ("training loss", ""),
    "seconds": ("seconds of training", ""),
}
"""The name and the unit of every quantity that can be compared."""

_OF_EPOCH: dict[str, Callable[[EpochRecord], float]] = {
    "accuracy": lambda record: 100 * record.val_accuracy,
    "loss": lambda record: record.val_loss,
    "train_loss": lambda record: record.loss,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedRow:
    """The published value of one level after one epoch, compared with ours."""

    level: Any
    """The level of the ablation, or the number of the configuration."""
    labels: tuple[str, ...]
    """The level as text, with the fields in which configurations of a list differ."""
    epoch: int
    comparison: PublishedComparison


@dataclass(frozen=True, kw_only=True, slots=True)
class QuantityComparison:
    """The published values of one quantity, compared with ours."""

    quantity: str
    """A key of `QUANTITIES`."""
    headers: tuple[str, ...]
    """The headers of the labels."""
    rows: tuple[ComparedRow, ...]

    @property
    def sentence(self) -> str:
        """The number of published values within the prediction intervals, in a sentence."""
        values = count_of(len(self.rows), "published value")
        if self.quantity == "seconds":
            return f"{values} of seconds, measured on other machines."
        name, _ = QUANTITIES[self.quantity]
        within = [
            row.comparison.within_prediction_interval
            for row in self.rows
            if row.comparison.within_prediction_interval is not None
        ]
        if not within:
            return (
                f"{values} of {name}. Fewer than two of our seeds finished, so chance "
                "cannot be excluded as the reason for the differences."
            )
        unknown = len(self.rows) - len(within)
        rest = f" {unknown} cannot be judged, because fewer than two seeds finished."
        return (
            f"{sum(within)} of {count_of(len(within), 'published value')} of {name} "
            f"{'is' if sum(within) == 1 else 'are'} within our 95 % prediction interval. "
            f"By chance alone, about 1 of 20 is outside.{rest if unknown else ''}"
        )


def shows_all(comparisons: Sequence[QuantityComparison], study: ConfigList) -> bool:
    """Return True if tables of published values show all results of a list.

    They do if each configuration has a published value, and every run finished.
    """
    shown = {row.level for comparison in comparisons for row in comparison.rows}
    return all(
        level.value in shown and len(level.finished) == len(level.runs)
        for level in study.levels
    )


def compare_values(
    published: PublishedValues, study: StudyResult
) -> list[QuantityComparison]:
    """Compare all published values of a study with ours, by quantity."""
    return [
        QuantityComparison(
            quantity=quantity,
            headers=study.label_headers,
            rows=tuple(_rows(quantity, published[quantity], study)),
        )
        for quantity in QUANTITIES
        if quantity in published
    ]


def _rows(
    quantity: str,
    published: Mapping[Any, tuple[PublishedValue, ...]],
    study: StudyResult,
) -> Iterator[ComparedRow]:
    levels = {level.value: level for level in study.levels}
    for key, values in published.items():
        level = levels[key]
        last = study.epochs_of(level)
        first = 1 if len(values) > 1 else last
        for epoch, value in enumerate(values, start=first):
            yield ComparedRow(
                level=key,
                labels=study.labels(level),
                epoch=epoch,
                comparison=compare_with_published(value, _ours(quantity, level, epoch)),
            )


def _ours(quantity: str, level: LevelResult, epoch: int) -> list[float]:
    """Our values, one for each finished seed."""
    if quantity == "seconds":
        return [run.seconds for run in level.finished]
    return [_OF_EPOCH[quantity](run.history[epoch - 1]) for run in level.finished]


def compare_best(
    accuracy: PublishedValue | None, fields: Mapping[str, Any], search: Search
) -> list[str]:
    """Compare the published best configuration with that of our search, in sentences.

    Args:
        accuracy: The published accuracy of the best, in percent. None if not published.
        fields: The published fields of the best. May be empty.
        search: Our search.

    Returns:
        The published claim, and our result. Empty if nothing is published.
    """
    text = ", ".join(f"{name} {value_text(name, value)}" for name, value in fields.items())
    if accuracy is not None:
        in_brackets = f" ({text})" if text else ""
        claim = f"Published: the best configuration has {accuracy:g} %{in_brackets}."
    elif text:
        claim = f"Published: the best configuration has {text}."
    else:
        return []
    best = search.best()
    if best is None or best.run is None:
        return [claim, "Here every configuration diverged or failed."]
    ours = (
        f"Ours: trial {best.number} has {_percent(best.run)} in the search. As the highest "
        "of many, this accuracy is too high on average."
    )
    levels = search.replication.levels if search.replication is not None else ()
    for level in levels:
        if level.value == best.number and level.val_accuracy is not None:
            seeds = count_of(level.val_accuracy.size, "other seed")
            ours += f" With {seeds}, it has {percent_text(level.val_accuracy.mean)} %."
    return [claim, ours]


def _percent(run: Run) -> str:
    return f"{percent_text(run.val_accuracy)} %"


def comparison_to_list(comparison: QuantityComparison) -> list[dict[str, Any]]:
    """The rows as plain values, which JSON can hold."""
    return [
        {
            "quantity": comparison.quantity,
            "value": to_jsonable(row.level),
            "epoch": row.epoch,
            "published": float(row.comparison.published),
            "ours": estimate_to_dict(row.comparison.ours),
            "difference": row.comparison.difference,
            "within_prediction_interval": None
            if comparison.quantity == "seconds"
            else row.comparison.within_prediction_interval,
        }
        for row in comparison.rows
    ]
