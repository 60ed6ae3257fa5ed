"""Studies that choose their number of seeds as they go, by looks at the results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kmlp._util.text import count_of, enumerated
from kmlp.errors import ConfigError
from kmlp.model.config import RunConfig
from kmlp.statistics import REASONS, Reason, SequentialComparison, looks
from kmlp.store import StudyRecord
from kmlp.studies.results import StudyResult
from kmlp.studies.runner import Runs, StudySpec
from kmlp.training.checks import check_count

_FORM = re.compile(r"auto(?::(\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class AutoSeeds:
    """As many seeds as the question needs, up to a largest number."""

    most: int = 20
    """The largest number of seeds."""

    def __str__(self) -> str:
        return f"auto:{self.most}"


def read_seeds(seeds: int | str | Sequence[int]) -> int | Sequence[int] | AutoSeeds:
    """Return the seeds that the argument `seeds` of `ablate` stands for.

    Args:
        seeds: Their number, the seeds, `auto`, or `auto:N` for at most `N`.

    Raises:
        ConfigError: if a text has another form, or `N` is not possible.

    Example:
    >>> read_seeds("auto:30"), read_seeds(5)
    (AutoSeeds(most=30), 5)
    """
    if not isinstance(seeds, str):
        return seeds
    form = _FORM.fullmatch(seeds)
    if form is None:
        raise ConfigError(
            [
                f"The seeds are {seeds!r}, but must be an integer, auto, or auto:N as "
                "auto:30."
            ]
        )
    most = int(form[1] or AutoSeeds().most)
    try:
        looks(most)
    except ValueError as error:
        raise ConfigError([f"{error} It is that of `{seeds}`."]) from error
    return AutoSeeds(most)


def parse_seeds(text: str) -> int | str:
    """Return the seeds that a text of the command line stands for: a number, or `auto`.

    Raises:
        ConfigError: as `read_seeds` does, and if the number is not possible.

    Example:
    >>> parse_seeds("5"), parse_seeds("auto:30")
    (5, 'auto:30')
    """
    try:
        number = int(text)
    except ValueError:
        read_seeds(text)
        return text
    return check_count("seeds", number)


def look_text(study: StudyResult) -> str:
    """Return the outcome of the last look in a sentence."""
    comparison = comparison_of(study)
    looked = study.looks_taken
    seeds = count_of(looked[-1] if looked else 0, "seed")
    if comparison.next_look is None:
        return f"{seeds}: {_reason(comparison)}."
    texts = []
    reference, still = study.reference, study.levels_with("undecided")
    active = dict(zip(study.levels, comparison.active, strict=True))
    still = tuple(level for level in still if active[level])
    if reference is not None and still:
        texts.append(
            f"{study.name_of(reference)} is not separated from "
            f"{study.name_of(*still, other=True)}"
        )
    dropped = [level for level in study.levels if not active[level]]
    if dropped:
        are = "is" if len(dropped) == 1 else "are"
        texts.append(f"{study.name_of(*dropped)} {are} not trained further")
    text = "; ".join(texts) or "some pairs are open"
    return f"{seeds}: {text}."


def looks_text(study: StudyResult, *, missing: int = 0) -> str:
    """Return the looks that the numbers are corrected for, and why the study stopped.

    Args:
        study: The study.
        missing: The number of its runs that are not finished. Defaults to 0.
    """
    comparison = comparison_of(study)
    looked = study.looks_taken
    if not looked:
        return "There was no look at the results yet."
    times = count_of(len(looked), "look")
    text = (
        f"Corrected for {times}, with {enumerated(list(map(str, looked)))} of at most "
        f"{study.most_seeds} seeds."
    )
    if study.chosen_after:
        return text  # the looks stop for what was chosen before
    if missing or comparison.next_look is not None:
        return f"{text} The command continues with more seeds."
    if len(study.levels) == 1:
        return f"{text} It stopped there: there is only one value."
    return f"{text} It stopped there: {_reason(comparison)}."


def comparison_of(study: StudyResult) -> SequentialComparison:
    """Return the comparison of a study that chooses its number of seeds."""
    comparison = study.comparison
    assert isinstance(comparison, SequentialComparison)
    return comparison


_TEXTS: dict[Reason, str] = {
    "single best": "a single best value is shown",
    "all the same": "the values that are left are shown to be the same",
    "every pair decided": "every pair is decided",
    "most seeds": "this is the largest number of seeds",
    "nothing to compare": "there is nothing to compare",
}


def _reason(comparison: SequentialComparison) -> str:
    return _TEXTS[REASONS[int(comparison.reason)]]


def more_seeds(
    all_runs: Sequence[Sequence[RunConfig]],
    spec: StudySpec[Any],
    record: StudyRecord,
    runs: Runs,
) -> tuple[StudySpec[Any] | None, str]:
    """Look at a study that chooses its number of seeds; see `StudySpec.go_on`.

    Args:
        all_runs: The runs of each level with the most seeds.
        spec: The study, with the runs up to this look.
        record: Its record.
        runs: All runs of the study so far.
    """
    study = spec.build_result(record, spec.pick(runs), spec.epochs)
    comparison, text = comparison_of(study), look_text(study)
    seeds = comparison.next_look
    if seeds is None:
        return None, text
    rows: list[Sequence[RunConfig]] = [
        every[:seeds] if active else row
        for every, row, active in zip(
            all_runs, spec.runs_by_level, comparison.active, strict=True
        )
    ]
    longest = max(rows, key=len)
    extent = {**spec.extent, "seeds": [config.seed for config in longest]}
    return replace(spec, runs_by_level=rows, extent=extent), text
