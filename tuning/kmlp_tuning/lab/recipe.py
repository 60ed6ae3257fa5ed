"""`Recipe`: the studies of a lab, and the published values of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

from kmlp.errors import call_all, with_context
from kmlp.model.config import RunConfig
from kmlp.model.domains import ends
from kmlp.model.run_data import training_size
from kmlp.studies.ablate import ablation_spec
from kmlp.studies.ablation import Ablation
from kmlp.studies.axis import axis_of
from kmlp.studies.config_list import ConfigList, config_list_spec
from kmlp.studies.published_best import Verdict, verdict
from kmlp.studies.published_value import PublishedValue
from kmlp.studies.runner import StudySpec
from kmlp.training.run import At
from kmlp_tuning.lab._comparing import (
    PublishedValues,
    QuantityComparison,
    compare_best,
    compare_values,
    shows_all,
)
from kmlp_tuning.search.options import SearchOptions
from kmlp_tuning.search.results import Search
from kmlp_tuning.search.settings import HALVING, SearchSettings, make_settings
from kmlp_tuning.space.space import SearchSpace

QUICK_IMAGES = 2000
QUICK_SEEDS = 2
QUICK_TRIALS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One study of a recipe."""

    place: str
    """The place in the file: `ablations 2`, `search`."""
    heading: str | None
    """The heading of the section. None: the question of such a study."""
    notes: tuple[str, ...]

    def viewed(self, study: Any) -> Any:
        """The study, judged at the epoch that the part names, if it names one."""
        return study

    def compare(self, study: Any) -> list[QuantityComparison]:
        """Compare the published values of the study's levels with ours."""
        return []

    def claims(self, study: Any) -> list[str]:
        """The verdicts on the published best levels, in sentences."""
        return []

    def verdicts(self, study: Any) -> list[Verdict]:
        """The verdicts on published best levels of an ablation, as data."""
        return []

    def shown_by(self, comparisons: Sequence[QuantityComparison], study: Any) -> bool:
        """Return True if tables of published values make the study's own redundant."""
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class AblationPart(Part):
    """An ablation: one field of the base is varied."""

    param: str
    values: tuple[Any, ...]
    base: RunConfig
    epochs: int
    patience: int | None
    """The patience of early stopping. None: no early stopping."""
    at: At
    """The epoch at which each run is judged."""
    metric: str | None
    """The name of the metric that compares runs. None: the default."""
    seeds: int
    best: tuple[Any, ...]
    """The published best value. Empty if none is published."""
    published: PublishedValues

    @property
    def label(self) -> str:
        """The name of the part in a table of all parts."""
        return self.heading or self.param

    @property
    def run_count(self) -> int:
        """The number of runs."""
        own = axis_of(self.param).of_config  # else all values read the same runs
        return self.seeds * (self.base.folds or 1) * (len(self.values) if own else 1)

    def spec(self, *, fused: bool) -> StudySpec[Ablation]:
        """The study to train.

        Raises:
            ConfigError: if the study cannot be trained.
        """
        return ablation_spec(
            self.param,
            self.values,
            base=self.base,
            seeds=self.seeds,
            epochs=self.epochs,
            patience=self.patience,
            at=self.at,
            metric=self.metric,
            fused=fused,
        )

    def viewed(self, study: Ablation) -> Ablation:
        """See `Part`."""
        return study.viewed(at=self.at, metric=self.metric)

    def compare(self, study: Ablation) -> list[QuantityComparison]:
        """See `Part`."""
        return compare_values(self.published, study)

    def verdicts(self, study: Ablation) -> list[Verdict]:
        """See `Part`."""
        return [verdict(study, best) for best in self.best]

    def claims(self, study: Ablation) -> list[str]:
        """See `Part`."""
        return [verdict.text for verdict in self.verdicts(study)]

    def with_seeds(self, seeds: int) -> Self:
        """The part with another number of seeds."""
        return replace(self, seeds=seeds)

    def quick(self) -> Self:
        """A part like this one that trains in seconds."""
        base = _with_few_images(
            self.base, self.values if self.param == "batch_size" else ()
        )
        # The values of `epochs` need all of their epochs.
        epochs = self.epochs if self.param == "epochs" else 1
        seeds = min(QUICK_SEEDS, self.seeds)
        return replace(self, base=base, epochs=epochs, patience=None, seeds=seeds)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigListPart(Part):
    """A list of configurations."""

    base: RunConfig
    configs: tuple[RunConfig, ...]
    epochs: tuple[int, ...]
    """The number of epochs of each configuration."""
    patience: int | None
    """The patience of early stopping. None: no early stopping."""
    at: At
    """The epoch at which each run is judged."""
    metric: str | None
    """The name of the metric that compares runs. None: the default."""
    seeds: tuple[int, ...]
    """The number of seeds of each configuration."""
    published: PublishedValues

    @property
    def label(self) -> str:
        """The name of the part in a table of all parts."""
        return self.heading or "configs"

    @property
    def run_count(self) -> int:
        """The number of runs."""
        return sum(
            count * (config.folds or 1)
            for config, count in zip(self.configs, self.seeds, strict=True)
        )

    def spec(self, *, fused: bool) -> StudySpec[ConfigList]:
        """The study to train.

        Raises:
            ConfigError: if the study cannot be trained.
        """
        return config_list_spec(
            self.configs,
            base=self.base,
            epochs=self.epochs,
            patience=self.patience,
            seeds=self.seeds,
            at=self.at,
            metric=self.metric,
            fused=fused,
        )

    def viewed(self, study: ConfigList) -> ConfigList:
        """See `Part`."""
        return study.viewed(at=self.at, metric=self.metric)

    def compare(self, study: ConfigList) -> list[QuantityComparison]:
        """See `Part`."""
        return compare_values(self.published, study)

    def shown_by(
        self, comparisons: Sequence[QuantityComparison], study: ConfigList
    ) -> bool:
        """See `Part`."""
        return shows_all(comparisons, study)

    def with_seeds(self, seeds: int) -> Self:
        """The part with another number of seeds."""
        return replace(self, seeds=(seeds,) * len(self.configs))

    def quick(self) -> Self:
        """A part like this one that trains in seconds."""
        return replace(
            self,
            base=_with_few_images(self.base),
            configs=tuple(map(_with_few_images, self.configs)),
            epochs=(1,) * len(self.configs),
            patience=None,
            seeds=tuple(min(QUICK_SEEDS, count) for count in self.seeds),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchPart(Part):
    """A search for good hyperparameters."""

    space: SearchSpace
    base: RunConfig
    options: SearchOptions
    """The other options of `tune`."""
    accuracy: PublishedValue | None
    """The published accuracy of the best configuration, in percent."""
    best: Mapping[str, Any]
    """The published fields of the best configuration."""

    @property
    def run_count(self) -> int:
        """The number of runs."""
        return self.settings(fused=True).run_count

    def settings(self, *, fused: bool) -> SearchSettings:
        """The settings of the search to train.

        Raises:
            ConfigError: with every problem at once.
        """
        return make_settings(self.space, self.base, self.options, fused=fused)

    def claims(self, study: Search) -> list[str]:
        """See `Part`."""
        return compare_best(self.accuracy, self.best, study)

    def quick(self) -> Self:
        """A part like this one that trains in seconds."""
        batch_sizes = self.space.fields.get("batch_size")
        sizes = tuple(ends(batch_sizes)) if batch_sizes is not None else ()
        halving = self.options.algorithm in HALVING
        asked = self.settings(fused=True)
        return replace(
            self,
            base=_with_few_images(self.base, sizes),
            options=replace(
                self.options,
                max_trials=min(QUICK_TRIALS, asked.max_trials),
                replicates=min(1, asked.replicates),
                max_epochs=min(2 if halving else 1, asked.max_epochs),
                patience=None,
                min_epochs=1 if halving else None,
                factor=2 if halving else None,
            ),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """The studies of a lab, with their published values."""

    file: str
    """The name of a recipe that comes with kmlp, or the path of a file."""
    name: str
    """The name of the lab, which is also the name of its report."""
    title: str
    question: str | None
    """The question of the lab, in one sentence."""
    source: str | None
    """The origin of the published values."""
    notes: tuple[str, ...]
    parts: tuple[AblationPart | ConfigListPart | SearchPart, ...]
    """The parts in the order of the file. TOML puts all ablations together, and all lists
    of configurations.
    """
    comparable: bool = True
    """True if all values of the recipe are used, so that published values can be compared.
    """

    @property
    def fixed(self) -> tuple[AblationPart | ConfigListPart, ...]:
        """The parts whose runs are known before training: all but the search."""
        return tuple(part for part in self.parts if not isinstance(part, SearchPart))

    @property
    def search(self) -> SearchPart | None:
        """The search. None if there is none."""
        searches = [part for part in self.parts if isinstance(part, SearchPart)]
        return searches[0] if searches else None

    def judged_at(self, at: At) -> Self:
        """The recipe with another epoch at which each run is judged."""
        parts = [
            replace(part, options=replace(part.options, at=at))
            if isinstance(part, SearchPart)
            else replace(part, at=at)
            for part in self.parts
        ]
        return replace(self, parts=tuple(parts))

    def measured_by(self, metric: str) -> Self:
        """The recipe with another metric in all of its parts."""
        parts = [
            replace(part, options=replace(part.options, metric=metric))
            if isinstance(part, SearchPart)
            else replace(part, metric=metric)
            for part in self.parts
        ]
        return replace(self, parts=tuple(parts))

    def with_seeds(self, seeds: int) -> Self:
        """The recipe with another number of seeds, except in its search."""
        parts = [
            part if isinstance(part, SearchPart) else part.with_seeds(seeds)
            for part in self.parts
        ]
        return replace(self, parts=tuple(parts))

    def quick(self) -> Self:
        """A recipe like this one with fewer epochs, examples, seeds and trials.

        Its results only show that the recipe works.
        """
        parts = call_all(
            partial(with_context, part.place, part.quick) for part in self.parts
        )
        return replace(self, parts=tuple(parts), comparable=False)


def _with_few_images(config: RunConfig, batch_sizes: tuple[int, ...] = ()) -> RunConfig:
    """The configuration with few training images, but at least one batch of them."""
    size = max(QUICK_IMAGES, config.batch_size, *batch_sizes)
    images = training_size(config)
    return config.with_fields(train_size=min(size, images))
