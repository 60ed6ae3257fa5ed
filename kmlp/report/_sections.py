"""The sections of a report, one for each study."""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt

from kmlp.studies.table import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A chart with its name, which is part of the name of its file."""

    name: str
    chart: alt.TopLevelMixin


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One study: its question, the answer, and the evidence."""

    name: str
    """The study's name."""
    question: str
    answer: tuple[str, ...]
    """Sentences that follow from the statistics."""
    limits: tuple[str, ...]
    """Sentences on the limits of the answer."""
    notes: tuple[str, ...] = ()
    """The author's remarks, a paragraph each."""
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    setup: tuple[tuple[str, str], ...]
    """Names and texts of facts, such as fields, versions and machines."""
    commands: tuple[str, ...]
    """The command lines that trained the study."""
    runs: Table
    """A row for each run."""
