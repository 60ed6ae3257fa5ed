"""`LabResult`: the results of a lab, compared with published values."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kmlp.report import Section, section_of, write_report
from kmlp.studies.published_best import Verdict
from kmlp.studies.study import Study
from kmlp.training.run import Run
from kmlp_tuning.lab._comparing import QuantityComparison, comparison_to_list
from kmlp_tuning.lab.published_table import published_table
from kmlp_tuning.lab.recipe import Part, Recipe

_QUICK = (
    "This is a quick run with fewer epochs, examples, seeds and trials than the recipe "
    "has. Its results cannot be compared with published values, which are left out."
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PartResult:
    """The study of one part of a recipe, with its published values."""

    part: Part
    study: Study
    comparable: bool
    """True if the study can be compared with published values; see `Recipe`."""

    @property
    def comparisons(self) -> list[QuantityComparison]:
        """The published values compared with ours, by quantity."""
        return self.part.compare(self.study) if self.comparable else []

    @property
    def claims(self) -> list[str]:
        """The verdicts on the published best, in sentences."""
        return self.part.claims(self.study) if self.comparable else []

    @property
    def verdicts(self) -> list[Verdict]:
        """The verdicts on published best levels, as data."""
        return self.part.verdicts(self.study) if self.comparable else []

    @property
    def shown_by_comparisons(self) -> bool:
        """True if the tables of `comparisons` show all results of the study's own table."""
        return self.part.shown_by(self.comparisons, self.study)

    def section(self) -> Section:
        """The section of a report: that of the study, with its published values."""
        own, comparisons = section_of(self.study), self.comparisons
        return replace(
            own,
            question=self.part.heading or own.question,
            answer=(
                *self.claims,
                *(comparison.sentence for comparison in comparisons),
                *own.answer,
            ),
            notes=self.part.notes,
            tables=(*map(published_table, comparisons), *own.tables),
        )

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values, which JSON can hold."""
        comparisons = self.comparisons
        return {
            "kind": self.study.kind,
            "heading": self.part.heading,
            "notes": list(self.part.notes),
            "published": [
                row for comparison in comparisons for row in comparison_to_list(comparison)
            ],
            "claims": self.claims,
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            **self.study.to_dict(),
        }


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabResult:
    """The results of a lab."""

    recipe: Recipe
    parts: tuple[PartResult, ...]
    """The results of the parts, in the order of the recipe. If the runs folder was lost,
    parts that were not trained are left out.
    """

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run, part by part. Parts may share runs."""
        return tuple(run for part in self.parts for run in part.study.runs)

    @property
    def failed(self) -> int:
        """The number of runs that failed."""
        return sum(run.status == "failed" for run in self.runs)

    @property
    def introduction(self) -> list[str]:
        """The paragraphs on the lab as a whole."""
        recipe = self.recipe
        paragraphs = [] if recipe.comparable else [_QUICK]
        if recipe.question is not None:
            paragraphs.append(recipe.question)
        if recipe.source is not None:
            paragraphs.append(f"Published values: {recipe.source}")
        return [*paragraphs, *recipe.notes]

    def report(self, path: str | os.PathLike[str]) -> list[Path]:
        """Write a page with all results.

        Args:
            path: A file that ends in `.html`, `.md` or `.pdf`. It is replaced.

        Returns:
            The files that were written.
        """
        return write_report(
            [part.section() for part in self.parts],
            Path(path),
            title=self.recipe.title,
            introduction=self.introduction,
        )

    def to_dict(self) -> dict[str, Any]:
        """The results as plain values, which JSON can hold."""
        recipe = self.recipe
        return {
            "recipe": recipe.name,
            "title": recipe.title,
            "question": recipe.question,
            "source": recipe.source,
            "notes": list(recipe.notes),
            "comparable": recipe.comparable,
            "parts": [part.to_dict() for part in self.parts],
        }

    def __repr__(self) -> str:
        return f"<LabResult {self.recipe.name}: {len(self.parts)} studies>"
