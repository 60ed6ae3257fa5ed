"""`Discussion`: the text of a report on a study, and sentences that several kinds share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kmlp._util.text import count_of
from kmlp.model.text import value_text
from kmlp.studies.replicates import replicates_text
from kmlp.studies.results import StudyResult
from kmlp.studies.split_text import split_text
from kmlp.studies.table import Table
from kmlp.training.run import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Discussion:
    """The text of a report on a study: its question, the answer, and its limits."""

    question: str
    answer: tuple[str, ...]
    """Sentences that follow from the statistics."""
    limits: tuple[str, ...]
    """Sentences about the limits of the answer."""
    tables: tuple[Table, ...]
    setup: tuple[tuple[str, str], ...]
    """Names and texts of facts, such as the fields of the configurations."""
    runs: tuple[tuple[str, Run], ...]
    """Every run, with the name of its level, configuration or trial."""


def fields_setup(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Return fields of a configuration as texts, for `Discussion.setup`."""
    return [(name, value_text(name, value)) for name, value in values.items()]


def patience_setup(patience: int | None, noun: str) -> tuple[tuple[str, str], ...]:
    """Return the patience of early stopping for a list of settings; empty if None.

    Args:
        patience: The patience.
        noun: The word for the examples: see `kmlp.training.run.noun_of`.
    """
    if patience is None:
        return ()
    end = f"a run ends after {count_of(patience, 'epoch')} without a better one"
    return (("patience", f"{patience} ({end} on the validation {noun})"),)


def training_setup(
    backend: str, *, fused: bool, settings: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the backend, the way of training and the settings, for `Discussion.setup`."""
    training = "an epoch is one compiled program" if fused else "plain fit"
    return [("backend", backend), ("training", training), *settings.items()]


def runs_by_name(study: StudyResult) -> tuple[tuple[str, Run], ...]:
    """Return the runs of all levels with the level's name, for `Discussion.runs`."""
    return tuple(
        (study.called(study.text(level)), run)
        for level in study.levels
        for run in level.runs
    )


ONLY_THIS_SETUP = (
    "These results hold for the set-up below. They do not extend to other datasets, values "
    "or settings."
)


def comparison_limits(study: StudyResult) -> tuple[str, ...]:
    """Return sentences about the limits of a comparison of levels."""
    limits = []
    reference = study.reference
    noun = "folds" if study.folds else "seeds"
    undecided = [
        level
        for level, difference in zip(study.levels, study.differences(), strict=True)
        if level is not reference
        and level.finished
        and (difference is None or difference.verdict == "undecided")
    ]
    if reference is not None and reference.finished and undecided:
        others = study.name_of(*undecided, other=True)
        limits.append(
            f"The {noun} do not separate {study.name_of(reference)} from {others}. This "
            "does not show that they are equal."
        )
    runs = min(len(study.seeds), *(len(level.runs) for level in study.levels))
    seeds = replicates_text(runs, study.folds)
    if runs < 2:
        limits.append("One seed cannot show how much results vary by chance.")
    elif runs < 5:
        limits.append(f"{seeds} show only roughly how much results vary by chance.")
    limits.append(
        f"Intervals and p-values assume that differences between {noun} are normally "
        f"distributed. {seeds} cannot confirm this assumption."
    )
    covered = split_text(study)
    if covered is not None:
        limits.append(covered)
    limits.append(
        "The error rate of 5 % is that of one study. Of many studies, some name a best "
        "value by chance."
    )
    return tuple(limits)
