"""The published figures of a recipe, each beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kmlp._util.text import count_of
from kmlp.export.json import estimate_to_dict
from kmlp.model.config import value_text
from kmlp.model.fields import plain
from kmlp.studies.ablation import Ablation
from kmlp.studies.config_list import ConfigList
from kmlp.studies.published import Beside, beside, verdict
from kmlp.studies.results import LevelResult
from kmlp.training.run import EpochRecord, Run
from kmlp_tuning.lab.recipe import AblationPart, ConfigListPart, Figures, SearchPart
from kmlp_tuning.search.results import Search

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
                f"{figures} of {name}: fewer than two seeds finished, which tell no "
                "spread, so it cannot be said whether chance explains the differences."
            )
        inside = sum(bool(row.found.explained) for row in told)
        without = len(self.rows) - len(told)
        rest = f" Of {without} it cannot be said: fewer than two seeds finished."
        rest = rest if without else ""
        return (
            f"{inside} of {count_of(len(told), 'published figure')} of {name} "
            f"{'is' if inside == 1 else 'are'} where one more seed of ours would be in "
            f"95 % of cases: about one of 20 is not, by chance alone.{rest}"
        )


def all_shown(compared: Sequence[Compared], study: ConfigList) -> bool:
    """Return whether the tables of published figures show all of a list: each of its
    configurations has a figure, and every run finished.
    """
    shown = {row.value for it in compared for row in it.rows}
    return all(
        level.value in shown and len(level.finished) == len(level.runs)
        for level in study.levels
    )


def compare_part(
    part: AblationPart | ConfigListPart, study: Ablation | ConfigList
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


def _headers(study: Ablation | ConfigList) -> tuple[str, ...]:
    return (study.axis,) if isinstance(study, Ablation) else ("trial", *study.varied)


def _rows(quantity: str, figures: Figures, study: Ablation | ConfigList) -> Iterator[Row]:
    by_value = {level.value: level for level in study.levels}
    for key, published in figures[quantity].items():
        level = by_value[key]
        last = study.epochs_of(level) if isinstance(study, ConfigList) else study.epochs
        first = 1 if len(published) > 1 else last
        for epoch, figure in enumerate(published, start=first):
            yield Row(
                value=key,
                labels=_labels(study, level),
                epoch=epoch,
                found=beside(figure, _ours(quantity, level, epoch)),
            )


def _ours(quantity: str, level: LevelResult, epoch: int) -> list[float]:
    """Our figures, one a seed that finished."""
    if quantity == "seconds":
        return [run.seconds for run in level.finished]
    return [_OF_EPOCH[quantity](run.history[epoch - 1]) for run in level.finished]


def _labels(study: Ablation | ConfigList, level: LevelResult) -> tuple[str, ...]:
    if isinstance(study, Ablation):
        return (study.text(level),)
    return (str(level.value), *study.changes(level).values())


def claims(part: AblationPart, study: Ablation) -> list[str]:
    """Whether what was published of the best value holds here."""
    return [verdict(study, best) for best in part.best]


def search_claims(part: SearchPart, search: Search) -> list[str]:
    """The published best beside the best of our search, in sentences."""
    fields = ", ".join(f"{name} {value_text(name, it)}" for name, it in part.best.items())
    if part.accuracy is not None:
        in_brackets = f" ({fields})" if fields else ""
        said = f"Published: the best has {part.accuracy:g} %{in_brackets}."
    elif fields:
        said = f"Published: the best has {fields}."
    else:
        return []
    best = search.best()
    if best is None or best.run is None:
        return [said, "Here every configuration diverged or failed."]
    text = (
        f"Ours: trial {best.number} has {_percent(best.run)} in the search, which chose "
        "it for that among many, and so is optimistic on average"
    )
    again = search.replication.levels if search.replication is not None else ()
    for level in again:
        if level.value == best.number and level.val_accuracy is not None:
            seeds = count_of(level.val_accuracy.size, "other seed")
            text += f"; with {seeds} {100 * level.val_accuracy.mean:.2f} %"
    return [said, f"{text}."]


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
            "explained": None if found.quantity == "seconds" else row.found.explained,
        }
        for row in found.rows
    ]
