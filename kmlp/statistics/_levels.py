"""The comparison of levels: the best one, and every pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kmlp.statistics._constants import ERROR_RATE, ROUNDING, Booleans, Floats, Integers
from kmlp.statistics._contenders import ranks_behind
from kmlp.statistics._differences import Claims, Differences, claims
from kmlp.statistics._evidence import Evidence
from kmlp.statistics._paired import at, paired_tests


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pairs(Differences):
    """The differences of all pairs that are tested together, the first minus the second."""

    first: Integers
    """The place of the first level of each pair."""
    second: Integers
    """The place of its second level."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Comparison(Differences):
    """The comparison of levels.

    The arrays that it inherits hold the difference of each level from the reference: the
    baseline, else the best level. There, the reference itself has size 0.
    """

    means: Floats
    """The mean of each level; nan if no run finished."""
    contenders: Booleans
    """True for each level that does not rank behind: a run finished, and it is not shown
    that more of its runs are lost than those of the others."""
    best: Integers
    """The place of the contender with the highest mean, the first of equals; -1: none."""
    tied: Booleans
    """True for each contender whose mean is that of the best, which is also True."""
    single_best: Booleans
    """True if the best level is shown better than every other contender."""
    pairs: Pairs


def compare_levels(
    samples: ArrayLike,
    *,
    lost: ArrayLike | None = None,
    baseline: int | None = None,
    variances: ArrayLike | None = None,
    margin: float | None = None,
    shared: float = 0.0,
) -> Comparison:
    """Compare levels that were trained with the same seeds, and on the same folds.

    Three statements hold in 95 % of studies each: no pair of equal levels is called better
    or worse, no level is called the single best unless it is the best, and no pair that
    differs by the margin or more is called the same.

    Args:
        samples: The results by level and seed, of shape `(..., levels, seeds)`; higher is
            better. nan where a run is missing or lost.
        lost: True for each run that diverged or failed, of the same shape. Defaults to
            None: no run is lost.
        baseline: The place of the level that the others are compared with, if it was chosen
            before there were results. Defaults to None: every pair is compared.
        variances: The variance of each level's mean that is the same for all seeds, if
            levels were measured on different images. Of shape `(..., levels)`.
        margin: The difference from which on levels are not the same. Defaults to None: no
            pair is called the same.
        shared: The correction for runs on folds, each a seed here: see `shared_of`.
            Defaults to 0: no folds.

    Returns:
        The comparison. Pairs are tested as by `compare_differences`, with the number of all
        pairs as the family. The best level is the single best if unadjusted tests show it
        better than every other contender. Its differences are then the unadjusted ones.

    Example:
    >>> comparison = compare_levels([[0.91, 0.92, 0.93], [0.95, 0.97, 0.96]])
    >>> int(comparison.best), comparison.difference(0).verdict
    (1, 'worse')

    Reference: S. Gutmann, Z. Maymin (1987), Is the selected population the best?, Annals of
    Statistics 15(1). K. Hung, W. Fithian (2019), Rank verification for exponential
    families, Annals of Statistics 47(2). J. Goldwasser, W. Fithian, G. Hooker (2025),
    Gaussian rank verification, arXiv:2501.14142.
    """
    results, are_lost = checked(samples, lost)
    pairing = Pairing(results.shape[-2], baseline)
    tests = paired_tests(
        pairing.differences(results), pairing.variances(variances), shared=shared
    )
    evidence = Evidence.at_one_look(tests, margin)
    finished = np.isfinite(results).sum(-1)
    able = (finished > 0) & ~ranks_behind(are_lost.sum(-1), finished)
    return Comparison(**decide(results, able, pairing, evidence).fields())


def checked(samples: ArrayLike, lost: ArrayLike | None) -> tuple[Floats, Booleans]:
    """Return the samples without the lost runs, and the runs that are lost."""
    results = np.asarray(samples, float)
    are_lost = np.zeros(results.shape, bool) if lost is None else np.asarray(lost, bool)
    return np.where(are_lost | ~np.isfinite(results), np.nan, results), are_lost


class Pairing:
    """The pairs of levels that are tested together: all, or each with the baseline."""

    def __init__(self, levels: int, baseline: int | None) -> None:
        self.baseline = baseline
        if baseline is None:
            self.first, self.second = np.triu_indices(levels, 1)
        else:
            self.first = np.delete(np.arange(levels), baseline)
            self.second = np.full(levels - 1, baseline)
        self.count = len(self.first)
        # By two levels: the place of their pair, and its sign; 0 without a pair.
        self._place = np.zeros((levels, levels), int)
        self._sign = np.zeros((levels, levels), int)
        for one, other, sign in (
            (self.first, self.second, 1),
            (self.second, self.first, -1),
        ):
            self._place[one, other] = np.arange(self.count)
            self._sign[one, other] = sign

    def differences(self, results: Floats) -> Floats:
        """Return the differences of each pair by seed."""
        differences: Floats = results[..., self.first, :] - results[..., self.second, :]
        return differences

    def variances(self, of_levels: ArrayLike | None) -> Floats | None:
        """Return the variance of each pair's difference from those of the levels."""
        if of_levels is None:
            return None
        levels = np.asarray(of_levels, float)
        pairs: Floats = levels[..., self.first] + levels[..., self.second]
        return pairs

    def from_reference(self, best: Integers) -> tuple[Integers, Integers]:
        """Return the place of each level's pair with the reference, and its sign."""
        reference = best if self.baseline is None else np.full(best.shape, self.baseline)
        signs = np.where(reference[..., None] < 0, 0, self._sign.T[reference])
        return self._place.T[reference], signs


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Decision:
    """The fields of a comparison, before intervals are worked out."""

    means: Floats
    contenders: Booleans
    best: Integers
    tied: Booleans
    single_best: Booleans
    pairing: Pairing
    pairs: Claims
    from_reference: Claims

    def fields(self) -> dict[str, Any]:
        """Return the fields of a `Comparison`."""
        names = ("means", "contenders", "best", "tied", "single_best")
        pairs = _fields(self.pairs.differences())
        return {
            **_fields(self.from_reference.differences()),
            **{name: getattr(self, name) for name in names},
            "pairs": Pairs(**pairs, first=self.pairing.first, second=self.pairing.second),
        }


def decide(
    results: Floats,
    able: Booleans,
    pairing: Pairing,
    evidence: Evidence,
    *,
    constants: tuple[float, float] = (1.0, 1.0),
    eligible: Booleans | None = None,
) -> Decision:
    """Return the best level, and the verdicts on all pairs.

    Args:
        results: The results by level and seed; nan where a run is missing or lost.
        able: True for each contender.
        pairing: The pairs.
        evidence: The tests of the pairs.
        constants: Those of the looks at the results, for all pairs and for one pair.
        eligible: True for each contender that may be the best. Defaults to all.
    """
    of_pairs, of_one = constants
    pairs = claims(evidence, constant=of_pairs)
    means = level_means(results)
    best, tied = _best(np.where(able if eligible is None else eligible, means, -np.inf))
    places, signs = pairing.from_reference(best)
    there = signs != 0
    of_reference = evidence.take(places, signs, there)
    p_values = at(pairs.p_values, places, there, 1.0)
    levels = at(pairs.levels, places, there, ERROR_RATE)
    single = np.zeros(best.shape, bool)
    if pairing.baseline is None:
        unadjusted = of_reference.p_value(of_one)
        others = able & (np.arange(able.shape[-1]) != best[..., None])
        behind = (unadjusted <= ERROR_RATE) & (of_reference.signs() < 0)
        single = others.any(-1) & (behind | ~others).all(-1)
        alone = others & single[..., None]
        p_values = np.where(alone, unadjusted, p_values)
        levels = np.where(alone, of_one * ERROR_RATE, levels)
    same = at(pairs.same, places, there, False)
    same_levels = at(pairs.same_levels, places, there, ERROR_RATE)
    return Decision(
        means=means,
        contenders=able,
        best=best,
        tied=tied,
        single_best=single,
        pairing=pairing,
        pairs=pairs,
        from_reference=Claims(of_reference, p_values, levels, same, same_levels),
    )


def level_means(results: Floats) -> Floats:
    """Return the mean of each level; nan if no run finished."""
    there = np.isfinite(results)
    count = there.sum(-1)
    total = np.where(there, results, 0).sum(-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _best(means: Floats) -> tuple[Integers, Booleans]:
    """Return the place of the highest mean, -1 if there is none, and all that equal it."""
    highest = means.max(-1, keepdims=True)
    tied = np.isfinite(means) & (means >= highest - ROUNDING)
    return np.where(tied.any(-1), tied.argmax(-1), -1), tied


def _fields(differences: Differences) -> dict[str, Any]:
    return {name: getattr(differences, name) for name in Differences.__slots__}
