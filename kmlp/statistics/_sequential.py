"""The comparison of levels while seeds are added, corrected for every look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from kmlp.statistics._constants import Booleans, Floats, Integers
from kmlp.statistics._contenders import ranks_behind
from kmlp.statistics._differences import SAME, UNDECIDED, WORSE
from kmlp.statistics._evidence import Evidence
from kmlp.statistics._levels import Comparison, Decision, Pairing, checked, decide
from kmlp.statistics._looks import constant, looks
from kmlp.statistics._paired import paired_tests

Reason = Literal[
    "not stopped",
    "single best",
    "all the same",
    "every pair decided",
    "most seeds",
    "nothing to compare",
]
"""A reason why no seeds are added. All are the same if all levels that are left are."""
REASONS: tuple[Reason, ...] = get_args(Reason)
"""The reasons why no seeds are added, in the order of their codes in arrays."""
NOT_STOPPED, SINGLE_BEST, ALL_SAME, ALL_DECIDED, MOST_SEEDS, NOTHING = range(6)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SequentialComparison(Comparison):
    """The comparison of levels after some looks, corrected for all of them.

    Its intervals are repeated ones: in 95 % of studies, they hold at every look.
    """

    looks: tuple[int, ...]
    """The numbers of seeds at which there is a look, if the study does not stop before."""
    looked: Integers
    """The number of looks that were taken, of the shape of the leading dimensions."""
    active: Booleans
    """True for each level that needs more seeds; none of a study that has stopped."""
    stopped: Booleans
    """True if no more seeds are needed."""
    reason: Integers
    """The place in `REASONS`."""

    @property
    def next_look(self) -> int | None:
        """The number of seeds at the next look of a single study; None if it has
        stopped.
        """
        return None if self.stopped else self.looks[int(self.looked)]


def compare_sequentially(
    samples: ArrayLike,
    *,
    most: int = 20,
    lost: ArrayLike | None = None,
    did_not_learn: ArrayLike | None = None,
    baseline: int | None = None,
    variances: ArrayLike | None = None,
    margin: float | None = None,
) -> SequentialComparison:
    """Compare levels while seeds are added, until the question is answered.

    The seeds that are there are looked at in the order of the plan, `looks(most)`. A look
    needs its number of seeds of every level that is still trained. The result depends on
    these seeds alone, so it is the same in whatever order the runs finished.

    The statements of `compare_levels` hold in 95 % of studies each, over all looks
    together.

    Args:
        samples: The results by level and seed, of shape `(..., levels, seeds)`; higher is
            better. nan where a run is lost, or not finished yet.
        most: The largest number of seeds, from 3 to 50. Defaults to 20.
        lost: True for each run that diverged or failed, of the same shape.
        did_not_learn: True for each finished run that did not learn, of the same shape.
            Defaults to None: all learned.
        baseline: The place of the level that the others are compared with, if it was chosen
            before there were results. Defaults to None: every pair is compared.
        variances: The variance of each level's mean that is the same for all seeds, of
            shape `(..., levels)`, as in `compare_levels`.
        margin: The difference from which on levels are not the same. Defaults to None.

    Returns:
        The comparison at the last look. Without a look, it has means and no verdicts.

        A level that is shown worse than the best, or that ranks behind, gets no more seeds.
        With a baseline, that holds for each level with a verdict. The study stops at a
        single best, if no pair of active levels is undecided, or at `most` seeds. It also
        stops if no run so far has learned, if a single contender is left, or if the
        baseline ranks behind without a finished run: then there is nothing to compare. To
        stop earlier does not raise the error rate, because it leaves out looks.

    Raises:
        ValueError: if `most` is not from 3 to 50.

    Formula: at a look with `n` seeds, one of `m` pairs is tested at
    `constant(m, most) * n / most` times the level of Holm's procedure, and the best level
    at `constant(1, most) * n / most * 0.05`.

    Example:
    >>> few = [[0.951, 0.953, 0.952], [0.961, 0.970, 0.972]]
    >>> comparison = compare_sequentially(few)
    >>> REASONS[comparison.reason], comparison.next_look
    ('not stopped', 4)

    Reference: C. Jennison, B. W. Turnbull (1989), Interim analyses: the repeated confidence
    interval approach, Journal of the Royal Statistical Society B 51(3). Q. Liu, K. M.
    Anderson (2008), On adaptive extensions of group sequential trials for clinical
    investigations, Journal of the American Statistical Association 103(484). W. Maurer, F.
    Bretz (2013), Multiple testing in group sequential trials using graphical approaches,
    Statistics in Biopharmaceutical Research 5(4).
    """
    results, are_lost = checked(samples, lost)
    pairing = Pairing(results.shape[-2], baseline)
    learned = np.isfinite(results)
    if did_not_learn is not None:
        learned &= ~np.asarray(did_not_learn, bool)
    variances = pairing.variances(variances)
    state = _State(results, are_lost, learned, pairing, most, variances, margin)
    for size in looks(most):
        if not state.look(size):
            break
    decision = state.decision if state.decision is not None else state.decide()
    return SequentialComparison(
        **decision.fields(),
        looks=looks(most),
        looked=state.looked,
        active=state.active & (state.reason == NOT_STOPPED)[..., None],
        stopped=state.reason != NOT_STOPPED,
        reason=state.reason,
    )


class _State:
    """The state of one or many studies between two looks."""

    def __init__(
        self,
        results: Floats,
        lost: Booleans,
        learned: Booleans,
        pairing: Pairing,
        most: int,
        variances: Floats | None,
        margin: float | None,
    ) -> None:
        *leading, levels, seeds = results.shape
        self._results, self._lost, self._learned = results, lost, learned
        self._pending = np.isnan(results) & ~lost
        self._pairing, self._most = pairing, most
        self._variances = variances
        self._of_pairs = constant(max(pairing.count, 1), most)
        self._of_one = constant(1, most)
        self._of_losses = constant(max(levels - 1, 1), most)
        self._counted = np.full((*leading, levels), seeds)
        """The seeds of each level that count: those of its last look."""
        self._weights = np.zeros((*leading, pairing.count))
        self._behind = np.zeros((*leading, levels), bool)
        self._evidence = Evidence.nothing((*leading, pairing.count), margin)
        self.active = np.ones((*leading, levels), bool)
        self.looked = np.zeros(leading, int)
        self.reason = np.full(leading, NOT_STOPPED)
        self.decision: Decision | None = None

    def look(self, size: int) -> bool:
        """Look at the first seeds of all studies that have them; False if none has."""
        waits = (self._pending[..., :size] & self.active[..., None]).any((-1, -2))
        ready = (self.reason == NOT_STOPPED) & ~waits
        if size > self._results.shape[-1] or not ready.any():
            return False
        weight = size / self._most
        trained = ready[..., None] & self.active
        self._counted = np.where(trained, size, self._counted)
        both = trained[..., self._pairing.first] & trained[..., self._pairing.second]
        self._weights = np.where(both, weight, self._weights)
        counted = np.arange(self._results.shape[-1]) < self._counted[..., None]
        lost = (self._lost & counted).sum(-1)
        finished = (np.isfinite(self._results) & counted).sum(-1)
        behind = ranks_behind(lost, finished, spending=self._of_losses * weight)
        self._behind = np.where(trained, behind, self._behind)
        self.decision = self.decide()
        self.looked = self.looked + ready
        self._stop(self.decision, ready, size)
        return True

    def decide(self) -> Decision:
        """Return what follows from the seeds that count, at one more look."""
        seeds = np.arange(self._results.shape[-1])
        results = np.where(seeds < self._counted[..., None], self._results, np.nan)
        tests = paired_tests(self._pairing.differences(results), self._variances)
        self._evidence = self._evidence.after(tests, self._weights)
        able = np.isfinite(results).any(-1) & ~self._behind
        return decide(
            results,
            able,
            self._pairing,
            self._evidence,
            constants=(self._of_pairs, self._of_one),
            eligible=able & self.active if self._pairing.baseline is None else able,
        )

    def _stop(self, decision: Decision, ready: Booleans, size: int) -> None:
        """Take levels and studies out that need no more seeds."""
        verdicts = decision.from_reference.verdicts()
        done = self._behind | (verdicts == WORSE)
        if self._pairing.baseline is not None:
            done = (self._behind | (verdicts != UNDECIDED)) & ~self._is_baseline()
        self.active = self.active & ~(ready[..., None] & done)
        first, second = self._pairing.first, self._pairing.second
        open_pairs = self.active[..., first] & self.active[..., second]
        of_pairs = decision.pairs.verdicts()
        decided = ~(open_pairs & (of_pairs == UNDECIDED)).any(-1)
        same = open_pairs.any(-1) & ~(open_pairs & (of_pairs != SAME)).any(-1)
        alone = decided & (decision.contenders.sum(-1) < 2)
        reason = np.select(
            [
                self._is_in_vain() | alone,
                decision.single_best,
                same,
                decided,
                np.full(ready.shape, size == self._most),
            ],
            [NOTHING, SINGLE_BEST, ALL_SAME, ALL_DECIDED, MOST_SEEDS],
            NOT_STOPPED,
        )
        self.reason = np.where(ready, reason, self.reason)

    def _is_in_vain(self) -> Booleans:
        """Return True for each study without a run to compare."""
        counted = np.arange(self._results.shape[-1]) < self._counted[..., None]
        in_vain = np.logical_not((self._learned & counted).any((-1, -2)))
        if (baseline := self._pairing.baseline) is None:
            return np.asarray(in_vain)
        finished = (np.isfinite(self._results) & counted)[..., baseline, :].any(-1)
        without_baseline: Booleans = in_vain | (self._behind[..., baseline] & ~finished)
        return without_baseline

    def _is_baseline(self) -> Booleans:
        is_baseline: Booleans = np.arange(self._results.shape[-2]) == self._pairing.baseline
        return is_baseline
