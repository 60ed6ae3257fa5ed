"""What a report is made of."""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt

from kmlp.studies.table import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A chart with its name, of which files are named."""

    name: str
    chart: alt.TopLevelMixin


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One study: a question, and what answers it."""

    name: str
    """Of the study."""
    question: str
    answer: tuple[str, ...]
    """Sentences that follow from the statistics."""
    limits: tuple[str, ...]
    """What cannot be concluded."""
    notes: tuple[str, ...] = ()
    """What its author says of it, a paragraph each."""
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]
    setup: tuple[tuple[str, str], ...]
    """Names of facts, and the facts: what was trained, with what, where."""
    commands: tuple[str, ...]
    """The command lines that trained it."""
    runs: Table
    """A row a run."""
