"""Two ablations of one parameter side by side, paired by value and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kmlp._util.text import count_of, enumerated, visible
from kmlp.errors import ConfigError, raise_problems
from kmlp.model.fields import to_jsonable
from kmlp.model.metrics import ACCURACY, Metric, Part
from kmlp.model.text import value_text
from kmlp.statistics import Difference, Estimate, compare_differences, shared_of
from kmlp.studies._caveats import different_images_text
from kmlp.studies._heights import Heights
from kmlp.studies._pairing import values_by_seed
from kmlp.studies.ablation import Ablation
from kmlp.studies.ablation_plan import check_margin
from kmlp.studies.as_json import conclusion_to_dict, difference_to_dict, estimate_to_dict
from kmlp.studies.conclusion import VERDICTS, Conclusion, Partition, partition
from kmlp.studies.judging import check_at, check_same_losses
from kmlp.studies.level_result import mean_of
from kmlp.studies.ranges import values_text
from kmlp.studies.replicates import extent_text, replicates_text
from kmlp.studies.results import validation_images
from kmlp.training.run import At, noun_of


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PairedLevel:
    """A value that both ablations have, with its two results."""

    value: Any
    first: Estimate | None
    """The mean validation value of the first ablation, over the finished runs of the
    common seeds. None: there is no such run."""
    second: Estimate | None
    """The mean validation value of the second ablation."""
    difference: Difference | None
    """The second minus the first, paired by seed, with Holm's correction for all values.
    None: no seed finished in both."""
    interaction: Difference | None = None
    """This difference minus that of the reference value, with Holm's correction for all
    other values. None: it is the reference value, or no seed finished with both values in
    both ablations."""

    @property
    def is_tested(self) -> bool:
        """True if at least two seeds finished in both ablations."""
        return self.difference is not None and self.difference.size > 1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class AblationComparison:
    """Two ablations side by side: their different settings, and their results by value."""

    first: Ablation
    second: Ablation
    epochs: int
    """The number of epochs within which they are compared, the highest that both have."""
    seeds: tuple[int, ...]
    """The seeds that both have."""
    differing: dict[str, tuple[str, str]]
    """The texts of the fields and settings that differ, in the first and the second, by
    name."""
    levels: tuple[PairedLevel, ...]
    """The values that both have, in the order of the first."""
    reference: PairedLevel
    """The level whose difference the interactions subtract: the baseline of the first
    ablation if both have it, else the first of `levels`."""
    metric: Metric = ACCURACY
    """The metric that is compared."""
    part: Part = "val"
    """The part of the data: "val", or "test" if the validation images differ and the test
    images do not."""
    images_differ: bool = False
    """True if the two are measured on different images; the intervals include this."""
    margin: float | None = ACCURACY.margin
    """The difference up to which two values count as the same. None: no such limit."""

    def __repr__(self) -> str:
        """Return the names of the two ablations and the conclusion."""
        names = f'"{self.first.name}" and "{self.second.name}"'
        seeds = extent_text(len(self.seeds), self.first.folds)
        extent = f"{count_of(self.epochs, 'epoch')}, {seeds}"
        lines = (f"AblationComparison of {names}: {extent}", self.conclusion.text)
        return "\n".join(map(visible, lines))

    @property
    def conclusion(self) -> PairedConclusion:
        """The levels with which the second ablation is better or worse than the first."""
        return PairedConclusion(comparison=self)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values that JSON can hold."""
        return {
            "first": self.first.name,
            "second": self.second.name,
            "param": self.first.param,
            "metric": self.metric.figure(self.part),
            "metric_details": self.metric.to_dict(),
            "at": self.first.at,
            "epochs": self.epochs,
            "seeds": list(self.seeds),
            "margin": self.margin,
            "reference": to_jsonable(self.reference.value),
            "differing": {name: list(texts) for name, texts in self.differing.items()},
            "levels": [
                {
                    "value": to_jsonable(level.value),
                    "first": estimate_to_dict(level.first),
                    "second": estimate_to_dict(level.second),
                    "difference": difference_to_dict(level.difference),
                    "interaction": difference_to_dict(level.interaction),
                }
                for level in self.levels
            ],
            **conclusion_to_dict(self.conclusion),
        }


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class PairedConclusion(Conclusion):
    """The conclusion of a comparison of two ablations."""

    comparison: AblationComparison

    @property
    def levels(self) -> Partition[PairedLevel]:
        """The levels at which the second ablation is better, worse, the same, undecided."""
        levels = self.comparison.levels
        parts = partition(
            {level: level.difference for level in levels if level.difference is not None}
        )
        decided = (*parts.better, *parts.worse, *parts.same)
        undecided = tuple(level for level in levels if level not in decided)
        return replace(parts, undecided=undecided)

    @property
    def interactions(self) -> Partition[PairedLevel]:
        """The levels by the verdict on their `interaction`."""
        return partition(
            {
                level: level.interaction
                for level in self.comparison.levels
                if level.interaction is not None
            }
        )

    @property
    def text(self) -> str:
        """The levels at which the second ablation differs, and the interaction."""
        comparison = self.comparison
        if not any(level.is_tested for level in comparison.levels):
            return (
                "No value has two seeds that finished in both studies: there is nothing to "
                "conclude."
            )
        return " ".join([self._finding(), *self._interaction_texts(), *self._notes()])

    def _finding(self) -> str:
        comparison, levels = self.comparison, self.levels
        seeds = replicates_text(len(comparison.seeds), comparison.first.folds)
        rest = [
            *(
                [f"the two are the same within {self._margin()} with {names}"]
                if (names := self._named(levels.same))
                else []
            ),
            *(
                [f"{seeds} do not separate the two studies with {names}"]
                if (names := self._named(levels.undecided))
                else []
            ),
        ]
        outcome = " and ".join(
            f"{word} with {self._named(decided)}"
            for word, decided in (("better", levels.better), ("worse", levels.worse))
            if decided
        )
        if outcome:
            text = f'"{comparison.second.name}" is {outcome} than "{comparison.first.name}"'
            return f"{'; '.join([text, *rest])}."
        if not levels.same:
            return (
                f"{seeds} do not separate the two studies at any value: no difference is "
                "shown."
            )
        text = "; ".join(rest)
        return f"{text[0].upper()}{text[1:]}."

    def _interaction_texts(self) -> list[str]:
        """Return the values at which the difference of the studies itself differs."""
        parts, reference = self.interactions, self.comparison.reference
        if len(self.comparison.levels) < 2:
            return []
        name = self._named([reference])
        changes = [level.interaction for level in self.comparison.levels]
        if not any(change is not None and change.size > 1 for change in changes):
            return [f"No interaction can be tested: too few seeds finished with {name}."]
        if not (parts.better or parts.worse):
            return [f"No value is shown to change this difference, compared with {name}."]
        outcome = " and ".join(
            f"{word} with {self._named(decided)}"
            for word, decided in self._sizes(parts)
            if decided
        )
        return [f"Second minus first is {outcome} than with {name}: an interaction."]

    def _sizes(
        self, parts: Partition[PairedLevel]
    ) -> list[tuple[str, tuple[PairedLevel, ...]]]:
        """Return the levels whose interaction is larger, and those where it is smaller."""
        decided = [parts.better, parts.worse]
        if not self.comparison.metric.higher_is_better:
            decided.reverse()
        return list(zip(("larger", "smaller"), decided, strict=True))

    def _notes(self) -> list[str]:
        comparison, notes = self.comparison, []
        if comparison.part == "test":
            notes.append(
                f"The two have different validation {self._noun}, so test "
                f"{comparison.metric.titles} are compared."
            )
        elif comparison.images_differ:
            notes.append(
                f"They are measured on different {self._noun}, "
                f"{different_images_text(comparison.metric)}."
            )
        looked = [
            f'"{study.name}"'
            for study in (comparison.first, comparison.second)
            if study.most_seeds is not None or study.grew_after_look
        ]
        if looked:
            notes.append(
                f"The number of seeds of {enumerated(looked)} was chosen by looks at its "
                "results, which these p-values do not account for."
            )
        return notes

    @property
    def _noun(self) -> str:
        comparison = self.comparison
        return noun_of((*comparison.first.runs, *comparison.second.runs))

    def _margin(self) -> str:
        return self.comparison.metric.difference_text(self.comparison.margin or 0)

    def _named(self, levels: Sequence[PairedLevel]) -> str:
        if not levels:
            return ""
        first = self.comparison.first
        by_value = {level.value: level for level in first.levels}
        return first.name_of(*(by_value[level.value] for level in levels))

    def to_dict(self) -> dict[str, Any]:
        return {
            **_values_by_verdict(self.levels),
            "interaction": _values_by_verdict(self.interactions),
        }


def _values_by_verdict(levels: Partition[PairedLevel]) -> dict[str, list[Any]]:
    return {
        verdict: [to_jsonable(level.value) for level in getattr(levels, verdict)]
        for verdict in VERDICTS
    }


def compare(
    first: Ablation,
    second: Ablation,
    *,
    margin: float | Literal["default"] | None = "default",
    at: At | None = None,
    metric: Metric | str | None = None,
) -> AblationComparison:
    """Compare two ablations of one parameter, such as on two datasets or with two losses.

    Args:
        first: An ablation.
        second: An ablation of the same parameter, with some of the same values and seeds.
        margin: The difference up to which two values count as the same; that of
            accuracies is from 0 to 1. None: they never do. Defaults to "default", that
            of the metric: 0.002 for accuracies, None for losses.
        at: The epoch at which each run is judged, "best" or "last"; see `ablate`. Defaults
            to None: that of the ablations, which must be the same.
        metric: The metric that compares the runs; see `ablate`. Defaults to None: that of
            the ablations, which must be the same.

    Returns:
        The comparison of the common values by the common seeds, within the epochs that both
        ablations have. Validation values are compared if both have the same validation
        images. Else test values are, if both have the same dataset. Else the intervals of
        accuracies include the chance of the images. The interactions answer the
        question if the parameter has the same effect in both.

    Raises:
        ConfigError: if the ablations do not vary the same parameter, have no value or no
            seed in common, or are judged at different epochs or by different metrics; if
            the margin is not valid; if losses of different loss functions are compared.

    Example:
    >>> from kmlp import ablate, compare
    >>> options = {"train_size": 1000, "seeds": 2, "epochs": 1, "jobs": 1}
    >>> plain = ablate("depth", [0, 1], **options)
    >>> decayed = ablate("depth", [0, 1], weight_decay=0.01, **options)
    >>> compare(plain, decayed).differing
    {'weight_decay': ('0.0', '0.01')}
    """
    raise_problems(
        f'"{study.name}" is of the kind {study.kind}, but must be an ablation.'
        for study in (first, second)
        if not isinstance(study, Ablation)
    )
    if metric is not None:
        first, second = first.viewed(metric=metric), second.viewed(metric=metric)
    if margin == "default":
        margin = first.metric.margin
    if margin is not None:
        check_margin(margin, first.metric)
    if at is not None:
        first, second = first.judged_at(check_at(at)), second.judged_at(at)
    if first.param != second.param:
        raise ConfigError(
            [
                f'"{first.name}" varies `{first.param}`, but "{second.name}" varies '
                f"`{second.param}`. Compare studies of one parameter."
            ]
        )
    problems = []
    others = {level.value: level for level in second.levels}
    both = [(level, others[level.value]) for level in first.levels if level.value in others]
    if not both:
        problems.append(
            f'The studies have no value in common: "{first.name}" has '
            f'{_values_text(first)}, and "{second.name}" has '
            f"{_values_text(second)}."
        )
    seeds = tuple(seed for seed in first.seeds if seed in second.seeds)
    if not seeds:
        problems.append(
            f'The studies have no seed in common: "{first.name}" has '
            f'{_listed(first.seeds)}, and "{second.name}" has {_listed(second.seeds)}.'
        )
    if first.at != second.at:
        problems.append(
            f'The runs of "{first.name}" are judged at the {first.at} epoch, but those of '
            f'"{second.name}" at the {second.at} one. Choose one of them by `at`.'
        )
    if first.metric != second.metric:
        problems.append(
            f'The runs of "{first.name}" are compared by {first.metric.title}, but those '
            f'of "{second.name}" by {second.metric.title}. Choose one of them by `metric`.'
        )
    if problems:
        raise ConfigError(problems)
    measure = first.metric
    check_same_losses(measure, (run.config for run in (*first.runs, *second.runs)))
    epochs = min(first.epochs, second.epochs)
    pair = [
        [
            replace(level, runs=tuple(run.truncated(epochs) for run in level.runs))
            for level in levels
        ]
        for levels in zip(*both, strict=True)
    ]
    images_differ = len({validation_images(study.base) for study in (first, second)}) > 1
    same_test_images = first.base.dataset == second.base.dataset
    part: Part = "test" if images_differ and same_test_images else "val"
    values = [
        values_by_seed([level.runs for level in levels], seeds, part)[0] for levels in pair
    ]
    variances = None
    if images_differ and part == "val" and measure == ACCURACY:
        variances = np.sum(
            [[level.image_variance for level in levels] for levels in pair], axis=0
        )
    heights = Heights.of(measure, values)
    changes = heights(values[1]) - heights(values[0])
    height_margin = heights.margin(margin)
    shared = max(shared_of(study.folds) for study in (first, second))
    differences = compare_differences(
        changes, variances=variances, margin=height_margin, shared=shared
    )
    # The first value was chosen before the results; the best is chosen by them.
    chosen = [one for one, _ in both if one is first.baseline]
    reference = [one for one, _ in both].index(chosen[0]) if chosen else 0
    rest = [place for place in range(len(both)) if place != reference]
    interactions = compare_differences(
        changes[rest] - changes[reference], margin=height_margin, shared=shared
    )
    by_place = {
        place: heights.difference(interactions, index) for index, place in enumerate(rest)
    }
    levels = tuple(
        PairedLevel(
            value=one.value,
            first=_mean(measure, values[0][place]),
            second=_mean(measure, values[1][place]),
            difference=heights.difference(differences, place),
            interaction=by_place.get(place),
        )
        for place, (one, _) in enumerate(both)
    )
    return AblationComparison(
        first=first,
        second=second,
        epochs=epochs,
        seeds=seeds,
        differing=_differing(first, second),
        levels=levels,
        reference=levels[reference],
        metric=measure,
        part=part,
        images_differ=images_differ,
        margin=margin,
    )


def _values_text(study: Ablation) -> str:
    return values_text(study.param, [level.value for level in study.levels])


def _mean(metric: Metric, values: NDArray[np.float64]) -> Estimate | None:
    return mean_of(metric, list(values[np.isfinite(values)]))


def _differing(first: Ablation, second: Ablation) -> dict[str, tuple[str, str]]:
    """Return the fields and settings that differ, as texts of both, by name."""
    left, right = first.base.to_dict(), second.base.to_dict()
    texts = {
        name: (value_text(name, left[name]), value_text(name, right[name]))
        for name in left
        if name not in (first.param, "seed") and left[name] != right[name]
    }
    for name in ("backend", "epochs", "patience", "fused"):
        one, other = getattr(first, name), getattr(second, name)
        if one != other:
            texts[name] = (_text(one), _text(other))
    if first.retuned != second.retuned:
        one, other = (", ".join(it.retuned) or "nothing" for it in (first, second))
        texts["retuned"] = (one, other)
    for name in {**first.settings, **second.settings}:
        one, other = (study.settings.get(name, "default") for study in (first, second))
        if one != other:
            texts[name] = (one, other)
    return texts


def _text(value: Any) -> str:
    return "none" if value is None else str(value)


def _listed(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds))
