"""`LabResult`: the results of a lab, each compared with what was published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kmlp.export.json import ablation_to_dict, config_list_to_dict
from kmlp.training.run import Run
from kmlp_tuning.lab.comparing import QuantityComparison, comparison_to_list, shows_all
from kmlp_tuning.lab.recipe import (
    AblationPart,
    ConfigListPart,
    Part,
    Recipe,
    SearchPart,
)
from kmlp_tuning.search.export import search_to_dict

_QUICK = (
    "Quick: fewer epochs, images, seeds and trials than the recipe has. The results cannot "
    "be compared with what was published, which is therefore left out."
)

_EXPORTS: dict[type[Part], tuple[str, Callable[[Any], dict[str, Any]]]] = {
    AblationPart: ("ablation", ablation_to_dict),
    ConfigListPart: ("configs", config_list_to_dict),
    SearchPart: ("search", search_to_dict),
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PartResult:
    """The study of one part of a recipe, and what was published of it."""

    part: Part
    study: Any
    """An `Ablation`, a `ConfigList` or a `Search`."""
    comparable: bool
    """Whether it can be compared with what was published: see `Recipe`."""

    @property
    def comparisons(self) -> list[QuantityComparison]:
        """The published values compared with ours, by quantity."""
        return self.part.compare(self.study) if self.comparable else []

    @property
    def claims(self) -> list[str]:
        """The verdicts on what was published of the best, in sentences."""
        return self.part.claims(self.study) if self.comparable else []

    @property
    def shown_by_comparisons(self) -> bool:
        """Whether tables of `comparisons` show all that the study's own would."""
        return isinstance(self.part, ConfigListPart) and shows_all(
            self.comparisons, self.study
        )

    def to_dict(self) -> dict[str, Any]:
        """The result as plain values, which JSON can hold."""
        kind, export = _EXPORTS[type(self.part)]
        comparisons = self.comparisons
        return {
            "kind": kind,
            "heading": self.part.heading,
            "notes": list(self.part.notes),
            "published": [row for it in comparisons for row in comparison_to_list(it)],
            "claims": self.claims,
            **export(self.study),
        }


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabResult:
    """The results of a lab."""

    recipe: Recipe
    parts: tuple[PartResult, ...]
    """The results of the parts, in the order of the recipe; without those that were not
    trained, where the runs folder was lost."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run, part by part; parts may share runs."""
        return tuple(run for part in self.parts for run in part.study.runs)

    @property
    def failed(self) -> int:
        """The number of runs that failed."""
        return sum(run.status == "failed" for run in self.runs)

    @property
    def introduction(self) -> list[str]:
        """The paragraphs on all of the lab."""
        recipe = self.recipe
        paragraphs = [] if recipe.comparable else [_QUICK]
        if recipe.source is not None:
            paragraphs.append(f"Published values: {recipe.source}")
        return [*paragraphs, *recipe.notes]

    def to_dict(self) -> dict[str, Any]:
        """The results as plain values, which JSON can hold."""
        recipe = self.recipe
        return {
            "recipe": recipe.name,
            "title": recipe.title,
            "source": recipe.source,
            "notes": list(recipe.notes),
            "comparable": recipe.comparable,
            "parts": [part.to_dict() for part in self.parts],
        }

    def __repr__(self) -> str:
        return f"<LabResult {self.recipe.name}: {len(self.parts)} studies>"
