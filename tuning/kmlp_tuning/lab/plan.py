"""`LabPlan`: the studies and runs of a lab, checked before any training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

from kmlp.errors import call_all, with_context
from kmlp.model.config import RunConfig
from kmlp.model.hyperparameters import config_fields
from kmlp.model.run_data import training_size
from kmlp.studies.runner import StudySpec, deduplicate_names, targets_of
from kmlp.studies.table import NONE, Column, Row, Table
from kmlp.training.checks import check_trainable
from kmlp_tuning.lab.recipe import Recipe
from kmlp_tuning.oracles.schedule import total_epochs
from kmlp_tuning.search.settings import SearchSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanRow:
    """The amount of training of one part, as if nothing were stored."""

    part: str
    configurations: int
    runs: int
    epochs: int
    steps: int | None
    """The number of steps. None for a search, whose configurations are not known before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabPlan:
    """The studies of a lab, whose runs are checked."""

    recipe: Recipe
    specs: tuple[StudySpec[Any], ...]
    """The studies of `recipe.fixed`."""
    settings: SearchSettings | None
    """The settings of the search. None if there is no search."""

    @property
    def varied(self) -> tuple[str, ...]:
        """The fields in which the runs of the fixed parts differ, and the seed."""
        configs = [
            config for spec in self.specs for row in spec.runs_by_level for config in row
        ]
        return tuple(
            name
            for name in config_fields()
            if name == "seed" or len({getattr(config, name) for config in configs}) > 1
        )

    def check_functions(self) -> None:
        """Check that no two values of the search are the same function. Loads the backend.

        Raises:
            ConfigError: if two values are the same.
        """
        if self.settings is not None:
            from kmlp_tuning.search.aliases import check_different

            check = partial(check_different, self.settings)
            with_context(f"{self.recipe.file}: search", check)

    def rows(self) -> list[PlanRow]:
        """The amount of training, a row for each part."""
        rows = [
            _row(part.label, spec)
            for part, spec in zip(self.recipe.fixed, self.specs, strict=True)
        ]
        if self.settings is not None:
            rows.append(_search_row(self.settings))
        return rows


def plan_table(title: str, rows: Sequence[PlanRow]) -> Table:
    """The amount of training of a lab as a table, with a row for each part."""
    return Table(
        title=f"Planned training: {title}",
        columns=(
            Column("part", numeric=False, wraps=True),
            *map(Column, ("configurations", "runs", "epochs", "steps")),
        ),
        rows=tuple(
            Row((part, *(NONE if number is None else f"{number:,}" for number in numbers)))
            for part, *numbers in map(astuple, rows)
        ),
        notes=(
            "Runs that several parts share are trained once. Stored runs are not trained "
            "again. The epochs of a search are approximate. Runs with a patience may have "
            "fewer.",
        ),
    )


def plan_lab(recipe: Recipe, *, fused: bool = True) -> LabPlan:
    """Plan a lab.

    Args:
        recipe: The lab.
        fused: True if an epoch is one compiled program (see `kmlp.fit`). Defaults to True.

    Raises:
        ConfigError: with the problems of all parts.
    """
    makers = [
        partial(with_context, part.place, partial(part.spec, fused=fused))
        for part in recipe.fixed
    ]
    search = partial(with_context, "search", partial(_search, recipe, fused=fused))
    *specs, settings = with_context(recipe.file, partial(call_all, [*makers, search]))
    return LabPlan(
        recipe=recipe,
        specs=tuple(deduplicate_names(specs, fused=fused)),
        settings=settings,
    )


def _search(recipe: Recipe, *, fused: bool) -> SearchSettings | None:
    if recipe.search is None:
        return None
    settings = recipe.search.settings(fused=fused)
    corners = settings.space.corners(settings.base)
    check_trainable(corners, epochs=settings.max_epochs, fused=fused)
    return settings


def _row(part: str, spec: StudySpec[Any]) -> PlanRow:
    targets = targets_of([spec])  # levels may read the same runs
    return PlanRow(
        part=part,
        configurations=len(spec.runs_by_level),
        runs=len(targets),
        epochs=sum(target.epochs for target in targets.values()),
        steps=sum(target.epochs * _steps(config) for config, target in targets.items()),
    )


def _steps(config: RunConfig) -> int:
    """The number of steps of an epoch."""
    return math.ceil(training_size(config) / config.batch_size)


def _search_row(settings: SearchSettings) -> PlanRow:
    return PlanRow(
        part=f"search ({settings.algorithm})",
        configurations=settings.max_trials,
        runs=settings.run_count,
        epochs=total_epochs(settings.plan()) + settings.replication_epochs,
        steps=None,
    )
