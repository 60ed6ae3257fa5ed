"""Columns and texts that tables of several kinds have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kmlp.model.config import RunConfig, value_text
from kmlp.settings import settings_text
from kmlp.studies.results import LevelResult
from kmlp.studies.table import NONE, Column

PROBLEMS = Column("problems", numeric=False, wraps=True, min_width=5, tall=True)


def describe(
    base: RunConfig, *, fused: bool, settings: Mapping[str, str], but: Sequence[str]
) -> str:
    """A configuration and the settings of the backend in words, without some fields and
    without defaults of no effect.
    """
    shown = {
        name: value
        for name, value in base.to_dict().items()
        if name not in (*but, "seed", "dataset") and value not in (None, False, 0.0)
    }
    words = [f"{name} {value_text(name, value)}" for name, value in shown.items()]
    if not fused:
        words.append("plain fit")
    return ", ".join([*words, *([settings_text(settings)] if settings else [])])


def problems_text(level: LevelResult) -> str:
    """The numbers of runs that failed, diverged or did not learn."""
    found = [
        f"{count} of {len(level.runs)} {what}"
        for count, what in (
            (level.failed, "failed"),
            (level.diverged, "diverged"),
            (level.did_not_learn, "did not learn"),
        )
        if count
    ]
    return ", ".join(found) or NONE


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds as text, those that follow each other as a range.

    >>> seeds_text([0, 1, 2]), seeds_text([7]), seeds_text([0, 4, 5])
    ('0-2', '7', '0,4,5')
    """
    first, last = seeds[0], seeds[-1]
    if len(seeds) > 2 and last - first == len(seeds) - 1:
        return f"{first}-{last}"
    return ",".join(map(str, seeds))
