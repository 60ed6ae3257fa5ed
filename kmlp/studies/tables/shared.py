"""Columns and texts that several tables share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kmlp.model.config import RunConfig
from kmlp.model.metrics import ACCURACY, Metric
from kmlp.model.text import value_text
from kmlp.settings import settings_text
from kmlp.statistics import wilson_interval
from kmlp.studies.level_result import LevelResult
from kmlp.studies.results import StudyResult
from kmlp.studies.table import NONE, Column

PROBLEMS = Column("problems", numeric=False, wraps=True, min_width=5, tall=True)


_NOT_DONE = (None, False, 0.0, "none", "constant")
"""The values of fields that mean that something is not done."""


def describe(
    base: RunConfig, *, fused: bool, settings: Mapping[str, str], but: Sequence[str]
) -> str:
    """Return a configuration and the settings of the backend in words.

    Fields whose value means that something is not done are left out, such as 0.

    Args:
        base: The configuration.
        fused: As `kmlp.Execution` has it.
        settings: The settings of the backend that differ from the default.
        but: The fields to leave out, besides the seed and the dataset.
    """
    shown = {
        name: value
        for name, value in base.fixed_fields((*but, "seed", "dataset")).items()
        if value not in _NOT_DONE
    }
    words = [f"{name} {value_text(name, value)}" for name, value in shown.items()]
    if not fused:
        words.append("plain fit")
    return ", ".join([*words, *([settings_text(settings)] if settings else [])])


def differences_note(study: StudyResult) -> str:
    """Return a note on the pairing of differences, and on the correction of their tests."""
    if study.baseline is not None:
        correction = "p and their intervals have Holm's correction for all values."
    elif bool(study.comparison.single_best):
        correction = (
            "p and their intervals are not corrected for the number of pairs, because to "
            "name a single best value needs no such correction."
        )
    else:
        correction = "p and their intervals have Holm's correction for all pairs."
    return f"Differences are paired by {study.replicate}; {correction}"


def same_note(study: StudyResult) -> list[str]:
    """Return a note on the verdict `same`; empty if no level has it."""
    if study.margin is None or not study.levels_with("same"):
        return []
    points = study.metric.difference_text(study.margin)
    return [f"same: shown to differ by less than {points}, by two one-sided tests."]


def problems_text(level: LevelResult) -> str:
    """Return the numbers of runs that failed, diverged or did not learn, as text.

    The share of runs that diverged has its 95 % interval (Wilson's).
    """
    problems = [
        f"{count} of {len(level.runs)} {problem}"
        f"{_share_text(count, len(level.runs)) if problem == 'diverged' else ''}"
        for count, problem in (
            (level.failed, "failed"),
            (level.diverged, "diverged"),
            (level.did_not_learn, "did not learn"),
        )
        if count
    ]
    return ", ".join(problems) or NONE


def _share_text(count: int, runs: int) -> str:
    low, high = wilson_interval(count, runs)
    return f" ({100 * low:.0f} to {100 * high:.0f} %)"


def seeds_text(seeds: Sequence[int]) -> str:
    """Return seeds as text; three or more consecutive seeds are a range.

    Example:
    >>> seeds_text([0, 1, 2]), seeds_text([7]), seeds_text([0, 4, 5])
    ('0-2', '7', '0,4,5')
    """
    first, last = seeds[0], seeds[-1]
    if len(seeds) > 2 and last - first == len(seeds) - 1:
        return f"{first}-{last}"
    return ",".join(map(str, seeds))


def short_test_title(metric: Metric) -> str:
    """Return the header of a column of test values, short for accuracies.

    Example:
    >>> from kmlp.model.metrics import ACCURACY, LOSS
    >>> short_test_title(ACCURACY), short_test_title(LOSS)
    ('test acc. %', 'test loss')
    """
    return metric.headed("test acc." if metric == ACCURACY else metric.named("test"))
