"""`Discussion`: the text of a report on a study, and sentences that several kinds share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kmlp.model.config import RunConfig, value_text
from kmlp.studies.results import StudyResult
from kmlp.studies.table import Table
from kmlp.training.run import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Discussion:
    """What a report says of a study: a question, what answers it, and how far."""

    question: str
    answer: tuple[str, ...]
    """Sentences that follow from the statistics."""
    limits: tuple[str, ...]
    """What cannot be concluded."""
    tables: tuple[Table, ...]
    setup: tuple[tuple[str, str], ...]
    """The names and the texts of what was trained, and with what."""
    runs: tuple[tuple[str, Run], ...]
    """Every run, with the name of what it is a run of."""


def fields_setup(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Fields of a configuration for `Discussion.setup`."""
    return [(name, value_text(name, value)) for name, value in values.items()]


def fields_without(base: RunConfig, names: Sequence[str]) -> dict[str, Any]:
    """The fields of a configuration without some of them and without the seed."""
    fields = base.to_dict()
    return {name: it for name, it in fields.items() if name not in (*names, "seed")}


def training_text(*, fused: bool) -> str:
    """The way of training, for `Discussion.setup`."""
    return "an epoch is one compiled program" if fused else "plain fit"


ONLY_THIS_SETUP = (
    "Nothing is said of other datasets, of other values, or of what else could be set: it "
    "all was as the set-up says."
)


def comparison_limits(study: StudyResult) -> tuple[str, ...]:
    """What cannot be concluded from a comparison of levels."""
    found = []
    reference = study.reference
    undecided = [
        study.text(level)
        for level, it in zip(study.levels, study.differences(), strict=True)
        if level is not reference and (it is None or not it.significant)
    ]
    if reference is not None and undecided:
        found.append(
            f"Whether {study.called(study.text(reference))} differs from "
            f"{study.called(', '.join(undecided))}: the seeds do not separate them. That "
            "is no evidence that they are equal."
        )
    seeds = min(len(study.seeds), *(len(level.runs) for level in study.levels))
    if seeds < 3:
        found.append(f"{seeds} seed(s) say little of how much results vary by chance.")
    found.append(
        "Intervals and p-values take the differences between seeds for normal, which so "
        "few seeds cannot show; and they are of the seeds alone: the images of validation "
        "are the same in every run."
    )
    return (*found, ONLY_THIS_SETUP)
