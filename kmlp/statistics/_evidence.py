"""The evidence on differences: paired tests at one look at the results, or at several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kmlp.statistics._constants import Booleans, Floats, Integers
from kmlp.statistics._paired import PairedTests, at


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The tests of the same differences at each look at the results.

    With several looks, a look with weight `w` tests at `constant * w` times the
    significance level. With a single look, the constant and the weight are 1.
    """

    margin: float | None
    """The difference from which on levels are not the same; None: there is none."""
    tests: tuple[PairedTests, ...]
    """The tests at each look, all of one shape."""
    weights: tuple[Floats, ...]
    """The weight of each look and difference. A difference that is not looked at again
    keeps its tests and its weight in all later looks. 0: it has not been looked at."""
    lowest: Floats
    """The lowest p-value over the looks, divided by the weight of its look."""
    lowest_same: Floats
    """That of the tests that a difference exceeds the margin; infinite without a margin."""
    ahead: Integers
    """The sign of the mean difference at the look with the lowest p-value."""

    @classmethod
    def nothing(cls, shape: tuple[int, ...], margin: float | None) -> Evidence:
        """Return the evidence before the first look."""
        infinite = np.full(shape, np.inf)
        return cls(margin, (), (), infinite, infinite, np.zeros(shape, int))

    @classmethod
    def at_one_look(cls, tests: PairedTests, margin: float | None) -> Evidence:
        """Return the evidence of a single look at the results."""
        shape = tests.mean.shape
        return cls.nothing(shape, margin).after(tests, np.ones(shape))

    def after(self, tests: PairedTests, weights: Floats) -> Evidence:
        """Return the evidence after one more look."""
        divisor = np.where(weights > 0, weights, 1)

        def weighed(p_values: Floats) -> Floats:
            return np.where(weights > 0, p_values / divisor, np.inf)

        now, same = weighed(tests.p_value), self.lowest_same
        if self.margin is not None:
            same = np.minimum(same, weighed(tests.same_p_value(self.margin)))
        sign = np.where(tests.mean > 0, 1, -1)
        return Evidence(
            self.margin,
            (*self.tests, tests),
            (*self.weights, weights),
            np.minimum(self.lowest, now),
            same,
            np.where(now < self.lowest, sign, self.ahead),
        )

    @property
    def last(self) -> PairedTests:
        """The tests at the last look."""
        return self.tests[-1]

    def p_value(self, constant: float = 1.0) -> Floats:
        """Return the p-values over all looks, before a correction for several differences.

        A p-value over several looks is the lowest level at which one of them is
        significant.
        """
        return np.minimum(self.lowest / constant, 1)

    def same_p_value(self, constant: float = 1.0) -> Floats:
        """Return the p-values over all looks that a difference exceeds the margin."""
        return np.minimum(self.lowest_same / constant, 1)

    def signs(self) -> Integers:
        """Return the signs of the differences; 0 where the looks do not agree on it.

        They are those of the look with the lowest p-value, and of the last one.
        """
        return np.where(self.last.mean * self.ahead > 0, self.ahead, 0)

    def interval(self, levels: Floats) -> tuple[Floats, Floats]:
        """Return the lower and upper ends of the intervals that hold at every look.

        An interval is what the intervals of all looks have in common, so it excludes zero
        exactly if one of them does. If they have nothing in common, it is the last one.

        Args:
            levels: The constant times one minus the confidence of each interval.
        """
        low, high = np.full(levels.shape, -np.inf), np.full(levels.shape, np.inf)
        last = low, high
        for tests, weights in zip(self.tests, self.weights, strict=True):
            looked = tests.tested & (weights > 0)
            half = tests.half_width(np.where(looked, np.minimum(levels * weights, 1), 1))
            last = (
                np.where(looked, tests.mean - half, -np.inf),
                np.where(looked, tests.mean + half, np.inf),
            )
            low, high = np.maximum(low, last[0]), np.minimum(high, last[1])
        common = low <= high
        low, high = np.where(common, low, last[0]), np.where(common, high, last[1])
        known = np.isfinite(low)
        return np.where(known, low, np.nan), np.where(known, high, np.nan)

    def take(self, places: Integers, signs: Integers, there: Booleans) -> Evidence:
        """Return the evidence at some places of the last dimension.

        Args:
            places: The places, of shape `(..., places)`.
            signs: -1 for each difference whose sign changes, else 1.
            there: False for each place without a difference.
        """
        return Evidence(
            self.margin,
            tuple(tests.take(places, signs, there) for tests in self.tests),
            tuple(at(it, places, there, 0.0) for it in self.weights),
            at(self.lowest, places, there, np.inf),
            at(self.lowest_same, places, there, np.inf),
            at(self.ahead, places, there, 0) * signs,
        )
