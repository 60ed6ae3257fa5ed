"""Mean differences that are tested together, each with a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from kmlp.statistics._constants import ERROR_RATE, Booleans, Floats, Integers
from kmlp.statistics._estimates import Estimate
from kmlp.statistics._evidence import Evidence
from kmlp.statistics._holm import holm_tests
from kmlp.statistics._paired import paired_tests

VerdictText = Literal["undecided", "better", "worse", "same"]
"""A verdict on a difference."""
VERDICTS: tuple[VerdictText, ...] = ("undecided", "better", "worse", "same")
"""The verdicts, in the order of their codes in arrays."""
UNDECIDED = 0
"""The verdict that nothing is shown."""
BETTER = 1
"""The verdict that the first level is better than the second, or than the reference."""
WORSE = 2
"""The verdict that it is worse."""
SAME = 3
"""The verdict that both differ by less than a margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference(Estimate):
    """A mean difference over seeds, one of several that are tested together."""

    p_value: float | None
    """Two-sided p-value of the paired t-test, corrected for the number of tests: how often
    equal levels show a difference this large or larger. None, like the interval, if there
    are fewer than two seeds, or if the differences of all seeds are equal."""
    spread: float | None
    """Standard deviation over the seeds; None for a single seed."""
    verdict: VerdictText

    @property
    def significant(self) -> bool:
        """True if one level is shown better than the other."""
        return self.verdict in ("better", "worse")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Differences:
    """Mean differences that are tested together.

    Each array has the shape `(..., differences)`, one entry of which belongs to one mean
    difference. The leading dimensions are those of the samples.
    """

    size: Integers
    """The number of seeds that both levels have; 0 without a difference."""
    mean: Floats
    """The mean difference; nan without a seed."""
    spread: Floats
    """Standard deviation over the seeds; nan for fewer than two seeds."""
    raw_p_value: Floats
    """Two-sided p-value of the paired t-test alone; 1 where no test is possible."""
    p_value: Floats
    """The p-value, corrected for the number of tests."""
    low: Floats
    """Lower end of the interval; nan where no test is possible."""
    high: Floats
    """Upper end of the interval."""
    verdict: Integers
    """The place in `VERDICTS`."""

    def difference(self, place: int) -> Difference | None:
        """Return one difference of a single study, that is, without leading dimensions.

        Args:
            place: Its place in the arrays.

        Returns:
            The difference; None if there is no seed that both levels have.
        """
        size = int(self.size[place])
        if size == 0:
            return None
        low, high = float(self.low[place]), float(self.high[place])
        tested = not np.isnan(low)
        return Difference(
            mean=float(self.mean[place]),
            interval=(low, high) if tested else None,
            size=size,
            p_value=float(self.p_value[place]) if tested else None,
            spread=float(self.spread[place]) if size > 1 else None,
            verdict=VERDICTS[int(self.verdict[place])],
        )


def compare_differences(
    differences: ArrayLike,
    *,
    variances: ArrayLike | None = None,
    margin: float | None = None,
    family: int | None = None,
    shared: float = 0.0,
) -> Differences:
    """Return the verdicts on several mean differences that are tested together.

    If no pair differs, none is called better or worse in 95 % of cases. If all differ by
    the margin or more, none is called the same in 95 % of cases.

    Args:
        differences: The result of one level minus that of another by pair and seed, of
            shape `(..., pairs, seeds)`. nan where a run is missing.
        variances: The variance of each mean difference that is the same for all seeds, such
            as that of levels that were measured on different images. Of shape
            `(..., pairs)`. Defaults to None: there is none.
        margin: The difference from which on levels are not the same. Defaults to None: no
            pair is called the same.
        family: The number of differences to correct for, if it is more than `pairs`.
        shared: The correction for runs on folds: see `shared_of`. Defaults to 0: no folds.

    Returns:
        One difference for each pair. A pair with fewer than two seeds, or whose differences
        are the same for every seed, is not tested but counted. An interval has the level at
        which Holm's procedure tests the pair, so it excludes zero exactly if the p-value is
        at most 0.05. That of a pair that is the same has the level of its two one-sided
        tests, so it lies within the margin.

    Formula: `mean +- t(n - 1, 1 - level / 2) * s * sqrt(1 / n + shared)`, where `level` is
    `0.05 / m` for the lowest of `m` p-values, `0.05 / (m - 1)` for the next one, and so on
    until the first that is not significant.

    Example:
    >>> clear, close = [0.05, 0.06, 0.055], [0.01, -0.02, 0.01]
    >>> differences = compare_differences([clear, close])
    >>> differences.p_value.round(3).tolist(), differences.difference(0).verdict
    ([0.005, 1.0], 'better')

    Reference: S. Holm (1979), as for `holm`; D. J. Schuirmann (1987), as for
    `PairedTests.same_p_value`.
    """
    tests = paired_tests(
        np.asarray(differences, float),
        None if variances is None else np.asarray(variances, float),
        shared=shared,
    )
    return claims(Evidence.at_one_look(tests, margin), family=family).differences()


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """The verdicts on differences that are tested together."""

    evidence: Evidence
    p_values: Floats
    """The corrected p-values."""
    levels: Floats
    """The significance level of each test, times the constant of the looks."""
    same: Booleans
    """True for each pair that is shown the same by two one-sided tests."""
    same_levels: Floats
    """The significance level of these tests, times the constant of the looks."""

    def verdicts(self) -> Integers:
        """Return the places in `VERDICTS`.

        A level that was shown better and is behind at a later look is undecided.
        """
        differs = self.p_values <= ERROR_RATE
        signs = self.evidence.signs()
        choices = [differs & (signs > 0), differs & (signs < 0), self.same & ~differs]
        return np.select(choices, [BETTER, WORSE, SAME], UNDECIDED)

    def differences(self) -> Differences:
        """Return the differences with their intervals."""
        tests, verdicts = self.evidence.last, self.verdicts()
        same_levels = 2 * self.same_levels
        levels = np.where(verdicts == SAME, same_levels, self.levels)
        low, high = self.evidence.interval(levels)
        return Differences(
            size=tests.size,
            mean=tests.mean,
            spread=tests.spread,
            raw_p_value=tests.p_value,
            p_value=self.p_values,
            low=low,
            high=high,
            verdict=verdicts,
        )


def claims(
    evidence: Evidence, *, family: int | None = None, constant: float = 1.0
) -> Claims:
    """Return the verdicts with Holm's correction.

    The tests for equality have steps of their own. With the steps of the tests for
    differences, the false rate would be up to twice as high: two of three levels in a row,
    each a margin from the next, would both be tested as if they were the only pair.

    Args:
        evidence: The tests.
        family: The number of differences to correct for. Defaults to all.
        constant: The constant of the looks at the results. Defaults to 1: a single look.
    """
    p_values, levels = holm_tests(evidence.p_value(constant), family)
    same, same_levels = np.zeros(p_values.shape, bool), levels
    if evidence.margin is not None:
        corrected, same_levels = holm_tests(evidence.same_p_value(constant), family)
        same = corrected <= ERROR_RATE
    return Claims(evidence, p_values, constant * levels, same, constant * same_levels)
