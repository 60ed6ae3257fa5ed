"""Published values of a study, compared with ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kmlp._util.text import count_of, percent_text
from kmlp.model.fields import to_jsonable
from kmlp.model.text import value_text
from kmlp.studies.as_json import estimate_to_dict
from kmlp.studies.config_list import ConfigList
from kmlp.studies.judging import outcome_text
from kmlp.studies.published_value import (
    LOSS,
    PERCENT,
    Aggregation,
    PublishedComparison,
    PublishedValue,
    Scale,
    compare_with_published,
)
from kmlp.studies.results import StudyResult
from kmlp.studies.rows import finite
from kmlp.training.run import EpochRecord, Run
from kmlp_tuning.search.results import Search


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedValues:
    """The published values of a part of a recipe."""

    values: Mapping[str, Mapping[Any, tuple[PublishedValue, ...]]]
    """The values by quantity, a key of `QUANTITIES`, and then by level of an ablation or
    number of a configuration. There is one value, after the last epoch, or one for each
    epoch."""
    aggregation: Aggregation
    """The way in which the publication derives each value from its runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A quantity that can be compared."""

    name: str
    unit: str
    digits: int
    """The number of decimals of our values."""
    scale: Scale | None
    """None: measured on other machines, so that no interval says anything."""
    ours: Callable[[Run, int], float]
    """The value of a run after a number of epochs."""


def _after(run: Run, epoch: int) -> EpochRecord:
    """Return the record of an epoch; that of the last one if the run stopped early."""
    return run.history[min(epoch, run.epochs) - 1]


QUANTITIES = {
    "accuracy": Quantity(
        name="validation accuracy",
        unit="%",
        digits=2,
        scale=PERCENT,
        ours=lambda run, epoch: 100 * _after(run, epoch).val_accuracy,
    ),
    "loss": Quantity(
        name="validation loss",
        unit="",
        digits=4,
        scale=LOSS,
        ours=lambda run, epoch: _after(run, epoch).val_loss,
    ),
    "train_loss": Quantity(
        name="training loss",
        unit="",
        digits=4,
        scale=LOSS,
        ours=lambda run, epoch: _after(run, epoch).loss,
    ),
    "seconds": Quantity(
        name="seconds of training",
        unit="",
        digits=1,
        scale=None,
        ours=lambda run, epoch: run.seconds,
    ),
}
"""The quantities that can be compared, by their keys in recipes."""


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
    aggregation: Aggregation
    """The way in which the publication derives each value from its runs."""
    headers: tuple[str, ...]
    """The headers of the labels."""
    rows: tuple[ComparedRow, ...]

    @property
    def sentence(self) -> str:
        """The numbers of published values by outcome, in a sentence."""
        values = count_of(len(self.rows), "published value")
        if self.quantity == "seconds":
            return f"{values} of seconds, measured on other machines."
        outcomes = [row.comparison.outcome for row in self.rows]
        could_be, no, too_wide, unknown = map(
            outcomes.count, ("could be", "no", "too wide to tell", None)
        )
        about = f"{values} of {QUANTITIES[self.quantity].name}"
        if unknown == len(outcomes):
            return (
                f"{about}. Fewer than two of our seeds finished, or all are equal, so "
                "chance cannot be excluded as the reason for the differences."
            )
        wide = f", and for {too_wide} our prediction interval is too wide to tell"
        texts = [
            f"{about}: {could_be} could be ours, {no} could not{wide * bool(too_wide)}."
        ]
        if unknown:
            texts.append(
                f"{unknown} cannot be judged: fewer than two of our seeds finished, or all "
                "are equal."
            )
        texts.append("By chance alone, about 1 of 20 is outside of its interval.")
        return " ".join(texts)


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
            aggregation=published.aggregation,
            headers=study.label_headers,
            rows=tuple(_rows(quantity, published, study)),
        )
        for quantity in QUANTITIES
        if quantity in published.values
    ]


def _rows(
    quantity: str, published: PublishedValues, study: StudyResult
) -> Iterator[ComparedRow]:
    levels = {level.value: level for level in study.levels}
    ours, scale = QUANTITIES[quantity].ours, QUANTITIES[quantity].scale
    for key, values in published.values[quantity].items():
        level = levels[key]
        last = study.epochs_of(level)
        first = 1 if len(values) > 1 else last
        for epoch, value in enumerate(values, start=first):
            yield ComparedRow(
                level=key,
                labels=study.labels(level),
                epoch=epoch,
                comparison=compare_with_published(
                    value,
                    [ours(run, epoch) for run in level.finished],
                    scale=scale,
                    aggregation=published.aggregation,
                ),
            )


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
        f"Ours: trial {best.number} has {percent_text(best.run.val_accuracy)} % in the "
        f"search, {outcome_text(best.run)}. As the highest of many, this accuracy is too "
        "high on average."
    )
    levels = search.replication.levels if search.replication is not None else ()
    for level in levels:
        if level.value == best.number and level.val_accuracy is not None:
            seeds = count_of(level.val_accuracy.size, "other seed")
            ours += f" With {seeds}, it has {percent_text(level.val_accuracy.mean)} %."
    return [claim, ours]


def comparison_to_list(comparison: QuantityComparison) -> list[dict[str, Any]]:
    """The rows as plain values, which JSON can hold."""
    return [
        {
            "quantity": comparison.quantity,
            "value": to_jsonable(row.level),
            "epoch": row.epoch,
            "published": float(row.comparison.published),
            "published_is": comparison.aggregation.text,
            "ours": estimate_to_dict(row.comparison.ours),
            "difference": row.comparison.difference,
            "prediction_interval": None
            if row.comparison.interval is None
            else [finite(end) for end in row.comparison.interval],
            "outcome": row.comparison.outcome,
        }
        for row in comparison.rows
    ]
