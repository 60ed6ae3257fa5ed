"""The published figures of a recipe, each beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kmlp.ablation import Ablation
from kmlp.comparison import ValueResult
from kmlp.config import value_text
from kmlp.export import estimate_to_dict
from kmlp.fields import plain
from kmlp.published import Beside, beside, verdict
from kmlp.run import EpochRecord, Run
from kmlp.texts import count_of, short_text
from kmlp.trials import Trials
from kmlp_cli.recipes.recipe import AblationPart, Figures, SearchPart, TrialsPart
from kmlp_tuning.search import Search

UNITS = {
    "accuracy": "validation accuracy, %",
    "loss": "validation loss",
    "train_loss": "training loss",
    "seconds": "seconds of training",
}
"""What is compared, with its unit."""

_OF_EPOCH: dict[str, Callable[[EpochRecord], float]] = {
    "accuracy": lambda record: 100 * record.val_accuracy,
    "loss": lambda record: record.val_loss,
    "train_loss": lambda record: record.loss,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A published figure beside ours."""

    value: Any
    """Of the axis, or the number of the trial."""
    labels: tuple[str, ...]
    """The value, and of a trial what tells it from others, as text."""
    epoch: int
    found: Beside


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """The figures of one quantity."""

    quantity: str
    """A key of `UNITS`."""
    headers: tuple[str, ...]
    """Of the labels."""
    rows: tuple[Row, ...]

    @property
    def sentence(self) -> str:
        """How many of the figures the spread of our seeds explains."""
        told = [row for row in self.rows if row.found.explained is not None]
        figures = count_of(len(self.rows), "published figure")
        if self.quantity == "seconds":
            return f"{figures} of seconds: those were other machines."
        name = UNITS[self.quantity].partition(",")[0]
        if not told:
            return (
                f"{figures} of {name}: one seed tells no spread, so it cannot be said "
                "whether chance explains the differences."
            )
        inside = sum(bool(row.found.explained) for row in told)
        without = len(self.rows) - len(told)
        rest = f" Of {without} it cannot be said, for want of seeds." if without else ""
        return (
            f"{inside} of {count_of(len(told), 'published figure')} of {name} are where "
            "one more seed of ours would be in 95 % of cases: about one of 20 is not, by "
            f"chance alone.{rest}"
        )


def compare_part(
    part: AblationPart | TrialsPart, study: Ablation | Trials
) -> list[Compared]:
    """All that was published of a part beside what it has come to, by quantity."""
    return [
        Compared(
            quantity=quantity,
            headers=_headers(study),
            rows=tuple(_rows(quantity, part.figures, study)),
        )
        for quantity in UNITS
        if quantity in part.figures
    ]


def _headers(study: Ablation | Trials) -> tuple[str, ...]:
    return (study.axis,) if isinstance(study, Ablation) else ("trial", *study.varied)


def _rows(quantity: str, figures: Figures, study: Ablation | Trials) -> Iterator[Row]:
    by_value = {value.value: value for value in study.values}
    for key, published in figures[quantity].items():
        value = by_value.get(key)
        for place, figure in enumerate(published, start=1):
            ours = [] if value is None else list(_ours(quantity, value, place, published))
            runs = value.runs if value is not None else ()
            epochs = runs[0].epochs if runs else 0
            yield Row(
                value=key,
                labels=_labels(study, key, value),
                epoch=place if len(published) > 1 else epochs,
                found=beside(figure, ours),
            )


def _ours(
    quantity: str, value: ValueResult, place: int, published: tuple[Any, ...]
) -> Iterator[float]:
    """Our figures, one a seed that finished."""
    for run in value.finished:
        if quantity == "seconds":
            yield run.seconds
        else:
            record = run.history[place - 1 if len(published) > 1 else -1]
            yield _OF_EPOCH[quantity](record)


def _labels(
    study: Ablation | Trials, key: Any, value: ValueResult | None
) -> tuple[str, ...]:
    if isinstance(study, Ablation):
        return (value_text(study.axis, key),)
    if value is None:
        return (str(key), *("" for _ in study.varied))
    config = value.runs[0].config
    fields = (short_text(name, getattr(config, name)) for name in study.varied)
    return (str(key), *fields)


def claims(part: AblationPart, study: Ablation) -> list[str]:
    """Whether what was published of the best value holds here."""
    return [verdict(study, best) for best in part.best]


def search_claims(part: SearchPart, search: Search) -> list[str]:
    """The published best beside the best of our search, in sentences."""
    if part.accuracy is None:
        return []
    fields = ", ".join(f"{name} {value_text(name, it)}" for name, it in part.best.items())
    said = [f"Published: the best has {part.accuracy:g} %{f' ({fields})' * bool(fields)}."]
    best = search.best()
    if best is None or best.run is None:
        return [*said, "Here every configuration diverged or failed."]
    text = (
        f"Ours: trial {best.number} has {_percent(best.run)} in the search, which is the "
        "highest of many and so too high on average"
    )
    confirmed = search.confirmed
    value = None if confirmed is None else confirmed.best()
    if value is not None and value.val_accuracy is not None:
        seeds = count_of(value.val_accuracy.size, "other seed")
        text += f"; with {seeds} {100 * value.val_accuracy.mean:.2f} %"
    return [*said, f"{text}."]


def _percent(run: Run) -> str:
    return f"{100 * run.val_accuracy:.2f} %"


def compared_to_dict(found: Compared) -> list[dict[str, Any]]:
    """The figures as plain values, which JSON can hold."""
    return [
        {
            "quantity": found.quantity,
            "value": plain(row.value),
            "epoch": row.epoch,
            "published": float(row.found.published),
            "ours": estimate_to_dict(row.found.ours),
            "difference": row.found.difference,
            "explained": row.found.explained,
        }
        for row in found.rows
    ]
