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

    tests: tuple[PairedTests, ...]
    """The tests at each look, all of one shape, at least one."""
    weights: tuple[Floats, ...]
    """The weight of each look and difference. A difference that is not looked at again
    keeps its tests and its weight in all later looks. 0: it has not been looked at."""

    @classmethod
    def at_one_look(cls, tests: PairedTests) -> Evidence:
        """Return the evidence of a single look at the results."""
        return cls((tests,), (np.ones(tests.mean.shape),))

    @property
    def last(self) -> PairedTests:
        """The tests at the last look."""
        return self.tests[-1]

    def p_value(self, constant: float | Floats = 1.0) -> Floats:
        """Return the p-values over all looks, before a correction for several differences.

        A p-value over several looks is the lowest level at which one of them is
        significant.
        """
        return self._lowest([tests.p_value for tests in self.tests], constant)

    def same_p_value(self, margin: float, constant: float = 1.0) -> Floats:
        """Return the p-values over all looks that a difference exceeds a margin."""
        p_values = [tests.same_p_value(margin) for tests in self.tests]
        return self._lowest(p_values, constant)

    def signs(self) -> Integers:
        """Return the signs of the differences; 0 where the looks do not agree on it.

        They are those of the look with the lowest p-value, and of the last one.
        """
        lowest, signs = np.ones(self.last.mean.shape), np.zeros(self.last.mean.shape, int)
        for tests, weights in zip(self.tests, self.weights, strict=True):
            weighed = tests.p_value / np.where(weights > 0, weights, np.inf)
            positive = np.where(tests.mean > 0, 1, -1)
            looked = (weights > 0) & (weighed <= lowest)
            signs = np.where(looked, positive, signs)
            lowest = np.where(looked, weighed, lowest)
        return np.where(self.last.mean * signs > 0, signs, 0)

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
            tuple(tests.take(places, signs, there) for tests in self.tests),
            tuple(at(it, places, there, 0.0) for it in self.weights),
        )

    def _lowest(self, p_values: list[Floats], constant: float | Floats) -> Floats:
        lowest = np.ones(p_values[0].shape)
        for p_value, weights in zip(p_values, self.weights, strict=True):
            spent = constant * weights
            weighed = np.where(spent > 0, p_value / np.where(spent > 0, spent, 1), 1)
            lowest = np.minimum(lowest, weighed)
        return lowest
