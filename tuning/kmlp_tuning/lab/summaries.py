"""The recipes that come with kmlp as a list: the question and the runs of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kmlp.studies.table import NONE, Column, Row, Table
from kmlp_tuning.lab.bundled import bundled
from kmlp_tuning.lab.reading import read_recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipeSummary:
    """A recipe that comes with kmlp, in one line."""

    name: str
    title: str
    question: str | None
    """The question of the lab, in one sentence. None: the recipe does not state it."""
    runs: int
    """The number of runs of all parts together."""


def bundled_summaries() -> list[RecipeSummary]:
    """Return a summary of every recipe that comes with kmlp, by name. Reads no dataset."""
    return [
        RecipeSummary(
            name=recipe.name,
            title=recipe.title,
            question=recipe.question,
            runs=sum(part.run_count for part in recipe.parts),
        )
        for recipe in map(read_recipe, bundled())
    ]


def summaries_table(summaries: Sequence[RecipeSummary]) -> Table:
    """The recipes as a table, with a row for each."""
    return Table(
        title="Recipes that come with kmlp",
        columns=(
            Column("name", numeric=False),
            Column("question", numeric=False, wraps=True),
            Column("runs"),
        ),
        rows=tuple(
            Row((summary.name, summary.question or NONE, f"{summary.runs:,}"))
            for summary in summaries
        ),
        notes=("Runs that several parts share are counted in each, and trained once.",),
    )
