"""Hyperband as an oracle: brackets of trials, of which the best are promoted."""

from __future__ import annotations

from typing import Any

from kmlp_tuning.oracles._base import HalvingOracle
from kmlp_tuning.oracles.schedule import Bracket, plan_hyperband


class HyperbandOracle(HalvingOracle):
    """Hyperband, for any `keras_tuner.Tuner`.

    Promotions wait until their rung is complete; the brackets run side by side. A trial
    that failed ranks last and blocks nothing. Of equal scores, the trial that began first
    ranks first. The hypermodel has to train for the epochs that a trial asks for, as
    `MLPHyperModel` does. The tuner has to continue with the weights of a promoted trial: a
    plain `keras_tuner.Tuner` trains it from the beginning.

    Args:
        objective: The objective, as any oracle takes it.
        max_trials: The number of configurations that begin, without promotions. Defaults
            to 25.
        max_epochs: Epochs of the trials that are promoted to the end. Defaults to 10.
        factor: At each rung, the best `1 / factor` of the trials are promoted. Defaults to
            3.
        min_epochs: Epochs of every configuration at least. Defaults to 1.
        seed: The seed of the draws, 0 included. Defaults to None: a different one each
            time.
        **options: Other arguments of any oracle, such as `hyperparameters`.

    Raises:
        ValueError: if a number is outside of its range.

    Example:
    >>> import keras_tuner
    >>> hp = keras_tuner.HyperParameters()
    >>> rate = hp.Float("learning_rate", 1e-3, 1, sampling="log")
    >>> oracle = HyperbandOracle("val_accuracy", 9, seed=0, hyperparameters=hp)
    >>> [[rung.configurations for rung in bracket.rungs] for bracket in oracle.plan]
    [[5, 1, 1], [3, 1], [1]]
    """

    plan: list[Bracket]
    """The brackets, before any configuration is drawn."""

    def _make_plan(
        self, max_trials: int, max_epochs: int, factor: int, min_epochs: int
    ) -> list[int]:
        self.plan = plan_hyperband(
            max_trials, max_epochs, factor=factor, min_epochs=min_epochs
        )
        return [len(bracket.rungs) for bracket in self.plan]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        for number, bracket in enumerate(self.plan):
            values = self._next(trial_id, number, bracket)
            if values is not None:
                return values
        return self._wait_or_stop()

    def _next(self, trial_id: str, number: int, bracket: Bracket) -> dict[str, Any] | None:
        """The next trial of a bracket; None if it has to wait or is complete."""
        first, *later = bracket.rungs
        members = self._rungs[number]
        wanted = first.configurations
        if len(members[0]) < wanted:
            values = self._begin(trial_id, number, first.epochs)
            if values is not None:
                return values
            wanted = len(members[0])
        for level, rung in enumerate(later, start=1):
            before = members[level - 1]
            if len(before) < wanted or len(self._ended(before)) < len(before):
                return None
            promoted = self._ranked(before)[: rung.configurations]
            wanted = len(promoted)
            if len(members[level]) < wanted:
                past_id = promoted[len(members[level])]
                return self._promote(trial_id, past_id, number, level, rung.epochs)
        return None
