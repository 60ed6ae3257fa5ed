"""Paired t-tests of many differences at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kmlp.statistics._constants import ROUNDING, Booleans, Floats, Integers

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PairedTests:
    """Paired t-tests that mean differences are zero. All arrays have one shape."""

    size: Integers
    """The number of seeds of each difference."""
    mean: Floats
    """The mean difference; nan without a seed."""
    spread: Floats
    """Standard deviation over the seeds; nan for fewer than two seeds."""
    variance: Floats
    """The known variance of the difference that is the same for every seed: 0 if the images
    are the same."""

    p_value: Floats
    """The two-sided p-value; 1 where no test is possible."""
    shared: float = 0.0
    """The correction for folds: see `shared_of`. Defaults to 0: there are no folds."""

    @property
    def tested(self) -> Booleans:
        """True where a test is possible: for two seeds or more whose differences vary."""
        known = self.variance > 0
        return (self.size >= 2) & (known | (_number(self.spread) >= ROUNDING))

    def same_p_value(self, margin: float) -> Floats:
        """Return the p-values of two one-sided tests that a difference exceeds a margin.

        Reference: D. J. Schuirmann (1987), A comparison of the two one-sided tests
        procedure and the power approach for assessing the equivalence of average
        bioavailability, Journal of Pharmacokinetics and Biopharmaceutics 15(6).
        """
        inside = margin - np.abs(_number(self.mean))
        within = self.p_value_of(np.maximum(inside, 0)) / 2
        return np.where(self.tested & (inside > 0), within, 1.0)

    def half_width(self, levels: Floats) -> Floats:
        """Return half of the width of intervals; nan where no test is possible.

        Args:
            levels: One minus the confidence of each interval.
        """
        return np.where(self.tested, np.sqrt(self._square(levels)), np.nan)

    def take(self, places: Integers, signs: Integers, there: Booleans) -> PairedTests:
        """Return the tests at some places of the last dimension.

        Args:
            places: The places, of shape `(..., places)`.
            signs: -1 for each difference whose sign changes, else 1.
            there: False for each place without a difference.
        """
        return PairedTests(
            size=at(self.size, places, there, 0),
            mean=at(self.mean, places, there, np.nan) * signs,
            spread=at(self.spread, places, there, np.nan),
            variance=at(self.variance, places, there, 0.0),
            p_value=at(self.p_value, places, there, 1.0),
            shared=self.shared,
        )

    def p_value_of(self, distance: Floats) -> Floats:
        """Return the level at which an interval is as wide as a distance to each side."""
        from scipy.special import stdtr

        freedom = np.maximum(self.size - 1, 1)
        error = np.where(self.tested, self._error(), 1)
        known = self.tested & (self.variance > 0)
        exact = 2 * stdtr(freedom, -distance / np.where(known, 1, error))
        if known.any():
            exact = np.where(known, self._p_value_with_variance(distance), exact)
        return np.where(self.tested, exact, 1.0)

    def _error(self) -> Floats:
        """Return the standard error of each mean difference."""
        seeds = np.maximum(self.size, 2)
        error: Floats = _number(self.spread) * np.sqrt(1 / seeds + self.shared)
        return error

    def _p_value_with_variance(self, distance: Floats) -> Floats:
        low, high = np.full(distance.shape, np.log(1e-30)), np.zeros(distance.shape)
        for _ in range(60):
            middle = (low + high) / 2
            wider = self._square(np.exp(middle)) > distance**2
            low, high = np.where(wider, middle, low), np.where(wider, high, middle)
        return np.exp(high)

    def _square(self, levels: Floats) -> Floats:
        """Return the square of half of the width of an interval.

        With a known variance it is `t^2 s^2 / n + z^2 v`, with the quantiles of the t and
        of the normal distribution. Its coverage is at least the nominal one, whatever the
        ratio of the variances. Welch and Satterthwaite's is 87 % in place of 95 % for two
        seeds.
        """
        from scipy.special import ndtri, stdtrit

        freedom = np.maximum(self.size - 1, 1)
        square: Floats = (stdtrit(freedom, levels / 2) * self._error()) ** 2
        if self.variance.any():
            square = square + ndtri(levels / 2) ** 2 * self.variance
        return square


def paired_tests(
    differences: Floats, variances: Floats | None = None, *, shared: float = 0.0
) -> PairedTests:
    """Return the tests of differences of shape `(..., seeds)`; nan where one is missing.

    Args:
        differences: The result of one level minus that of another for each seed, or for
            each seed and fold.
        variances: The known variance of each difference, of shape `(...)`. Defaults to 0.
        shared: The correction for folds: see `shared_of`. Defaults to 0: no folds.
    """
    there = np.isfinite(differences)
    size = there.sum(-1)
    mean: Floats = np.where(there, differences, 0).sum(-1) / np.maximum(size, 1)
    deviations = np.where(there, differences - mean[..., None], 0)
    spread = np.sqrt((deviations**2).sum(-1) / np.maximum(size - 1, 1))
    known = np.zeros(mean.shape) if variances is None else variances
    tests = PairedTests(
        size=size,
        mean=np.where(size > 0, mean, np.nan),
        spread=np.where(size > 1, spread, np.nan),
        variance=np.broadcast_to(known, mean.shape),
        p_value=np.ones(mean.shape),
        shared=shared,
    )
    return replace(tests, p_value=tests.p_value_of(np.abs(mean)))


def at(
    values: NDArray[Number], places: Integers, there: Booleans, other: float
) -> NDArray[Number]:
    """Return the values at some places of the last dimension; `other` where none is
    there.
    """
    if values.shape[-1] == 0:
        return np.full(places.shape, other, values.dtype)
    return np.where(there, np.take_along_axis(values, places, -1), values.dtype.type(other))


def _number(values: Floats) -> Floats:
    return np.where(np.isnan(values), 0.0, values)
