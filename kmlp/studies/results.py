"""The results of a study by level, with means over the seeds and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import count_of, enumerated
from kmlp.model.config import RunConfig
from kmlp.model.metrics import ACCURACY, Metric, Part
from kmlp.model.params import all_fields
from kmlp.model.text import value_text
from kmlp.statistics import (
    ROUNDING,
    Comparison,
    Difference,
    Estimate,
    SequentialComparison,
    compare_levels,
    compare_sequentially,
    shared_of,
)
from kmlp.studies import _convergence
from kmlp.studies._heights import Heights
from kmlp.studies._pairing import values_by_seed
from kmlp.studies._planned import Planned
from kmlp.studies.axis import axis_of
from kmlp.studies.judging import check_at, check_remeasured, check_same_losses, epochs_text
from kmlp.studies.level_result import LevelResult
from kmlp.studies.level_tuning import LevelTuning
from kmlp.studies.ranges import MOST_NAMED, are_numbers, ranges_of
from kmlp.studies.replicates import extent_text
from kmlp.training.run import At, Run, common_settings, noun_of

Choice = Literal["baseline", "margin", "epoch", "metric"]
"""A choice that should be made before the results are known."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StudyResult:
    """The levels of a study, trained with the same seeds."""

    param: str
    """The parameter: a field of `RunConfig`, `"configuration"` or `"trial"`."""
    epochs: int
    """The epochs of every run; where they differ, the most."""
    seeds: tuple[int, ...]
    """The seeds of all runs."""
    levels: tuple[LevelResult, ...]
    patience: int | None = None
    """The patience of early stopping, of all runs; `epochs` is then the most epochs. None:
    no early stopping."""
    baseline: LevelResult | None = None
    """The level that the others are compared with. None: the best."""
    planned: Planned = field(default_factory=Planned)
    """The choices that were made before the study was shown."""
    asked_values: tuple[str, ...] | None = None
    """The texts of the values that are asked for, also of those without a run. None: those
    of `levels`."""
    looks: tuple[int, ...] = ()
    """The numbers of seeds with which the study was shown before."""
    most_seeds: int | None = None
    """The largest number of seeds, if the study chooses its number as it goes; see
    `kmlp.statistics.compare_sequentially`. None: the number is fixed."""
    tunings: tuple[LevelTuning, ...] = ()
    """The tuning of each level that is asked for. Empty if no field is retuned."""
    margin: float | None = ACCURACY.margin
    """The difference up to which two levels count as the same, in the unit of the metric.
    None: no such limit."""

    @property
    def retuned(self) -> tuple[str, ...]:
        """The fields that were tuned anew for each level."""
        return tuple(self.tunings[0].ranges) if self.tunings else ()

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run, level by level, without those of the tuning."""
        return tuple(run for level in self.levels for run in level.runs)

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of the backend that differ from the default; see `kmlp.settings`."""
        return common_settings(self.runs)

    @property
    def epochs_text(self) -> str:
        """The epochs of the runs as text, such as `10 epochs`."""
        return epochs_text(self.epochs, self.patience)

    @property
    def moment_text(self) -> str:
        """The epoch at which the levels are compared, such as `after 10 epochs`."""
        own = axis_of(self.param).moment_text(self.epochs_text)
        if own is not None:
            return own
        after = self.at == "last" or self.epochs == 1
        return f"{'after' if after else 'at the best of'} {self.epochs_text}"

    @property
    def at(self) -> At:
        """The epoch at which every run is judged: the best or the last."""
        return next((run.at for run in self.runs), "best")

    def judged_at(self, at: At) -> Self:
        """Return the same study with each run judged at its best or at its last epoch.

        Raises:
            ConfigError: if `at` is "last", and runs stopped early.
        """
        check_at(at, self.patience)
        levels = tuple(
            replace(level, runs=tuple(run.judged_at(at) for run in level.runs))
            for level in self.levels
        )
        return self._with_levels(levels)

    @property
    def metric(self) -> Metric:
        """The metric that compares the levels."""
        return next((run.metric for run in self.runs), ACCURACY)

    def measured_by(self, metric: Metric) -> Self:
        """Return the same study, compared by another metric.

        The margin becomes the default of the metric, in whose unit it is.

        Raises:
            ConfigError: if runs lack the metric, if they stopped early by another one, or
                if the metric is the loss and the loss functions differ.
        """
        if metric == self.metric:
            return self
        check_remeasured(metric, self.metric, self.patience)
        check_same_losses(metric, (run.config for run in self.runs))
        levels = tuple(
            replace(level, runs=tuple(run.measured_by(metric) for run in level.runs))
            for level in self.levels
        )
        return replace(self._with_levels(levels), margin=metric.margin)

    def _with_levels(self, levels: tuple[LevelResult, ...]) -> Self:
        """Return the study with other results of the same levels."""
        place = self._baseline_index
        baseline = None if place is None else levels[place]
        return replace(self, levels=levels, baseline=baseline)

    @property
    def grew_after_look(self) -> bool:
        """True if seeds were added, or others taken, after the study had been shown.

        A study that chooses its number of seeds is corrected for its looks.
        """
        if self.most_seeds is not None:
            return False
        seeds = max((len(level.runs) for level in self.levels), default=0)
        planned = self.planned.seeds
        others = planned is not None and not set(self.seeds) <= set(planned)
        return others or any(look < seeds for look in self.looks)

    @property
    def chosen_after(self) -> tuple[Choice, ...]:
        """The choices that differ from those made before the study was shown."""
        planned, baseline, margin = self.planned, self.baseline, self.margin
        other_metric = planned.metric is not None and self.metric.name != planned.metric
        other_margin = planned.margin is not None and margin != planned.margin
        differs: dict[Choice, bool] = {
            "baseline": baseline is not None and self.text(baseline) != planned.baseline,
            # A margin is in the unit of its metric.
            "margin": other_margin and not other_metric,
            "epoch": planned.at is not None and self.at != planned.at,
            "metric": other_metric,
        }
        return tuple(choice for choice, is_other in differs.items() if is_other)

    @property
    def lacks_baseline(self) -> bool:
        """True if the planned baseline has no run, and no other one was chosen."""
        return self.planned.baseline is not None and self.baseline is None

    @property
    def values_added(self) -> bool:
        """True if a study that is corrected for its looks got values after it was shown."""
        return self.most_seeds is not None and self._changes_of_values[0]

    @property
    def values_left_out(self) -> bool:
        """True if some of the values with which the study was shown are not asked for."""
        return self._changes_of_values[1]

    @property
    def _changes_of_values(self) -> tuple[bool, bool]:
        values = self.asked_values
        if values is None:
            values = tuple(map(self.text, self.levels))
        return self.planned.changes_of_values(values)

    @property
    def seeds_text(self) -> str:
        """The number of seeds as text, such as `5 seeds`, or `3 to 5 seeds`."""
        fewest = min((len(level.runs) for level in self.levels), default=0)
        if self.most_seeds is None or fewest == len(self.seeds):
            return extent_text(len(self.seeds), self.folds)
        return f"{fewest} to {len(self.seeds)} seeds"

    @property
    def noun(self) -> str:
        """The word for the examples of the runs: "images", "rows" of a table, or both."""
        return noun_of(self.runs)

    @property
    def folds(self) -> int | None:
        """The number of folds, each of which every seed is used on; None: no folds."""
        return next((run.config.folds for run in self.runs), None)

    @property
    def replicate(self) -> str:
        """The word for the runs of one level: "seed", or "fold"."""
        return "fold" if self.folds else "seed"

    @property
    def validates_on_test(self) -> bool:
        """True if all runs are validated on the test images."""
        return all(run.config.validates_on_test for run in self.runs)

    @property
    def part(self) -> Part:
        """The part of the data on which the levels are compared: "val" or "test".

        It is the validation part: test data must not choose a level. It is the test part
        where the validation images differ, but the test images are the same.
        """
        if axis_of(self.param).on_test:
            return "test"
        same_test_images = len({run.config.dataset for run in self.runs}) == 1
        return "test" if self.images_differ and same_test_images else "val"

    @property
    def figure(self) -> str:
        """The measure that compares the levels, such as `val_accuracy`."""
        return self.metric.figure(self.part)

    def value_of(self, level: LevelResult) -> Estimate | None:
        """Return the mean by which a level is compared; None if no run finished."""
        return level.value_of(self.part)

    @cached_property
    def images_differ(self) -> bool:
        """True if runs with the same seed are validated on different images."""
        return len({validation_images(run.config) for run in self.runs}) > 1

    def called(self, *values: str) -> str:
        """Return the name of some levels: `width=32 and 64`, `trials 1 and 3`.

        Args:
            values: The values of the levels as texts, at least one.
        """
        if self.param in all_fields():
            return f"{self.param}={enumerated(values)}"
        return f"{self.param}{'s' if len(values) > 1 else ''} {enumerated(values)}"

    def name_of(self, *levels: LevelResult, other: bool = False) -> str:
        """Return the name of some levels. Many numbers become ranges: `0.01 to 0.3`.

        Args:
            levels: The levels, at least one.
            other: True if the sentence names another level before. Then many levels without
                ranges are `8 other values`, and not `8 values`. Defaults to False.
        """
        texts = [self.text(level) for level in levels]
        if len(levels) > MOST_NAMED:
            ranges = self.ranges(levels)
            if not 0 < len(ranges) <= MOST_NAMED:
                noun = "value" if self.param in all_fields() else self.param
                return count_of(len(levels), f"other {noun}" if other else noun)
            texts = ranges
        return self.called(*texts)

    def sentence(self, text: str) -> str:
        """Return a text with a capital first letter, unless it begins with a field."""
        return text if self.param in all_fields() else f"{text[0].upper()}{text[1:]}"

    def ranges(self, levels: Sequence[LevelResult]) -> list[str]:
        """Return some levels as ranges, such as `0.01 to 0.3`; none if not all are numbers.

        Args:
            levels: The levels.
        """
        values = [level.value for level in self.levels]
        if self.param not in all_fields() or not are_numbers(values):
            return []
        return [
            " to ".join(value_text(self.param, end) for end in dict.fromkeys(ends))
            for ends in ranges_of([level.value for level in levels], among=values)
        ]

    def text(self, level: LevelResult) -> str:
        """Return the value of a level as text."""
        named = self.param in all_fields()
        return value_text(self.param, level.value) if named else str(level.value)

    @property
    def label_headers(self) -> tuple[str, ...]:
        """The headers of the columns that `labels` fills."""
        return (self.param,)

    def labels(self, level: LevelResult) -> tuple[str, ...]:
        """Return the texts that distinguish a level from the others."""
        return (self.text(level),)

    def epochs_of(self, level: LevelResult) -> int:
        """Return the target epochs of a level."""
        return axis_of(self.param).epochs(level.value, self.epochs)

    @cached_property
    def _values(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        runs = [level.runs for level in self.levels]
        return values_by_seed(runs, self.seeds, self.part)

    @property
    def _heights(self) -> Heights:
        return Heights.of(self.metric, self._values[0])

    @cached_property
    def comparison(self) -> Comparison:
        """The comparison of all levels, as arrays; see `kmlp.statistics`.

        Its numbers are those of `Heights`: higher is better, whatever the metric.
        """
        values, lost = self._values
        heights = self._heights
        options: dict[str, Any] = {
            "lost": lost,
            "baseline": self._baseline_index,
            "variances": self._image_variances(),
            "margin": heights.margin(self.margin),
        }
        if self.most_seeds is None:
            shared = shared_of(self.folds)
            return compare_levels(heights(values), shared=shared, **options)
        options["did_not_learn"] = self._did_not_learn()
        return compare_sequentially(heights(values), most=self.most_seeds, **options)

    @property
    def looks_taken(self) -> tuple[int, ...]:
        """The numbers of seeds at the looks that the comparison is corrected for.

        Empty if the number of seeds is fixed.
        """
        comparison = self.comparison
        if not isinstance(comparison, SequentialComparison):
            return ()
        return comparison.looks[: int(comparison.looked)]

    def _did_not_learn(self) -> NDArray[np.bool_]:
        """Return True for each run that did not learn, of shape `(levels, seeds)`."""
        places = {seed: place for place, seed in enumerate(self.seeds)}
        mask = np.zeros((len(self.levels), len(self.seeds)), bool)
        for row, level in enumerate(self.levels):
            mask[row, [places[run.config.seed] for run in level.unlearned]] = True
        return mask

    @property
    def _baseline_index(self) -> int | None:
        return None if self.baseline is None else self.levels.index(self.baseline)

    def _image_variances(self) -> Any:
        """Return the variance of each level's mean that its own images cause.

        None if all levels are measured on the same images.
        """
        if not self.images_differ or self.part == "test":
            return None
        variances = [level.image_variance for level in self.levels]
        return None if np.isnan(variances).any() else np.array(variances)

    def best(self) -> LevelResult | None:
        """Return the level of `contenders` with the best mean.

        A better mean can be chance: `differences` has the significance.

        Returns:
            The level; None if no run finished.
        """
        best = int(self.comparison.best)
        return self.levels[best] if best >= 0 else None

    @property
    def tied(self) -> tuple[LevelResult, ...]:
        """The other levels whose mean equals that of the best."""
        best = self.best()
        return tuple(
            level
            for level, tied in zip(self.levels, self.comparison.tied, strict=True)
            if tied and level is not best
        )

    @property
    def contenders(self) -> tuple[LevelResult, ...]:
        """The levels with a finished run that do not diverge or fail more often.

        A level ranks behind if Fisher's exact test shows that it loses more runs.
        """
        return tuple(
            level
            for level, contends in zip(self.levels, self.comparison.contenders, strict=True)
            if contends
        )

    @property
    def near_best(self) -> float | None:
        """The validation value whose error is a tenth above that of the best level.

        The error of the best level is the mean over its finished runs, each at its best
        epoch. All levels have this target in common: see `LevelResult.epochs_to`. None if
        no run finished, or if the metric knows no error.
        """
        best = self.best()
        return None if best is None else _convergence.near_best(best.finished)

    @property
    def reference(self) -> LevelResult | None:
        """The level that the others are compared with: the baseline, else the best."""
        return self.baseline if self.baseline is not None else self.best()

    @property
    def comparisons(self) -> int:
        """The number of differences for which Holm's correction accounts.

        A baseline is chosen beforehand: one difference for each other level. The best level
        is chosen by the same data: one difference for each pair of levels.
        """
        others = len(self.levels) - 1
        return others if self.baseline is not None else others * (others + 1) // 2

    def samples_of_differences(
        self, levels: Sequence[LevelResult]
    ) -> list[NDArray[np.float64]]:
        """Return how much better some levels are than the `reference`, one for each seed.

        The numbers are those of `Heights`. Seeds that did not finish with both are left
        out.
        """
        assert self.reference is not None
        samples = self._heights(self._values[0])
        reference = samples[self.levels.index(self.reference)]
        differences = [samples[self.levels.index(level)] - reference for level in levels]
        return [sample[np.isfinite(sample)] for sample in differences]

    def error_ratio(self, level: LevelResult) -> float | None:
        """Return the mean error of a level divided by that of the `reference`.

        An error is 1 minus the accuracy, or the metric itself: see `Metric.error`. The
        means are over the seeds that finished with both levels.

        Returns:
            The ratio; None for the reference, without common seeds, if the reference makes
            no errors, or if the metric knows no error.
        """
        if self.reference is None or level is self.reference:
            return None
        perfect, values = self.metric.perfect, self._values[0]
        if perfect is None:
            return None
        pair = values[[self.levels.index(level), self.levels.index(self.reference)]]
        errors = self.metric.sign * (perfect - pair[:, np.isfinite(pair).all(axis=0)])
        rounding = ROUNDING * self._heights.scale
        if not errors.size or errors[1].sum() < rounding or errors[0].sum() < 0:
            return None
        return float(errors[0].sum() / errors[1].sum())

    def differences(self) -> tuple[Difference | None, ...]:
        """Return the difference of each level from the `reference`, paired by seed.

        See `statistics.compare_levels`.

        Returns:
            One difference for each level, over the seeds that finished with both, in the
            unit of the metric: negative if its value is lower than that of the reference.
            None for the reference itself, or without such seeds.
        """
        return self._differences

    def levels_with(self, verdict: str) -> tuple[LevelResult, ...]:
        """Return the levels with a verdict on their difference from the `reference`."""
        return tuple(
            level
            for level, difference in zip(self.levels, self._differences, strict=True)
            if difference is not None and difference.verdict == verdict
        )

    @cached_property
    def _differences(self) -> tuple[Difference | None, ...]:
        if self.reference is None:
            return (None,) * len(self.levels)
        heights = self._heights
        places = range(len(self.levels))
        return tuple(heights.difference(self.comparison, place) for place in places)


def validation_images(config: RunConfig) -> tuple[Any, ...]:
    """Return the fields of a configuration on which its validation images depend.

    Runs that have these fields and the seed in common are validated on the same images.
    """
    return (config.dataset, config.validation_fraction, config.resplit, config.folds)
